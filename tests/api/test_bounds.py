"""What one hostile client can cost: memory, disk space and the time of other clients."""

import socket
import sys
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager, suppress
from urllib.parse import urlsplit

import pytest

from api.http_errors import SENTENCES
from tests.api.conftest import Still
from tests.api.raw import CONTENT_TYPE, end, exchange, file_part, head, part, post
from tests.support.cases import every_case
from tests.support.making import png
from tests.support.processes import descendants, eventually, forget_peak, peak_kib, unnamed_bytes

linux = pytest.mark.skipif(sys.platform != "linux", reason="reads /proc")

TYPE = f"Content-Type: {CONTENT_TYPE}"
ASYNC = "Prefer: respond-async"
CHUNKED = "Transfer-Encoding: chunked"
MEGABYTE = bytes(1024 * 1024)
POSTED = 3  # images, before a test
TOO_MANY = "The request body has too many parts; send at most 200"
LONG_TEXT = "context must be at most 16384 bytes long"
LARGE_FILE = "File huge.jpg exceeds the 20MB limit"
BROKEN = "The request body is not valid multipart/form-data, or ends before its last boundary"
LENGTH = f"Content-Length: {400 * len(MEGABYTE)}"


def _chunk(data: bytes) -> bytes:
    return b"%x\r\n%s\r\n" % (len(data), data)


@pytest.fixture
def worker(still: Still) -> int:
    """The process id of the API, which has done its usual work once and forgot its peak."""
    [pid] = descendants(still.process.pid)
    for _ in range(POSTED):
        post(still.url, still.key, file_part("a.png", png()) + end(), ASYNC)
    forget_peak(pid)
    return pid


@contextmanager
def _connections(client: Still, sent: bytes, count: int) -> Iterator[list[socket.socket]]:
    """That many connections that have sent these bytes, or as many of them as are taken."""
    address = urlsplit(client.url)
    with ExitStack() as stack:
        opened = []
        for _ in range(count):
            connection = socket.create_connection((address.hostname, address.port), timeout=20)
            opened.append(stack.enter_context(connection))
            with suppress(OSError):
                connection.sendall(sent)
        yield opened


def _slowest(client: Still, until: threading.Event) -> float:
    """The longest that a healthy client waited for an answer meanwhile, in seconds."""
    slowest = 0.0
    while not until.wait(0.02):
        started = time.monotonic()
        assert client.call("GET", "/health/live").status_code == 200
        slowest = max(slowest, time.monotonic() - started)
    return slowest


def _without_end(piece: bytes, start: bytes) -> Iterator[bytes]:
    yield start
    yield from [piece] * 400


@linux
@every_case(
    "piece, start, headers, error",
    [
        (
            part('name="x"', b"y") * 10_000,
            b"",
            (TYPE, LENGTH),
            TOO_MANY,
        ),
        (
            MEGABYTE,
            part('name="context"')[:-2],
            (TYPE, LENGTH),
            LONG_TEXT,
        ),
        (MEGABYTE, part('name="' + "x" * 5000), (TYPE, LENGTH), BROKEN),
        (b"X: " + MEGABYTE + b"\r\n", b"------boundary\r\n", (TYPE, LENGTH), BROKEN),
        (b"X: y\r\n" * 99_999, b"------boundary\r\n", (TYPE, LENGTH), BROKEN),
        (
            _chunk(MEGABYTE),
            _chunk(file_part("huge.jpg", b"")[:-2]),
            (TYPE, CHUNKED),
            LARGE_FILE,
        ),
        (b"1" * len(MEGABYTE), b"", (TYPE, CHUNKED), BROKEN),
        (b"X: y\r\n" * 100_000, b"0\r\n", (TYPE, CHUNKED), BROKEN),
        (MEGABYTE, b"", (TYPE, "Content-Length: 99999999999"), SENTENCES[413]),
        (MEGABYTE, b"", (TYPE, LENGTH, "Content-Encoding: gzip"), SENTENCES[415]),
    ],
)
def test_what_has_no_end_is_refused_and_takes_little_memory(
    still: Still, worker: int, piece: bytes, start: bytes, headers: tuple[str, ...], error: str
) -> None:
    forget_peak(worker)
    before = peak_kib(worker)
    answer = exchange(still.url, _without_end(piece, head(still.key, *headers) + start))
    assert 400 <= answer.status < 500
    assert answer.error == error
    assert still.call("GET", "/api/usage").json()["compressor_used"] == POSTED
    assert peak_kib(worker) - before < 16 * 1024


