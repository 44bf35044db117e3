"""Clients that hold connections and send or take little: they cannot shut anyone out."""

import socket
import time
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from urllib.parse import urlsplit

import pytest

from api.http_errors import SENTENCES
from shared.services import Services
from tests.api.conftest import ApiProcess, Start, Still
from tests.api.raw import CONTENT_TYPE, file_part, head, read_answer
from tests.support.client import Client
from tests.support.making import make_account
from tests.support.processes import eventually

TYPE = f"Content-Type: {CONTENT_TYPE}"
LENGTH = "Content-Length: 400000000"
TOO_SLOW = "The request body stopped arriving before it was complete; send the request again"
ROOM = 552  # connections of the API below: two that last, 50 downloads, and 500


@pytest.fixture(scope="module")
def narrow_process(unit_environment: Mapping[str, str], start_api: Start) -> Iterator[ApiProcess]:
    """A client of an API with few places and little patience, and without workers."""
    small = {
        "FLUXIMAGE_MAX_UPLOADS": "1",
        "FLUXIMAGE_MAX_WAITERS": "0",
        "FLUXIMAGE_MAX_LISTENERS": "1",
        "FLUXIMAGE_BODY_STALL_SECONDS": "1",
        "FLUXIMAGE_MIN_RATE_SECONDS": "1",
        "FLUXIMAGE_MAX_BODY_SECONDS": "3",
        "FLUXIMAGE_MIN_BYTES_PER_SECOND": "20000",
    }
    with start_api(dict(unit_environment) | small) as process:
        yield process


@pytest.fixture
def narrow(narrow_process: ApiProcess, unit: Services) -> Still:
    """A client of that API with an account of its own."""
    account, key = make_account(unit)
    return Still(narrow_process.url, key, account, unit, narrow_process)


@contextmanager
def connected(client: Client, sent: bytes, source: str = "127.0.0.1") -> Iterator[socket.socket]:
    """A connection on which these bytes were sent."""
    address = urlsplit(client.url)
    with socket.create_connection((address.hostname, address.port), 20, (source, 0)) as connection:
        connection.sendall(sent)
        yield connection


def _is_open(connection: socket.socket) -> bool:
    """Whether the server has neither ended the connection nor sent anything."""
    connection.settimeout(0)
    try:
        return bool(connection.recv(1))
    except BlockingIOError:
        return True
    finally:
        connection.settimeout(20)


@pytest.mark.parametrize("sent", [b"", b"GET / HTTP/1.1\r\nHost: t\r\nX: "])
def test_connections_that_stand_there_give_way_to_new_ones(narrow: Still, sent: bytes) -> None:
    with ExitStack() as stack:
        kept = stack.enter_context(connected(narrow, b"", "127.0.0.3"))
        held = [stack.enter_context(connected(narrow, sent, "127.0.0.2")) for _ in range(ROOM + 50)]
        assert narrow.call("GET", "/health/live").status_code == 200
        assert narrow.call("GET", "/api/usage").status_code == 200
        assert eventually(lambda: not _is_open(held[0]))
        assert _is_open(kept)  # of an address with fewer


@pytest.mark.parametrize("sent", [b"G", b"GET / HTTP/1.1\r\nHost: t\r\nX: "])
def test_a_head_that_does_not_end_is_408(narrow: Still, sent: bytes) -> None:
    with connected(narrow, sent) as connection:
        answer = read_answer(connection)
    assert (answer.status, answer.error) == (408, SENTENCES[408])
    assert answer.headers["Connection"] == "close"


def test_a_head_that_comes_byte_by_byte_is_408(narrow: Still) -> None:
    with connected(narrow, b"GET / HTTP/1.1\r\nX: ") as connection:
        assert _trickle(connection, b"x") == 408


def _trickle(connection: socket.socket, piece: bytes, seconds: float = 10) -> int:
    """Sends the piece twenty times a second; returns the status of the answer."""
    ends = time.monotonic() + seconds
    while time.monotonic() < ends:
        connection.sendall(piece)
        time.sleep(0.05)
        connection.settimeout(0)
        try:
            if begin := connection.recv(12, socket.MSG_PEEK):
                return int(begin[9:])
        except BlockingIOError:
            continue
        finally:
            connection.settimeout(20)
    raise AssertionError("no answer came")


@pytest.mark.parametrize("first", [b"", file_part("a.jpg", bytes(1_000_000))[:-2]])
def test_a_body_that_comes_too_slowly_is_408_whatever_came_before(
    narrow: Still, first: bytes
) -> None:
    start = head(narrow.key, TYPE, LENGTH) + (first or file_part("a.jpg", b"")[:-2])
    with connected(narrow, start) as connection:
        assert _trickle(connection, b"x" * 100) == 408
        assert read_answer(connection).error == TOO_SLOW


def test_a_body_that_is_not_complete_in_its_time_is_408(narrow: Still) -> None:
    start = head(narrow.key, TYPE, LENGTH) + file_part("a.jpg", b"")[:-2]
    with connected(narrow, start) as connection:
        started = time.monotonic()
        assert _trickle(connection, b"x" * 10_000) == 408
        assert time.monotonic() - started > 2.9


def test_a_body_above_the_rate_is_read_to_its_end(narrow: Still) -> None:
    body = file_part("a.txt", b"x" * 100_000) + b"------boundary--\r\n"
    start = head(narrow.key, TYPE, f"Content-Length: {len(body)}", "Prefer: respond-async")
    with connected(narrow, start) as connection:
        for at in range(0, len(body), 4000):
            connection.sendall(body[at : at + 4000])
            time.sleep(0.05)
        assert read_answer(connection).status == 202


@pytest.mark.full  # an answer of 100 kB may take six seconds
def test_a_client_that_does_not_take_its_answer_is_cut_off(narrow: Still) -> None:
    address = urlsplit(narrow.url)
    with socket.socket() as connection:
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        connection.connect((address.hostname, address.port))
        connection.settimeout(60)
        connection.sendall(head("x", method="GET", path="/openapi.json") * 400)
        log = narrow.process.log
        assert eventually(lambda: "to take its answer" in log.read_text(), seconds=60)
