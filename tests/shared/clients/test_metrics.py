"""The counters in Redis, also while it takes nothing."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager

import pytest
import redis

from shared.clients import metrics
from shared.clients.metrics import Metrics
from shared.services import Services
from tests.support.processes import eventually


@contextmanager
def full(client: redis.Redis) -> Iterator[None]:
    """Redis refuses every write."""
    client.config_set("maxmemory", "1")
    try:
        yield
    finally:
        client.config_set("maxmemory", "0")


def test_what_redis_did_not_take_is_added_with_the_next_image(unit: Services) -> None:
    counters = Metrics(unit.redis)
    with full(unit.redis):
        counters.count_image("done", "webp", {"load": 0.25, "save": 1})
        counters.count_image("failed", "webp", {"load": 0.25}, cpu_seconds=0.5)
        counters.count_cpu(0.25)
        counters.count_image("optimised", "webp", {"load": 0.25})
        assert counters.image_counts() == {}
    counters.count_image("done", "webp", {"load": 0.25})
    assert counters.image_counts() == {("done", "webp"): 2, ("failed", "webp"): 1}
    assert counters.cpu_seconds() == 0.75
    assert counters.step_seconds() == {"load": (4, 1.0), "save": (1, 1.0)}


def test_a_process_without_a_further_image_adds_its_counts_too(
    unit: Services, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(metrics, "RETRY_SECONDS", 0.1)
    counters = Metrics(unit.redis)
    with full(unit.redis):
        counters.count_image("done", "webp", {})
        first = counters._later
        assert eventually(lambda: counters._later is not first)  # it was tried again in vain
    assert eventually(lambda: counters.image_counts() == {("done", "webp"): 1})


class CountingMetrics(Metrics):
    """Counts how often it writes."""

    writes = 0

    def _add(self, counted: Mapping[tuple[str, str], float]) -> None:
        self.writes += 1
        super()._add(counted)


def test_images_that_end_within_a_second_are_added_together(unit: Services) -> None:
    counters = CountingMetrics(unit.redis)
    for _ in range(20):
        counters.count_image("done", "webp", {})
    assert counters.writes == 1
    stored = Metrics(unit.redis)
    assert eventually(lambda: stored.image_counts() == {("done", "webp"): 20})
