"""Counters that workers on any machine add to: kept in Redis, read by `/metrics`.

If Redis is emptied they start from zero, which Prometheus takes for a restart.
"""

import logging
import threading
from collections import Counter
from collections.abc import Mapping

import redis

logger = logging.getLogger(__name__)

_IMAGES = "fluximage:metrics:images"  # "<result>|<format>" -> count
_SECONDS = "fluximage:metrics:seconds"  # "<step>" -> seconds
_STEPS = "fluximage:metrics:steps"  # "<step>" -> count
_CPU = "fluximage:metrics:cpu"  # "all" -> seconds
_WEBHOOKS = "fluximage:metrics:webhooks"  # "<result>" -> count
RETRY_SECONDS = 15.0


class Metrics:
    """Adds to the counters, and reads them; safe for threads.

    What Redis does not take is kept in this process and added later. That needs little memory,
    since there are few different counters. It is lost with a process that is killed meanwhile, and
    may be added twice when only the answer of Redis was lost.
    """

    def __init__(self, client: redis.Redis) -> None:
        self._client = client
        self._lock = threading.Lock()
        self._unsent: Counter[tuple[str, str]] = Counter()
        self._retry: threading.Timer | None = None

    def count_image(
        self, result: str, format: str, seconds: Mapping[str, float], cpu_seconds: float = 0.0
    ) -> None:
        """Counts one more image of that result and format, and the seconds that each step took.

        result: its state. An image that has not ended adds its seconds only.
        """
        with self._lock:
            if result in ("done", "failed"):
                self._unsent[_IMAGES, f"{result}|{format}"] += 1
            for step, taken in seconds.items():
                # A Counter's values may be fractions, though its type says otherwise.
                self._unsent[_SECONDS, step] += taken  # type: ignore[assignment]
                self._unsent[_STEPS, step] += 1
        self.count_cpu(cpu_seconds)

    def count_cpu(self, seconds: float) -> None:
        """Counts the CPU seconds of one more run, whatever became of it."""
        with self._lock:
            self._unsent[_CPU, "all"] += seconds  # type: ignore[assignment] # as above
        self.flush()

    def count_webhook(self, result: str) -> None:
        """Counts one more call of a webhook: `delivered`, `failed`, or `given_up` for the last."""
        with self._lock:
            self._unsent[_WEBHOOKS, result] += 1
        self.flush()

    def flush(self) -> None:
        """Adds to Redis what it has not taken yet; tries again later when it is away."""
        with self._lock:
            taken, self._unsent = self._unsent, Counter()
        if not taken:
            return
        try:
            self._add(taken)
        except redis.RedisError:
            logger.warning("the metrics are not added yet: Redis is away")
            with self._lock:
                self._unsent.update(taken)
                self._try_later()

    def image_counts(self) -> dict[tuple[str, str], int]:
        """Number of images by (result, format); raises redis.RedisError."""
        counts = {}
        for field, count in self._client.hgetall(_IMAGES).items():
            result, _, format = str(field).partition("|")
            counts[result, format] = int(count)
        return counts

    def webhook_counts(self) -> dict[str, int]:
        """Calls of webhooks by result; raises redis.RedisError."""
        return {str(k): int(n) for k, n in self._client.hgetall(_WEBHOOKS).items()}

    def cpu_seconds(self) -> float:
        """CPU seconds of all runs; raises redis.RedisError."""
        return float(self._client.hget(_CPU, "all") or 0)

    def step_seconds(self) -> dict[str, tuple[int, float]]:
        """Runs and total seconds by step; raises redis.RedisError."""
        steps = self._client.hgetall(_STEPS)
        return {
            str(step): (int(steps.get(step, 0)), float(total))
            for step, total in self._client.hgetall(_SECONDS).items()
        }

    def _add(self, counted: Mapping[tuple[str, str], float]) -> None:
        with self._client.pipeline(transaction=True) as pipeline:  # all of it or nothing
            for (key, field), amount in counted.items():
                if key in (_SECONDS, _CPU):
                    pipeline.hincrbyfloat(key, field, amount)
                else:
                    pipeline.hincrby(key, field, int(amount))
            pipeline.execute()

    def _try_later(self) -> None:
        """For a process that has no further image to count; the lock is held."""
        if self._retry is None:
            self._retry = threading.Timer(RETRY_SECONDS, self._flush_again)
            self._retry.daemon = True
            self._retry.start()

    def _flush_again(self) -> None:
        with self._lock:
            self._retry = None
        self.flush()
