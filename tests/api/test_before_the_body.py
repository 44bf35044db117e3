"""What is refused before the body is read, and that the client gets that answer."""

import socket
import time

import pytest

from shared.plans import Plan
from tests.api.conftest import Still
from tests.api.raw import CONTENT_TYPE, end, file_part, head, read_answer
from tests.api.test_connections import connected
from tests.support.client import Client
from tests.support.making import make_account, png

TYPE = f"Content-Type: {CONTENT_TYPE}"
EXPECT = "Expect: 100-continue"
LATER = "Prefer: respond-async"
BODY = file_part("a.png", png()) + end()
LENGTH = f"Content-Length: {len(BODY)}"
CONTINUE = b"HTTP/1.1 100 Continue\r\n\r\n"


@pytest.fixture
def exhausted(still: Still) -> Still:
    """A client on the free plan that has used all of it; its last batch has the key `last`."""
    account, key = make_account(still.unit, Plan.FREE)
    client = Still(still.url, key, account, still.unit, still.process)
    files = [(f"{n}.png", png()) for n in range(20)]
    headers = {"Prefer": "respond-async", "Idempotency-Key": "last"}
    assert client.compress(files, headers=headers).status_code == 202
    return client


def _first_line(connection: socket.socket) -> bytes:
    return connection.recv(4096).partition(b"\r\n")[0]


def test_a_client_that_asks_first_is_refused_without_its_body(still: Still) -> None:
    wrong = f"flx_live_{'0' * 40}"
    with connected(still, head(wrong, TYPE, LENGTH, EXPECT)) as connection:
        assert _first_line(connection).startswith(b"HTTP/1.1 401 ")


def test_a_client_that_asks_first_is_told_that_its_plan_is_used_up(exhausted: Still) -> None:
    with connected(exhausted, head(exhausted.key, TYPE, LENGTH, EXPECT)) as connection:
        answer = read_answer(connection)
    assert (answer.status, answer.json()["code"]) == (403, "plan_limit")
    assert answer.error.startswith("You have used 20 of the 20 images")


def test_a_client_that_asks_first_is_asked_for_its_body(still: Still) -> None:
    with connected(still, head(still.key, TYPE, LENGTH, EXPECT, LATER)) as connection:
        assert connection.recv(len(CONTINUE), socket.MSG_WAITALL) == CONTINUE
        connection.sendall(BODY)
        assert read_answer(connection).status == 202


def test_a_repeat_gets_its_answer_although_the_plan_is_used_up(exhausted: Still) -> None:
    files = [(f"{n}.png", png()) for n in range(20)]
    headers = {"Prefer": "respond-async", "Idempotency-Key": "last"}
    assert exhausted.compress(files, headers=headers).status_code == 202


def test_a_client_that_pauses_while_it_is_refused_still_reads_its_answer(
    client: Client,
) -> None:
    refused = head("wrong", TYPE, "Content-Length: 4000000")
    with connected(client, refused) as connection:
        connection.sendall(bytes(1_000_000))
        time.sleep(2.5)
        for _ in range(3):
            connection.sendall(bytes(1_000_000))
            time.sleep(0.1)
        assert read_answer(connection).status == 401
        assert connection.recv(1) == b""


@pytest.mark.parametrize("body", [b"", b"5\r\nhello\r\n0\r\n\r\n"])
def test_a_refused_body_in_chunks_ends_the_connection_when_it_has_come(
    client: Client, body: bytes
) -> None:
    chunked = head("wrong", TYPE, "Transfer-Encoding: chunked")
    with connected(client, chunked + body) as connection:
        assert read_answer(connection).status == 401
        connection.sendall(b"3\r\nend\r\n0\r\n\r\n" if not body else b"")
        assert connection.recv(1) == b""
