"""At most so many at one time over all processes, counted in Redis by leases."""

import logging
from typing import cast
from uuid import uuid4

import redis

from shared.errors import TooManyRequestsError

logger = logging.getLogger(__name__)

LEASE_SECONDS = 60
_RETRY_SECONDS = 10

# By the clock of Redis, since those of several machines differ.
_TAKE = """
local now = tonumber(redis.call('TIME')[1])
redis.call('ZREMRANGEBYSCORE', KEYS[1], '-inf', now)
local new = not redis.call('ZSCORE', KEYS[1], ARGV[1])
if new and redis.call('ZCARD', KEYS[1]) >= tonumber(ARGV[2]) then return 0 end
redis.call('ZADD', KEYS[1], now + ARGV[3], ARGV[1])
redis.call('EXPIRE', KEYS[1], ARGV[3])
return 1
"""


class Slot:
    """One of the slots of that name, from `take` to `free`.

    A slot that is not taken again within LEASE_SECONDS, as of a process that was killed, is free.
    While Redis is down nobody is refused: it protects the service, no more.
    """

    def __init__(self, client: redis.Redis, name: str, limit: int) -> None:
        """name: of what is counted. limit: how many there are."""
        self._client = client
        self._key = f"fluximage:slots:{name}"
        self._limit = limit
        self._token = str(uuid4())

    def take(self) -> None:
        """Takes a slot, or keeps the one that is held; raises TooManyRequestsError without one."""
        values = (self._token, str(self._limit), str(LEASE_SECONDS))
        try:
            taken = cast(int, self._client.eval(_TAKE, 1, self._key, *values))
        except redis.RedisError:
            logger.warning("a slot was not counted")
            return
        if not taken:
            raise TooManyRequestsError(_RETRY_SECONDS)

    def free(self) -> None:
        """Lets another one take the slot."""
        try:
            self._client.zrem(self._key, self._token)
        except redis.RedisError:
            logger.warning("a slot was not freed; it will be when its lease ends")
