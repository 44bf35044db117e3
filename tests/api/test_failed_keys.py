"""Refused keys are counted by the address that sends them, and no other client is affected.

The API under test lets an address fail ten times a minute and trusts a proxy at 127.0.0.1.
"""

import time
from uuid import uuid4

import httpx

from tests.api.conftest import Still
from tests.support.client import Client, get

LIMIT = 10
UNKNOWN = f"flx_live_{'0' * 40}"


def _call(client: Client, address: str, key: str = UNKNOWN) -> httpx.Response:
    headers = {"Authorization": f"Bearer {key}".strip(), "X-Forwarded-For": address}
    return get(f"{client.url}/api/usage", headers=headers)


def _fail(client: Client, address: str, key: str = UNKNOWN) -> httpx.Response:
    """Fails as often as the address may within one minute, and once more."""
    if time.time() % 60 > 50:  # the count begins anew with the minute
        time.sleep(60 - time.time() % 60)
    for _ in range(LIMIT):
        assert _call(client, address, key).status_code == 401
    return _call(client, address, key)


def test_an_address_that_goes_on_failing_is_429_with_retry_after(still: Still) -> None:
    response = _fail(still, "203.0.113.1")
    assert (response.status_code, response.json()) == (
        429,
        {"error": "Too many requests", "code": "rate_limited"},
    )
    assert 1 <= int(response.headers["Retry-After"]) <= 60


def test_no_key_at_all_is_a_failure_too(still: Still) -> None:
    assert _fail(still, "203.0.113.2", key="").status_code == 429


def test_a_good_key_passes_from_an_address_past_its_limit(still: Still) -> None:
    _fail(still, "203.0.113.3")
    assert _call(still, "203.0.113.3", still.key).status_code == 200


def test_a_good_key_is_no_failure(still: Still) -> None:
    for _ in range(LIMIT + 1):
        assert _call(still, "203.0.113.4", still.key).status_code == 200
    assert _call(still, "203.0.113.4").status_code == 401


def test_the_failures_of_one_address_are_not_anothers(still: Still) -> None:
    _fail(still, "203.0.113.5")
    assert _call(still, "203.0.113.6").status_code == 401


def test_all_addresses_of_one_ipv6_network_are_one_client(still: Still) -> None:
    for n in range(LIMIT + 1):
        response = _call(still, f"2a00:1:2:3::{n:x}")
    assert response.status_code == 429
    assert _call(still, "2a00:1:2:4::").status_code == 401


def test_what_a_client_writes_itself_does_not_make_it_another_address(still: Still) -> None:
    for n in range(LIMIT + 1):
        response = _call(still, f"198.51.100.{n}, 203.0.113.7")
    assert response.status_code == 429


def test_without_redis_a_wrong_key_is_401_as_ever(broken_url: str) -> None:
    key = f"flx_live_{uuid4().hex}{'0' * 8}"
    headers = {"Authorization": f"Bearer {key}"}
    assert get(f"{broken_url}/api/usage", headers=headers).status_code == 401
