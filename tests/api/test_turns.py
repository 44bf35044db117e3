"""Turns at being worked on: one address with many requests does not stand before all others."""

import gevent
import pytest

from api import turns as module
from api.turns import Turn, Turns

MANY = 20


@pytest.fixture
def turns(monkeypatch: pytest.MonkeyPatch) -> Turns:
    """Turns that last until they are ended."""
    monkeypatch.setattr(module, "_LONGEST_SECONDS", 60)
    return Turns()


def _take_all(
    turns: Turns, address: str, into: list[tuple[str, Turn]]
) -> list["gevent.Greenlet[[], None]"]:
    def take() -> None:
        into.append((address, turns.take(address, pause=False)))

    return [gevent.spawn(take) for _ in range(MANY)]


def _end_and_look(taken: list[tuple[str, Turn]], count: int) -> list[str]:
    """Ends turns one by one; returns whose were taken in their place."""
    before = len(taken)
    for number in range(count):
        taken[number][1].end()
        gevent.sleep(0.01)
    return [address for address, _ in taken[before:]]


def test_few_are_worked_on_at_one_time(turns: Turns) -> None:
    taken: list[tuple[str, Turn]] = []
    waiting = _take_all(turns, "many", taken)
    gevent.sleep(0.01)
    assert 0 < len(taken) < MANY / 4
    gevent.killall(waiting)


def test_addresses_get_turns_one_after_the_other_however_many_requests_they_have(
    turns: Turns,
) -> None:
    taken: list[tuple[str, Turn]] = []
    waiting = _take_all(turns, "many", taken)
    gevent.sleep(0.01)
    waiting += _take_all(turns, "other", taken)
    gevent.sleep(0.01)
    assert _end_and_look(taken, 4) == ["many", "other", "many", "other"]
    gevent.killall(waiting)


def test_who_gives_way_while_it_waits_leaves_its_turn_to_the_next(turns: Turns) -> None:
    taken: list[tuple[str, Turn]] = []
    waiting = _take_all(turns, "many", taken)
    gevent.sleep(0.01)
    gevent.killall(waiting[len(taken) : -1])
    assert _end_and_look(taken, 2) == ["many"]


def test_a_turn_ends_by_itself_while_its_request_waits_for_a_server() -> None:
    turns, taken = Turns(), list[tuple[str, Turn]]()
    gevent.joinall(_take_all(turns, "many", taken), timeout=20)
    assert len(taken) == MANY


def test_a_turn_that_ends_twice_is_free_once(turns: Turns) -> None:
    turn = turns.take("one", pause=False)
    turn.end()
    turn.end()
    taken: list[tuple[str, Turn]] = []
    waiting = _take_all(turns, "many", taken)
    gevent.sleep(0.01)
    assert len(taken) == module._AT_ONCE
    gevent.killall(waiting)