@linux
def test_thirty_uploads_that_stand_still_hold_little_memory(still: Still, worker: int) -> None:
    # Of each ten files as large as may stay in memory, 19 MB in all, and ten that may not, 75 MB.
    before = peak_kib(worker)
    files = file_part("a.png", bytes(64 * 1024)) * 10 + file_part("b.png", bytes(250_000)) * 10
    with _connections(still, head(still.key, TYPE, LENGTH) + files, 30) as connections:
        for connection in connections:  # a standstill is found once what was sent is read
            assert connection.recv(4096).startswith(b"HTTP/1.1 ")
    assert peak_kib(worker) - before < 64 * 1024


@pytest.mark.parametrize("name", ["watermarkFile", "quality", "file"])
def test_files_past_the_most_a_batch_can_have_are_refused_before_the_rest(
    still: Still, name: str
) -> None:
    files = part(f'name="{name}"; filename="x.png"', b"x" * 20_000) * 30
    answer = exchange(still.url, [head(still.key, TYPE, LENGTH), files], seconds=10)
    assert answer.status == 400
    assert answer.error in (
        "The request body has more than 21 files; send at most 20 in file and one in watermarkFile",
        "Maximum 20 images allowed per batch",
    )


@linux
@pytest.mark.parametrize("goes", ["away", "silent"])
def test_an_upload_that_ends_half_way_leaves_nothing_on_the_disk(
    still: Still, worker: int, goes: str
) -> None:
    started = head(still.key, TYPE, LENGTH) + file_part("a.jpg", MEGABYTE * 5)
    with _connections(still, started, 5) as connections:
        assert eventually(lambda: unnamed_bytes(worker) > 4 * 5 * len(MEGABYTE))
        if goes == "away":
            for connection in connections:
                connection.close()
        assert eventually(lambda: unnamed_bytes(worker) == 0, seconds=5)


def test_fifty_uploads_that_trickle_do_not_slow_a_healthy_client(still: Still) -> None:
    done = threading.Event()
    with (
        ThreadPoolExecutor(1) as pool,
        _connections(still, head(still.key, TYPE, LENGTH), 50) as connections,
    ):
        slowest = pool.submit(_slowest, still, done)
        for at in range(0, 3000, 30):
            piece = file_part("a.jpg", bytes(3000))[at : at + 30]
            for connection in connections:
                connection.sendall(piece)
            time.sleep(0.01)
        done.set()
        assert slowest.result() < 2


def test_requests_that_never_stop_coming_do_not_hold_up_others(still: Still) -> None:
    # All sent ahead on one connection, so that the next one is always there to be read.
    done = threading.Event()
    ahead = head("none", method="GET", path="/nothing") * 500
    with ThreadPoolExecutor(2) as pool, _connections(still, ahead, 1) as [connection]:

        def read() -> None:
            with suppress(OSError):
                while connection.recv(1 << 20):
                    pass

        pool.submit(read)
        slowest = pool.submit(_slowest, still, done)
        ends = time.monotonic() + 2
        while time.monotonic() < ends:
            connection.sendall(ahead)
        done.set()
        assert slowest.result() < 2
        connection.shutdown(socket.SHUT_RDWR)


def test_heads_without_end_do_not_hold_up_others(still: Still) -> None:
    fields = b"".join(b"X-%d: %s\r\n" % (n, b"x" * 8000) for n in range(95))
    done = threading.Event()
    with ThreadPoolExecutor(1) as pool:
        slowest = pool.submit(_slowest, still, done)
        with _connections(still, b"GET / HTTP/1.1\r\nHost: t\r\n" + fields, 30):
            time.sleep(1)
        done.set()
        assert slowest.result() < 2
