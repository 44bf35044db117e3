"""Rate limits per minute, counted in Redis for all API processes together."""

import logging
import time

import redis

from shared.errors import TooManyRequestsError

logger = logging.getLogger(__name__)

_WINDOW_SECONDS = 60


def count_request(client: redis.Redis, account_id: int, limit: int) -> None:
    """Counts a request of an account; raises TooManyRequestsError above `limit` per minute.

    The account is counted and not its key, so that a new key does not start a new count.
    """
    _count(client, f"account:{account_id}", limit)


def count_failed_key(client: redis.Redis, share: str, limit: int) -> None:
    """Counts a refused key; raises TooManyRequestsError above `limit` per minute.

    share: what the client is counted by, its address or its network.
    """
    _count(client, f"failed:{share}", limit)


def _count(client: redis.Redis, who: str, limit: int) -> None:
    # While Redis is down nobody is refused: the limits protect the service, no more.
    now = time.time()
    key = f"fluximage:rate:{who}:{int(now // _WINDOW_SECONDS)}"
    try:
        with client.pipeline(transaction=False) as pipeline:
            pipeline.incr(key)
            pipeline.expire(key, 2 * _WINDOW_SECONDS)
            made = int(pipeline.execute()[0])
    except redis.RedisError:
        logger.warning("a request was not counted")
        return
    if made > limit:
        raise TooManyRequestsError(_WINDOW_SECONDS - int(now % _WINDOW_SECONDS))
