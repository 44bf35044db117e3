"""A circuit breaker that all workers share: while the provider is down, no worker calls it."""

import logging

import redis

from shared.errors import AiUnreachableError

logger = logging.getLogger(__name__)

UNREACHABLE = "The AI provider cannot be reached"

# Where one call in ten fails by chance, five in a row are one in 100,000. A provider that is down
# fails all calls in progress, by default 32 per worker, at once.
FAILURES_TO_OPEN = 5
_PAUSE_SECONDS = 30.0
_LONGEST_PAUSE_SECONDS = 300.0
# Seconds after which failures and openings are forgotten: later ones have another cause.
_MEMORY_SECONDS = 600

# In the order of the scripts' KEYS.
_KEYS = [
    "fluximage:ai:open",  # exists while calls are refused
    "fluximage:ai:openings",  # openings in succession; exists without the first key: half-open
    "fluximage:ai:probe",  # the one call that is allowed while half-open
    "fluximage:ai:failures",  # in succession, while closed
]

_CHECK = """
local open, openings, probe = KEYS[1], KEYS[2], KEYS[3]
local probe_ms = ARGV[1]
if redis.call('EXISTS', open) == 1 then return 'open' end
if redis.call('EXISTS', openings) == 0 then return 'closed' end
if redis.call('SET', probe, 1, 'NX', 'PX', probe_ms) then return 'probe' end
return 'open'
"""

# A call that started before the breaker opened changes nothing: its failure does not make the pause
# longer, and its success does not make it shorter.
_SUCCEED = """
local open, openings, probe, failures = KEYS[1], KEYS[2], KEYS[3], KEYS[4]
if redis.call('EXISTS', open) == 0 then redis.call('DEL', openings, probe, failures) end
"""

# Returns for how many milliseconds the breaker opened, or 0.
_FAIL = """
local open, openings, probe, failures = KEYS[1], KEYS[2], KEYS[3], KEYS[4]
local limit, pause, longest, memory = ARGV[1], ARGV[2], ARGV[3], ARGV[4]
if redis.call('EXISTS', open) == 1 then return 0 end
if redis.call('EXISTS', openings) == 0 then
  local failed = redis.call('INCR', failures)
  redis.call('PEXPIRE', failures, memory)
  if failed < tonumber(limit) then return 0 end
end
local ms = math.min(pause * 2 ^ (redis.call('INCR', openings) - 1), tonumber(longest))
redis.call('PEXPIRE', openings, ms + memory)
redis.call('SET', open, 1, 'PX', ms)
redis.call('DEL', probe, failures)
return ms
"""


class Breaker:
    """Opens after FAILURES_TO_OPEN failures in a row; after a pause it allows one call, the probe.

    Its state is in Redis. While Redis is down it is closed: it only saves time, since each call
    has a deadline of its own.
    """

    def __init__(
        self,
        client: redis.Redis,
        *,
        probe_seconds: float,
        pause_seconds: float = _PAUSE_SECONDS,
        longest_pause_seconds: float = _LONGEST_PAUSE_SECONDS,
    ) -> None:
        """Any number of processes may have one; all share one state.

        client: one that decodes responses. probe_seconds: longer than a call can take; after it
        another probe is allowed, since the process of the first has died. pause_seconds: for how
        long the breaker opens at first; each failed probe doubles it, up to
        longest_pause_seconds.
        """
        self._check = client.register_script(_CHECK)
        self._succeed = client.register_script(_SUCCEED)
        self._fail = client.register_script(_FAIL)
        self._probe_ms = round(probe_seconds * 1000)
        self._pause_ms = round(pause_seconds * 1000)
        self._longest_ms = round(longest_pause_seconds * 1000)

    def check(self) -> bool:
        """To be called before a call: returns whether it is the probe.

        The probe must be made, and `succeeded` or `failed` called after it: until then all other
        calls are refused. Raises AiUnreachableError while the breaker is open.
        """
        state = "closed"
        try:
            state = self._check(_KEYS, [self._probe_ms])
        except redis.RedisError:
            logger.warning("the breaker was not read: Redis is not available")
        if state == "open":
            raise AiUnreachableError(UNREACHABLE)
        return state == "probe"

    def succeeded(self) -> None:
        """After an answered call: a probe closes the breaker, any other resets the failures."""
        try:
            self._succeed(_KEYS)
        except redis.RedisError:
            logger.warning("a success was not noted in the breaker: Redis is not available")

    def failed(self) -> None:
        """After a call without an answer, or with one that shows that the provider is broken."""
        self._count(FAILURES_TO_OPEN)

    def trip(self) -> None:
        """Opens the breaker at once, after a failure that every other call would have too."""
        self._count(1)

    def _count(self, limit: int) -> None:
        values = [limit, self._pause_ms, self._longest_ms, _MEMORY_SECONDS * 1000]
        try:
            opened_ms = self._fail(_KEYS, values)
        except redis.RedisError:
            logger.warning("a failure was not noted in the breaker: Redis is not available")
            return
        if opened_ms:
            logger.warning("no calls to the AI provider for %.0f seconds", opened_ms / 1000)
