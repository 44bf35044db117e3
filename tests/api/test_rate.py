"""An account's requests per minute: those above are 429, late where the client does not wait."""

import time

import pytest

from api.spent_keys import SpentKeys
from shared.errors import TooManyRequestsError
from tests.api.conftest import Still
from tests.support.client import Client

LIMIT = 40
AT_LEAST_SECONDS = 5


def _send_all(client: Client) -> None:
    """Sends as many requests as the account may in this minute."""
    if time.time() % 60 > 30:  # the count begins anew with the minute
        time.sleep(60 - time.time() % 60)
    for _ in range(LIMIT):
        assert client.call("GET", "/api/usage").status_code == 200


def _seconds(client: Client, status: int) -> float:
    started = time.monotonic()
    response = client.call("GET", "/api/usage")
    assert response.status_code == status
    if status == 429:
        assert 1 <= int(response.headers["Retry-After"]) <= 60
    return time.monotonic() - started


def test_who_sends_on_after_a_refusal_is_refused_late(still: Still) -> None:
    _send_all(still)
    assert _seconds(still, 429) < AT_LEAST_SECONDS
    assert _seconds(still, 429) >= AT_LEAST_SECONDS


def test_the_requests_of_one_account_are_not_anothers(still: Still, still_stranger: Client) -> None:
    _send_all(still)
    _seconds(still, 429)
    assert _seconds(still_stranger, 200) < AT_LEAST_SECONDS


def test_a_spent_key_is_refused_until_its_time_is_over() -> None:
    spent = SpentKeys()
    with pytest.raises(TooManyRequestsError), spent.noting("key"):
        raise TooManyRequestsError(1)
    with pytest.raises(TooManyRequestsError):
        spent.check("key")
    spent.check("other")
    time.sleep(1.1)
    spent.check("key")
