"""Requests an account may make in a minute, counted in Redis for all API processes together."""

import logging
import time

import redis

from shared.errors import TooManyRequestsError

logger = logging.getLogger(__name__)

_WINDOW_SECONDS = 60


def count(client: redis.Redis, account_id: int, limit: int) -> None:
    """Counts one request; raises TooManyRequestsError past `limit` in this minute.

    Without Redis nobody is refused: the limit protects the service, it is no promise.
    """
    now = time.time()
    key = f"fluximage:rate:{account_id}:{int(now // _WINDOW_SECONDS)}"
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
