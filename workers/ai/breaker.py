"""A circuit breaker that all workers share: while the provider is down nobody waits for it."""

import logging

import redis

from shared.errors import AiUnreachableError

logger = logging.getLogger(__name__)

UNREACHABLE = "The AI provider cannot be reached"

# One call in ten may fail and five in a row are still a matter of one in 100,000. A provider
# that is down fails the calls that are already out, 32 of a worker as it comes, at once.
FAILURES_TO_OPEN = 5
_PAUSE_SECONDS = 30.0
_LONGEST_PAUSE_SECONDS = 300.0
# Failures further apart than this are of different troubles, and so are two openings.
_MEMORY_SECONDS = 600

# In the order in which the scripts name them.
_KEYS = [
    "fluximage:ai:open",  # exists while nobody may call
    "fluximage:ai:openings",  # openings in succession; without the first: half-open
    "fluximage:ai:probe",  # the one call that is let through when half-open
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

# A call that was out when the breaker opened says nothing new, however it ends: its failure does
# not make the pause longer, and its success, one among failures, not shorter.
_SUCCEED = """
local open, openings, probe, failures = KEYS[1], KEYS[2], KEYS[3], KEYS[4]
if redis.call('EXISTS', open) == 0 then redis.call('DEL', openings, probe, failures) end
"""

# Returns for how many milliseconds the breaker opened, 0 if it did not.
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
    """Opens after FAILURES_TO_OPEN failures with no success between, then lets one probe through.

    Its state is in Redis. Without Redis it is closed: it spares waiting, it is no promise, and
    each call has its own deadline.
    """

    def __init__(
        self,
        client: redis.Redis,
        *,
        probe_seconds: float,
        pause_seconds: float = _PAUSE_SECONDS,
        longest_pause_seconds: float = _LONGEST_PAUSE_SECONDS,
    ) -> None:
        """A view of the one breaker there is; any number of processes may have one.

        client: one that decodes responses. probe_seconds: above what a call can take, so that
        a probe whose process died is followed by another, and one that lives is alone.
        pause_seconds: for how long it opens first; each probe that fails doubles it, up to
        longest_pause_seconds.
        """
        self._check = client.register_script(_CHECK)
        self._succeed = client.register_script(_SUCCEED)
        self._fail = client.register_script(_FAIL)
        self._probe_ms = round(probe_seconds * 1000)
        self._pause_ms = round(pause_seconds * 1000)
        self._longest_ms = round(longest_pause_seconds * 1000)

    def check(self) -> bool:
        """Before a call: returns whether it is the probe. Raises AiUnreachableError while open.

        A probe must be made, and its end told: nobody else may call until then.
        """
        state = "closed"
        try:
            state = self._check(_KEYS, [self._probe_ms])
        except redis.RedisError:
            logger.warning("the breaker was not asked: Redis is away")
        if state == "open":
            raise AiUnreachableError(UNREACHABLE)
        return state == "probe"

    def succeeded(self) -> None:
        """A call was answered: the probe's closes the breaker, any other's forgets failures."""
        try:
            self._succeed(_KEYS)
        except redis.RedisError:
            logger.warning("the breaker was not told of a success: Redis is away")

    def failed(self) -> None:
        """A call was not answered, or not so that the provider can be said to work."""
        self._count(FAILURES_TO_OPEN)

    def trip(self) -> None:
        """Opens at once, for a failure that every other call would meet too."""
        self._count(1)

    def _count(self, limit: int) -> None:
        values = [limit, self._pause_ms, self._longest_ms, _MEMORY_SECONDS * 1000]
        try:
            opened_ms = self._fail(_KEYS, values)
        except redis.RedisError:
            logger.warning("the breaker was not told of a failure: Redis is away")
            return
        if opened_ms:
            logger.warning("no calls to the AI provider for %.0f seconds", opened_ms / 1000)
