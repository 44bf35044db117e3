"""Counters that workers on any machine add to: kept in Redis, read by `/metrics`.

If Redis is emptied they start from zero, which Prometheus takes for a restart.
"""

import logging
import threading
import time
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
_FLUSH_SECONDS = 1.0  # so often at most, since many images may end in a second


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
        self._later: threading.Timer | None = None
        self._next_flush = 0.0

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
        self._flush_soon()

    def count_webhook(self, result: str) -> None:
        """Counts one more call of a webhook: `delivered`, `failed`, or `given_up` for the last."""
        with self._lock:
            self._unsent[_WEBHOOKS, result] += 1
        self._flush_soon()

    def flush(self) -> None:
        """Adds to Redis what it has not taken yet; tries again later when it is away."""
        with self._lock:
            taken, self._unsent = self._unsent, Counter()
            self._next_flush = time.monotonic() + _FLUSH_SECONDS
        if not taken:
            return
        try:
            self._add(taken)
        except redis.RedisError:
            logger.warning("the metrics are not added yet: Redis is away")
            with self._lock:
                self._unsent.update(taken)
                self._flush_in(RETRY_SECONDS)

    def image_counts(self) -> dict[tuple[str, str], int]:
        """Number of images by (result, format); raises redis.RedisError."""
        self.flush()
        counts = {}
        for field, count in self._client.hgetall(_IMAGES).items():
            result, _, format = str(field).partition("|")
            counts[result, format] = int(count)
        return counts

    def webhook_counts(self) -> dict[str, int]:
        """Calls of webhooks by result; raises redis.RedisError."""
        self.flush()
        return {str(k): int(n) for k, n in self._client.hgetall(_WEBHOOKS).items()}

    def cpu_seconds(self) -> float:
        """CPU seconds of all runs; raises redis.RedisError."""
        self.flush()
        return float(self._client.hget(_CPU, "all") or 0)

    def step_seconds(self) -> dict[str, tuple[int, float]]:
        """Runs and total seconds by step; raises redis.RedisError."""
        self.flush()
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

    def _flush_soon(self) -> None:
        with self._lock:
            wait_seconds = self._next_flush - time.monotonic()
            if wait_seconds > 0:
                self._flush_in(wait_seconds)
                return
        self.flush()

    def _flush_in(self, seconds: float) -> None:
        """For a process that has no further image to count; the lock is held."""
        if self._later is None:
            self._later = threading.Timer(seconds, self._flush_again)
            self._later.daemon = True
            self._later.start()

    def _flush_again(self) -> None:
        with self._lock:
            self._later = None
        self.flush()
