"""Places of requests that last: nobody gets none because others hold them."""

import time
from collections.abc import Iterator, Mapping
from contextlib import ExitStack

import pytest

from api.places import Places
from shared.errors import TooManyRequestsError, UnavailableError
from shared.services import Services
from tests.api.conftest import ApiProcess, Start, Still
from tests.api.raw import CONTENT_TYPE, head
from tests.api.test_connections import connected
from tests.support.making import make_account, png
from tests.support.processes import eventually

HERE, THERE = "192.0.2.1", "192.0.2.2"
LENGTH = "Content-Length: 400000000"
TYPE = f"Content-Type: {CONTENT_TYPE}"
LATER = {"Prefer": "respond-async"}


def _fill(places: Places, account: int, address: str | None) -> int:
    """Takes all that the account gets; returns how many."""
    for taken in range(1000):
        try:
            places.take(account, address)
        except (TooManyRequestsError, UnavailableError):
            return taken
    raise AssertionError("no bound")


def test_an_account_gets_its_share_and_no_more() -> None:
    assert _fill(Places(100, 40), 1, HERE) == 40


def test_an_address_gets_half_however_many_accounts_it_has() -> None:
    places = Places(100, 40)
    assert [_fill(places, account, HERE) for account in (1, 2)] == [40, 10]
    assert _fill(places, 3, THERE) > 1


def test_a_quarter_is_kept_for_accounts_that_hold_none() -> None:
    places = Places(100, 40)
    assert sum(_fill(places, account, None) for account in range(1, 10)) == 75 + 7
    for account in range(10, 28):
        places.take(account, HERE)
    with pytest.raises(UnavailableError):
        places.take(99, HERE)


def test_an_account_at_a_crowded_address_still_gets_one() -> None:
    places = Places(100, 40)
    _fill(places, 1, HERE)
    _fill(places, 2, HERE)
    assert _fill(places, 3, HERE) == 1


def test_a_proxy_has_no_share() -> None:
    places = Places(100, 40)
    assert [_fill(places, account, None) for account in (1, 2)] == [40, 35]


def test_one_account_may_have_all_where_the_operator_says_so() -> None:
    assert _fill(Places(60, 60), 1, HERE) == 60


def test_what_is_freed_twice_is_free_once() -> None:
    places = Places(2, 1)
    free = places.take(1, HERE)
    free()
    free()
    places.take(1, HERE)
    with pytest.raises(TooManyRequestsError):
        places.take(1, HERE)


@pytest.fixture(scope="module")
def few_process(unit_environment: Mapping[str, str], start_api: Start) -> Iterator[ApiProcess]:
    """An API with few places, and without workers."""
    few = {
        "FLUXIMAGE_MAX_UPLOADS": "8",
        "FLUXIMAGE_ACCOUNT_UPLOADS": "3",
        "FLUXIMAGE_MAX_WAITERS": "8",
        "FLUXIMAGE_ACCOUNT_WAITERS": "3",
    }
    with start_api(dict(unit_environment) | few) as process:
        yield process


@pytest.fixture
def few(few_process: ApiProcess, unit: Services) -> Still:
    """A client of that API with an account of its own."""
    account, key = make_account(unit)
    return Still(few_process.url, key, account, unit, few_process)


def test_uploads_of_one_account_leave_room_for_anothers(few: Still) -> None:
    _, key = make_account(few.unit)
    start = head(few.key, TYPE, LENGTH, "Expect: 100-continue")
    with ExitStack() as stack:
        for _ in range(3):
            upload = stack.enter_context(connected(few, start))
            assert upload.recv(4096).startswith(b"HTTP/1.1 100 ")  # it has its place
        assert _posted(few, few.key) == 429
        assert _posted(few, key) == 202
    assert eventually(lambda: _posted(few, few.key) == 202)


def test_waits_of_one_account_leave_room_for_anothers(few: Still) -> None:
    account, key = make_account(few.unit)
    other = Still(few.url, key, account, few.unit, few.process)
    for client in (few, other):
        client.compress([("a.png", png())], {"sessionId": "s"}, LATER)
    poll = head(few.key, method="GET", path="/api/sessions/s?wait=25")
    with ExitStack() as stack:
        for _ in range(3):
            stack.enter_context(connected(few, poll))
        time.sleep(1)  # a poll before they wait would take a place itself
        assert eventually(lambda: _waited(few) < 2)
        assert _waited(other) > 2


def _posted(client: Still, key: str) -> int:
    headers = {"Authorization": f"Bearer {key}"} | LATER
    return client.compress([("a.png", png())], headers=headers).status_code


def _waited(client: Still) -> float:
    started = time.monotonic()
    assert client.call("GET", "/api/sessions/s?wait=2").status_code == 200
    return time.monotonic() - started
