"""All workers together keep the limits on calls per minute."""

import time
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import pytest
import redis

from shared import services
from shared.services import Services
from workers.ai.limits import Limits


@pytest.fixture
def others(unit: Services) -> Iterator[redis.Redis]:
    """Another process' client of the same Redis."""
    with services.redis_client(unit.settings) as client:
        yield client


def test_racing_workers_make_exactly_the_calls_that_an_account_may(
    unit: Services, others: redis.Redis
) -> None:
    workers = [Limits(client, calls=1_000, account_calls=50) for client in (unit.redis, others)]
    with ThreadPoolExecutor(20) as pool:
        waits = list(pool.map(lambda number: workers[number % 2].take(7), range(200)))
    assert waits.count(0.0) == 50


def test_racing_accounts_make_exactly_the_calls_that_all_together_may(
    unit: Services, others: redis.Redis
) -> None:
    workers = [Limits(client, calls=50, account_calls=30) for client in (unit.redis, others)]
    with ThreadPoolExecutor(20) as pool:
        waits = list(pool.map(lambda number: workers[number % 2].take(number % 5), range(200)))
    assert waits.count(0.0) == 50


def test_an_account_at_its_limit_leaves_room_for_others(unit: Services) -> None:
    limits = Limits(unit.redis, calls=100, account_calls=2)
    made = Counter(limits.take(1) == 0.0 for _ in range(10))
    assert made == {True: 2, False: 8}
    assert limits.take(2) == 0.0


def test_a_call_that_all_together_have_no_room_for_costs_its_account_nothing(
    unit: Services,
) -> None:
    full = Limits(unit.redis, calls=1, account_calls=1)
    assert full.take(1) == 0.0
    assert full.take(2) > 0.0
    assert Limits(unit.redis, calls=2, account_calls=1).take(2) == 0.0


def test_a_call_is_allowed_after_the_returned_wait(unit: Services) -> None:
    limits = Limits(unit.redis, calls=10, account_calls=1, window_seconds=1)
    assert limits.take(1) == 0.0
    seconds = limits.take(1)
    assert 0.0 < seconds <= 1.0
    time.sleep(seconds)
    assert limits.take(1) == 0.0


def test_a_call_counts_for_a_whole_window_whenever_it_was_made(unit: Services) -> None:
    limits = Limits(unit.redis, calls=10, account_calls=2, window_seconds=3)
    assert limits.take(1) == 0.0
    time.sleep(1)
    assert limits.take(1) == 0.0
    time.sleep(limits.take(1))
    # The first has left; the second, made a second later, is still there.
    assert limits.take(1) == 0.0
    assert limits.take(1) > 0.0


def test_a_limit_that_was_lowered_waits_until_enough_calls_have_left(unit: Services) -> None:
    before = Limits(unit.redis, calls=10, account_calls=3, window_seconds=60)
    for _ in range(3):
        before.take(1)
        time.sleep(0.1)
    first_leaves = before.take(1)
    last_leaves = Limits(unit.redis, calls=10, account_calls=1, window_seconds=60).take(1)
    assert last_leaves > first_leaves + 0.1


def test_what_is_counted_is_forgotten_with_its_minute(unit: Services) -> None:
    Limits(unit.redis, calls=10, account_calls=10).take(1)
    keys = unit.redis.keys("fluximage:ai:*")
    assert len(keys) == 2
    assert all(0 < unit.redis.pttl(key) <= 60_000 for key in keys)


def test_no_call_waits_while_redis_is_down(no_redis: str) -> None:
    with redis.Redis.from_url(no_redis) as away:
        limits = Limits(away, calls=1, account_calls=1)
        assert [limits.take(1), limits.take(1)] == [0.0, 0.0]
