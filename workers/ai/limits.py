"""Calls to the AI provider in any minute, counted in Redis for all workers together."""

import logging
from uuid import uuid4

import redis

logger = logging.getLogger(__name__)

_WINDOW_SECONDS = 60.0

# A log of the last minute's calls an account, and one for all: sorted sets, scored by Redis'
# own clock in milliseconds. Unlike a counter a minute, it never lets two minutes' calls through
# around the turn of one, which the provider's own limits would refuse. A member costs 100 bytes.
# Both logs or none get the call: one that the service has no room for costs its account nothing.
_TAKE = """
local id, window = ARGV[1], tonumber(ARGV[2])
local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
local wait = 0
for i, log in ipairs(KEYS) do
  redis.call('ZREMRANGEBYSCORE', log, '-inf', now - window)
  local over = redis.call('ZCARD', log) - tonumber(ARGV[2 + i])
  if over >= 0 then
    local leaving = redis.call('ZRANGE', log, over, over, 'WITHSCORES')
    wait = math.max(wait, leaving[2] + window - now)
  end
end
if wait > 0 then return wait end
for _, log in ipairs(KEYS) do
  redis.call('ZADD', log, now, id)
  redis.call('PEXPIRE', log, window)
end
return 0
"""


class Limits:
    """How many calls one account, and all accounts together, may make in a minute."""

    def __init__(
        self,
        client: redis.Redis,
        *,
        calls: int,
        account_calls: int,
        window_seconds: float = _WINDOW_SECONDS,
    ) -> None:
        """Any number of processes may have one.

        calls: of all accounts together in `window_seconds`. account_calls: of each.
        """
        self._take = client.register_script(_TAKE)
        self._limits = (account_calls, calls)
        self._window_ms = round(window_seconds * 1000)

    def take(self, account_id: int) -> float:
        """Counts one call and returns 0, or counts none and returns the seconds until one may fit.

        Without Redis nobody waits: the limit protects, it is no promise.
        """
        logs = [f"fluximage:ai:calls:{account_id}", "fluximage:ai:calls"]
        try:
            return float(self._take(logs, [uuid4().hex, self._window_ms, *self._limits])) / 1000
        except redis.RedisError:
            logger.warning("a call to the AI provider was not counted: Redis is away")
            return 0.0
