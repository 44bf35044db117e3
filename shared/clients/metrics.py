"""Counters that workers on any machine add to: kept in Redis, read by `/metrics`.

If Redis is emptied they start from zero, which Prometheus takes for a restart.
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
    """Counts one more image of that result and format, and the seconds that each step took.

    result: its state. An image that waits for its second step adds its seconds only.
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
    """Number of images by (result, format); raises redis.RedisError."""
    counts = {}
    for field, count in client.hgetall(_IMAGES).items():
        result, _, format = str(field).partition("|")
        counts[result, format] = int(count)
    return counts


def step_seconds(client: redis.Redis) -> dict[str, tuple[int, float]]:
    """Runs and total seconds by step; raises redis.RedisError."""
    steps = client.hgetall(_STEPS)
    return {
        str(step): (int(steps.get(step, 0)), float(total))
        for step, total in client.hgetall(_SECONDS).items()
    }
