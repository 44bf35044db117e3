"""While the provider is down, no worker calls it except for one probe at a time."""

import time
from concurrent.futures import ThreadPoolExecutor
from threading import Barrier

import pytest
import redis

from shared.errors import AiUnreachableError
from shared.services import Services
from workers.ai.breaker import FAILURES_TO_OPEN, Breaker


def breaker_of(
    client: redis.Redis, *, pause: float = 30, longest: float = 300, probe: float = 30
) -> Breaker:
    return Breaker(client, probe_seconds=probe, pause_seconds=pause, longest_pause_seconds=longest)


def is_open(breaker: Breaker) -> bool:
    try:
        breaker.check()
    except AiUnreachableError:
        return True
    return False


def half_open(client: redis.Redis, *, probe: float = 30) -> Breaker:
    """A breaker whose pause is over."""
    breaker = breaker_of(client, pause=0.1, probe=probe)
    breaker.trip()
    assert is_open(breaker)
    time.sleep(0.2)
    return breaker


def pause_of(client: redis.Redis) -> int:
    """The milliseconds for which it is still open."""
    return client.pttl("fluximage:ai:open")


def test_failures_in_a_row_open_it_for_every_worker(unit: Services) -> None:
    breaker, other = breaker_of(unit.redis), breaker_of(unit.redis)
    for _ in range(FAILURES_TO_OPEN):
        assert not is_open(other)
        breaker.failed()
    assert is_open(other)


def test_a_success_between_failures_keeps_it_closed(unit: Services) -> None:
    breaker = breaker_of(unit.redis)
    for _ in range(FAILURES_TO_OPEN - 1):
        breaker.failed()
    breaker.succeeded()
    breaker.failed()
    assert not is_open(breaker)


def test_racing_failures_are_all_counted(unit: Services) -> None:
    breaker = breaker_of(unit.redis)
    with ThreadPoolExecutor(FAILURES_TO_OPEN) as pool:
        list(pool.map(lambda _: breaker.failed(), range(FAILURES_TO_OPEN)))
    assert is_open(breaker)


def test_one_failure_that_all_would_meet_opens_it(unit: Services) -> None:
    breaker = breaker_of(unit.redis)
    breaker.trip()
    assert is_open(breaker)


def test_a_call_while_it_is_closed_is_not_a_probe(unit: Services) -> None:
    assert breaker_of(unit.redis).check() is False


def test_after_its_pause_exactly_one_of_twenty_racers_may_call(unit: Services) -> None:
    breaker = half_open(unit.redis)
    start = Barrier(20)

    def race(_: int) -> bool:
        start.wait()
        return not is_open(breaker)

    with ThreadPoolExecutor(20) as pool:
        assert sum(pool.map(race, range(20))) == 1


def test_the_call_that_is_allowed_is_the_probe(unit: Services) -> None:
    assert half_open(unit.redis).check() is True


def test_a_probe_that_succeeds_closes_it(unit: Services) -> None:
    breaker = half_open(unit.redis)
    breaker.check()
    breaker.succeeded()
    assert [breaker.check(), breaker.check()] == [False, False]


def test_each_probe_that_fails_opens_it_for_longer_up_to_a_bound(unit: Services) -> None:
    breaker = breaker_of(unit.redis, pause=20, longest=70)
    pauses = []
    for _ in range(4):
        breaker.trip()
        pauses.append(round(pause_of(unit.redis), -4))
        unit.redis.delete("fluximage:ai:open")  # as its end comes
        breaker.check()
    assert pauses == [20_000, 40_000, 70_000, 70_000]


def test_one_failure_of_a_probe_is_enough(unit: Services) -> None:
    breaker = half_open(unit.redis)
    breaker.check()
    breaker.failed()
    assert pause_of(unit.redis) > 0


def test_it_begins_with_the_shortest_pause_again_after_a_success(unit: Services) -> None:
    breaker = half_open(unit.redis)
    breaker.succeeded()
    breaker_of(unit.redis, pause=20).trip()
    assert pause_of(unit.redis) <= 20_000


def test_a_call_in_progress_when_it_opened_does_not_lengthen_its_pause(unit: Services) -> None:
    breaker = breaker_of(unit.redis, pause=20)
    breaker.trip()
    breaker.failed()
    assert 0 < pause_of(unit.redis) <= 20_000
    assert unit.redis.get("fluximage:ai:openings") == "1"


def test_a_success_of_a_call_in_progress_when_it_opened_does_not_close_it(unit: Services) -> None:
    breaker = breaker_of(unit.redis, pause=0.5)
    breaker.trip()
    breaker.succeeded()
    assert is_open(breaker)
    time.sleep(0.6)
    assert breaker.check() is True


def test_a_probe_whose_worker_died_is_followed_by_another(unit: Services) -> None:
    breaker = half_open(unit.redis, probe=0.2)
    assert breaker.check()
    time.sleep(0.3)
    assert breaker.check()


def test_all_of_its_keys_expire(unit: Services) -> None:
    breaker = half_open(unit.redis)
    breaker.check()
    probing = {key: unit.redis.pttl(key) for key in unit.redis.keys("fluximage:ai:*")}
    breaker.succeeded()
    breaker.failed()
    counting = {key: unit.redis.pttl(key) for key in unit.redis.keys("fluximage:ai:*")}
    assert len(probing) == 2
    assert len(counting) == 1
    assert all(left > 0 for left in [*probing.values(), *counting.values()])


def test_it_is_closed_while_redis_is_down(no_redis: str) -> None:
    with redis.Redis.from_url(no_redis, decode_responses=True) as away:
        breaker = breaker_of(away)
        breaker.trip()
        breaker.failed()
        breaker.succeeded()
        assert breaker.check() is False


def test_its_public_sentence_names_no_internals(unit: Services) -> None:
    breaker = breaker_of(unit.redis)
    breaker.trip()
    with pytest.raises(AiUnreachableError, match=r"^The AI provider cannot be reached$"):
        breaker.check()
