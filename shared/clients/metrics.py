"""Counters that workers on any machine add to: kept in Redis, read by `/metrics`.

A Redis that is emptied starts them at nought again, which Prometheus takes for a restart.
"""

import logging
from collections.abc import Mapping

import redis

logger = logging.getLogger(__name__)

_IMAGES = "fluximage:metrics:images"  # "<result>|<format>" -> count
_SECONDS = "fluximage:metrics:seconds"  # "<step>" -> seconds
_STEPS = "fluximage:metrics:steps"  # "<step>" -> count


def count_image(
    client: redis.Redis, result: str, format: str, seconds: Mapping[str, float]
) -> None:
    """One image more of that result and format, and what each step took in seconds.

    result: the state that it is in: of one that waits for its second step only the seconds count.
    """
    try:
        with client.pipeline(transaction=False) as pipeline:
            if result in ("done", "failed"):
                pipeline.hincrby(_IMAGES, f"{result}|{format}", 1)
            for step, taken in seconds.items():
                pipeline.hincrbyfloat(_SECONDS, step, taken)
                pipeline.hincrby(_STEPS, step, 1)
            pipeline.execute()
    except redis.RedisError:
        logger.warning("an image was not counted in the metrics")


def image_counts(client: redis.Redis) -> dict[tuple[str, str], int]:
    """Images by (result, format); raises redis.RedisError."""
    counts = {}
    for field, count in client.hgetall(_IMAGES).items():
        result, _, format = str(field).partition("|")
        counts[result, format] = int(count)
    return counts


def step_seconds(client: redis.Redis) -> dict[str, tuple[int, float]]:
    """How often each step ran and its seconds in all; raises redis.RedisError."""
    steps = client.hgetall(_STEPS)
    return {
        str(step): (int(steps.get(step, 0)), float(total))
        for step, total in client.hgetall(_SECONDS).items()
    }
