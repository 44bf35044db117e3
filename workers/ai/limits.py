"""The limits on calls to the AI provider per minute, counted in Redis for all workers."""

import logging
from uuid import uuid4

import redis

logger = logging.getLogger(__name__)

_WINDOW_SECONDS = 60.0

# A sliding window: a log of the last minute's calls per account, and one for all accounts. Each is
# a sorted set, scored by Redis' clock in milliseconds. A counter per minute would allow twice the
# limit around the turn of a minute, which the provider would refuse. A call is added to both logs
# or to neither, so that a call refused for the whole service does not count for its account.
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
    """How many calls per minute one account and all accounts together may make."""

    def __init__(
        self,
        client: redis.Redis,
        *,
        calls: int,
        account_calls: int,
        window_seconds: float = _WINDOW_SECONDS,
    ) -> None:
        """Any number of processes may have one; all share one count.

        calls: of all accounts together per `window_seconds`. account_calls: of each account.
        """
        self._take = client.register_script(_TAKE)
        self._limits = (account_calls, calls)
        self._window_ms = round(window_seconds * 1000)

    def take(self, account_id: int) -> float:
        """Counts a call and returns 0, or returns the seconds to wait and counts nothing.

        While Redis is down no call waits: the provider has limits of its own.
        """
        logs = [f"fluximage:ai:calls:{account_id}", "fluximage:ai:calls"]
        try:
            return float(self._take(logs, [uuid4().hex, self._window_ms, *self._limits])) / 1000
        except redis.RedisError:
            logger.warning("a call to the AI provider was not counted: Redis is not available")
            return 0.0
