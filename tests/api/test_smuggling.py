"""Two readers of one connection must see the same requests: no body hides another request.

Each body here holds a request that would cancel a session. A proxy that reads the length the
other way would have let it through as data; here it must never run.
"""

import re
import socket
from contextlib import suppress
from itertools import product
from urllib.parse import urlsplit

import pytest

from shared.db import views
from tests.api.calls import PATHS
from tests.api.conftest import Still
from tests.api.raw import BOUNDARY, CONTENT_TYPE, exchange, head
from tests.support.cases import every_case
from tests.support.making import png

TYPE = f"Content-Type: {CONTENT_TYPE}"
START = b"--" + BOUNDARY.encode()  # of a multipart body, five bytes of which are a chunk
LAST = b"0\r\n\r\n"


@pytest.fixture
def victim(still: Still) -> Still:
    """A client with a session `s` that runs."""
    sent = still.compress([("a.png", png())], {"sessionId": "s"}, {"Prefer": "respond-async"})
    assert sent.status_code == 202
    return still


def _hidden(client: Still) -> bytes:
    return head(client.key, method="DELETE", path="/api/sessions/s")


def _runs(client: Still) -> bool:
    found = views.view_session(
        client.unit.database, client.account.id, "s", after_number=0, limit=1
    )
    return found.status == "queued"


def _statuses(url: str, sent: bytes) -> list[int]:
    """Sends the bytes on one connection; the status of every answer until the server closes it."""
    address = urlsplit(url)
    with socket.create_connection((address.hostname, address.port), timeout=20) as connection:
        received = b""
        with suppress(OSError):  # a reset: it has answered and reads no more
            connection.sendall(sent)
            connection.shutdown(socket.SHUT_WR)
            while piece := connection.recv(65536):
                received += piece
    return [int(status) for status in re.findall(rb"HTTP/1\.[01] (\d{3}) ", received)]


@every_case(
    "headers",
    [
        ("Content-Length: 5", "Transfer-Encoding: chunked"),
        ("Transfer-Encoding: chunked", "Content-Length: 5"),
        ("Content-Length: 5", "Content-Length: 900"),
        ("Content-Length: 5", "Content-Length: 5"),
        ("Content-Length: 5", "content-length: 0"),
        ("Content-Length: 5, 5",),
        ("Content-Length:",),
        ("Content-Length: 5 5",),
        ("Content-Length: \xb2",),  # a digit to Python, and to nobody else
        ("Content-Length : 5",),
        ("Content-Length\t: 5",),
        ("Transfer-Encoding: chunked, chunked",),
        ("Transfer-Encoding: chunked", "Transfer-Encoding: chunked"),
        ("Transfer-Encoding: chunked, gzip",),
        ("Transfer-Encoding: gzip",),
        ("Transfer-Encoding: gzip, chunked",),
        ("Transfer-Encoding: gzip", "Transfer-Encoding: chunked"),
        ("Transfer-Encoding: deflate, chunked",),
        ("Transfer-Encoding: compress,chunked",),
        ("Transfer-Encoding: identity, chunked",),
        ("Transfer-Encoding: identity",),
        ("Transfer-Encoding: ,chunked",),
        ("Transfer-Encoding: chunked;q=1",),
        ("Transfer-Encoding: xchunked",),
        ("Transfer-Encoding:",),
        ("Transfer-Encoding: \x0bchunked",),
        ("Transfer-Encoding: chunked\x00",),
        ("Transfer-Encoding: 'chunked'",),
        ("Transfer-Encoding : chunked",),
        ("Transfer-Encoding:\r\n chunked",),
        (" Transfer-Encoding: chunked",),
        ("X: y\nTransfer-Encoding: chunked",),
        ("X: y\rTransfer-Encoding: chunked",),
    ],
)
def test_a_length_that_can_be_read_in_two_ways_ends_the_connection(
    victim: Still, headers: tuple[str, ...]
) -> None:
    request = head(victim.key, TYPE, *headers).decode().encode("latin-1")
    [status] = _statuses(victim.url, request + LAST + _hidden(victim))
    assert status in (400, 501)
    assert _runs(victim)


def test_chunks_in_a_version_that_has_none_end_the_connection(victim: Still) -> None:
    request = head(victim.key, TYPE, "Transfer-Encoding: chunked").replace(b"HTTP/1.1", b"HTTP/1.0")
    assert _statuses(victim.url, request + LAST + _hidden(victim)) == [400]
    assert _runs(victim)


