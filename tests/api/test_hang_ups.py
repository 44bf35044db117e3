"""A client that goes away while it waits: its place is free for the next one."""

import socket
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from urllib.parse import urlsplit

import pytest

from shared.services import Services
from tests.api.conftest import Start
from tests.api.raw import CONTENT_TYPE, end, file_part, head
from tests.support.client import Client
from tests.support.making import make_account, png
from tests.support.processes import eventually

FILES = [("a.png", png())]
BODY = file_part("b.png", png()) + end()


def _post(key: str) -> bytes:
    return head(key, f"Content-Type: {CONTENT_TYPE}", f"Content-Length: {len(BODY)}") + BODY


def _poll(key: str, seconds: int) -> bytes:
    return head(key, method="GET", path=f"/api/sessions/s?wait={seconds}")


@pytest.fixture(scope="module")
def one_place_url(unit_environment: Mapping[str, str], start_api: Start) -> Iterator[str]:
    """The address of an API that lets one client wait at a time, and has no workers."""
    with start_api(dict(unit_environment) | {"FLUXIMAGE_MAX_WAITERS": "1"}) as process:
        yield process.url


@pytest.fixture
def waiter(one_place_url: str, unit: Services) -> Client:
    """A client with a session `s` in which nothing ends."""
    account, key = make_account(unit)
    client = Client(one_place_url, key, account)
    client.compress(FILES, {"sessionId": "s"}, {"Prefer": "respond-async"})
    return client


def _may_wait(client: Client) -> bool:
    started = time.monotonic()
    assert client.call("GET", "/api/sessions/s?wait=1").json()["status"] == "queued"
    return time.monotonic() - started > 0.9


@contextmanager
def _connected(client: Client, request: bytes) -> Iterator[socket.socket]:
    """A connection whose client has the one place."""
    address = urlsplit(client.url)
    assert eventually(lambda: _may_wait(client))
    with socket.create_connection((address.hostname, address.port)) as connection:
        connection.sendall(request)
        time.sleep(0.5)  # a poll before it waits would take the place itself
        assert not _may_wait(client)
        yield connection


def test_the_place_of_a_client_that_hung_up_is_free_within_seconds(waiter: Client) -> None:
    with _connected(waiter, _post(waiter.key)):
        pass
    assert eventually(lambda: _may_wait(waiter), seconds=6)


def test_a_batch_for_which_there_is_no_place_is_202_at_once(waiter: Client) -> None:
    with _connected(waiter, _poll(waiter.key, 25)):
        started = time.monotonic()
        assert waiter.compress(FILES).status_code == 202
        assert time.monotonic() - started < 10


@pytest.mark.full
def test_a_client_that_stays_keeps_its_place(waiter: Client) -> None:
    with _connected(waiter, _poll(waiter.key, 25)):
        assert not eventually(lambda: _may_wait(waiter), seconds=2.5)


def test_a_request_that_is_sent_ahead_is_still_answered(waiter: Client) -> None:
    # Looking whether the client is there must not take its next request's first byte.
    ahead = head(waiter.key, "Connection: close", method="GET", path="/api/usage")
    with _connected(waiter, _poll(waiter.key, 3)) as connection:
        connection.sendall(ahead)
        answers = b""
        while piece := connection.recv(65536):
            answers += piece
    assert answers.count(b"HTTP/1.1 200 ") == 2
    assert b'"plan":"agency"' in answers