@every_case(
    "chunks",
    [
        b"-5\r\n" + START[:5] + b"\r\n" + LAST,
        b"+5\r\n" + START[:5] + b"\r\n" + LAST,
        b"0x5\r\n" + START[:5] + b"\r\n" + LAST,
        b"0_5\r\n" + START[:5] + b"\r\n" + LAST,
        b" 5\r\n" + START[:5] + b"\r\n" + LAST,
        b"\xb25\r\n" + START[:5] + b"\r\n" + LAST,
        b"\r\n" + START[:5] + b"\r\n" + LAST,
        b"5\n" + START[:5] + b"\r\n" + LAST,
        b"5;a=b\nc\r\n" + START[:5] + b"\r\n" + LAST,
        b"4\r\n" + START[:5] + b"\r\n" + LAST,  # more came than it says
        b"6\r\n" + START[:5] + b"\r\n" + LAST,  # less came
        b"5\r\n" + START[:5] + LAST,
        b"5\r\n" + START[:5] + b"xx" + LAST,
        b"f" * 16 + b"\r\n" + START[:5] + b"\r\n" + LAST,
        b"1" * 9000 + b"\r\n" + START[:5] + b"\r\n" + LAST,
        b"5\r\n" + START[:5] + b"\r\n0\r\nContent-Length: 5\r\n\r\n",
        b"5\r\n" + START[:5] + b"\r\n0\r\nAuthorization: x\r\n\r\n",
        b"5\r\n" + START[:5] + b"\r\n0\r\nno header\r\n\r\n",
    ],
)
def test_a_chunk_that_lies_ends_the_connection(victim: Still, chunks: bytes) -> None:
    request = head(victim.key, TYPE, "Transfer-Encoding: chunked")
    assert _statuses(victim.url, request + chunks + _hidden(victim)) == [400]
    assert _runs(victim)


@every_case("method, path", product(["POST", "GET", "DELETE", "PUT"], [*PATHS, "/api/nothing"]))
def test_a_body_that_nobody_read_holds_no_request(victim: Still, method: str, path: str) -> None:
    victim.unit.redis.flushdb()  # the refused keys of the cases before
    hidden = _hidden(victim)
    stranger = f"flx_live_{'0' * 40}"
    request = head(stranger, f"Content-Length: {len(hidden)}", method=method, path=path)
    assert len(_statuses(victim.url, request + hidden)) == 1
    assert _runs(victim)


def test_a_chunked_body_that_nobody_read_holds_no_request(victim: Still) -> None:
    hidden = _hidden(victim)
    request = head(victim.key, "Transfer-Encoding: chunked", method="GET", path="/api/usage")
    chunks = b"%x\r\n%s\r\n" % (len(hidden), hidden) + LAST
    assert _statuses(victim.url, request + chunks) == [200]
    assert _runs(victim)


def test_an_answer_after_which_the_connection_ends_says_so(still: Still) -> None:
    # A client that expects an open connection would send its next request into nothing.
    sent = [head("wrong", TYPE, "Content-Length: 5"), b"12345"]
    assert exchange(still.url, sent).headers["Connection"] == "close"


def test_requests_that_are_sent_ahead_are_answered_in_their_order(still: Still) -> None:
    paths = ["/api/usage", "/api/nothing", "/health/live", "/api/sessions/none", "/api/usage"]
    sent = b"".join(head(still.key, method="GET", path=path) for path in paths)
    assert _statuses(still.url, sent) == [200, 404, 200, 404, 200]


@every_case(
    "line, statuses",
    [
        ("GET http://evil.example/api/usage HTTP/1.1", {200, 404}),
        ("OPTIONS * HTTP/1.1", {404, 405}),
        ("CONNECT evil.example:443 HTTP/1.1", {400, 404, 405}),
        ("GET evil.example/api/usage HTTP/1.1", {400}),
        ("GET /api/usage#x HTTP/1.1", {200, 400, 404}),
    ],
)
def test_a_target_for_proxies_reaches_nothing_else(
    still: Still, line: str, statuses: set[int]
) -> None:
    request = head(still.key, "Connection: close").split(b"\r\n", 1)[1]
    answer = exchange(still.url, [line.encode() + b"\r\n" + request])
    assert answer.status in statuses
    assert "Location" not in answer.headers
