"""Many who listen at once, and those who do not read: what they cost, and what they get."""

import http.client
import os
import signal
import socket
import time
from collections.abc import Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path
from urllib.parse import urlsplit

import pytest

from infra.benchmarks.many_images import make_session
from infra.benchmarks.measuring import resident
from shared.services import Services
from tests.api.conftest import Start, Still
from tests.api.listening import listening, opened
from tests.api.raw import head
from tests.support.making import make_account, png
from tests.support.processes import descendants, eventually

LATER = {"Prefer": "respond-async"}
LISTENERS = 500
# Names that make an event large.
LONG = [(f"{n:03}{'é' * 110}.png", png()) for n in range(20)]


@pytest.fixture
def roomy(unit: Services, unit_environment: Mapping[str, str], start_api: Start) -> Iterator[Still]:
    """A client of an API with room for many listeners of one account, and without workers."""
    room = {"FLUXIMAGE_MAX_LISTENERS": "600", "FLUXIMAGE_ACCOUNT_LISTENERS": "600"}
    with start_api(dict(unit_environment) | room) as process:
        account, key = make_account(unit)
        yield Still(process.url, key, account, unit, process)


def _threads(pid: int) -> int:
    return len(list(Path(f"/proc/{pid}/task").iterdir()))


def _connections(services: Services) -> int:
    with services.database.transaction() as connection:
        row = connection.execute(
            "SELECT count(*) AS n FROM pg_stat_activity WHERE datname = current_database()"
        ).fetchone()
    assert row
    return int(row["n"]) + len(services.redis.client_list())


def _transactions(services: Services) -> int:
    """The transactions of this database so far; statistics are at most ten seconds late."""
    time.sleep(11)
    with services.database.transaction() as connection:
        connection.execute("SELECT pg_stat_clear_snapshot()")
        row = connection.execute(
            "SELECT xact_commit AS n FROM pg_stat_database WHERE datname = current_database()"
        ).fetchone()
    assert row
    return int(row["n"])


@pytest.mark.full
def test_five_hundred_listeners_cost_no_thread_no_connection_and_one_read_an_image(
    roomy: Still,
) -> None:
    roomy.compress(LONG, {"sessionId": "s"}, LATER)
    [worker] = descendants(roomy.process.pid)
    with ExitStack() as stack:
        streams = [stack.enter_context(listening(roomy, "s", seconds=60)) for _ in range(4)]
        roomy.work()
        assert [stream.next().id for stream in streams] == [1] * 4
        threads, connections, memory = (
            _threads(worker),
            _connections(roomy.unit),
            resident("VmRSS", worker),
        )
        streams += [
            stack.enter_context(listening(roomy, "s", "Last-Event-ID: 1", seconds=60))
            for _ in range(LISTENERS - len(streams))
        ]
        idle = _transactions(roomy.unit)
        started = time.monotonic()
        for _ in range(9):
            roomy.work()
        assert [[stream.next().id for _ in range(9)] for stream in streams] == [
            list(range(2, 11))
        ] * LISTENERS
        made = _transactions(roomy.unit) - idle
        seconds = time.monotonic() - started
        assert _threads(worker) <= threads
        assert _connections(roomy.unit) <= connections
        # Of each image: one read here and a handful of its worker's. One each for all who listen
        # would be 4,500. The rest is a look at all keys every two seconds.
        assert made < 9 * 10 + seconds
        assert resident("VmRSS", worker) - memory < 100_000_000


@pytest.mark.full  # a client has ten seconds to take what it is sent
def test_a_listener_that_does_not_read_is_cut_off_and_resumes_without_a_gap(
    unit: Services, unit_environment: Mapping[str, str], start_api: Start
) -> None:
    with start_api(dict(unit_environment) | {"FLUXIMAGE_ACCOUNT_LISTENERS": "1"}) as process:
        account, key = make_account(unit)
        client = Still(process.url, key, account, unit, process)
        make_session(unit, account.id, "s", 2000, [b"image"])
        with _that_does_not_read(client) as idle:

            def status() -> int:
                with listening(client, "s") as stream:
                    return stream.response.status

            assert status() == 429
            assert eventually(lambda: status() == 200, seconds=20)
            assert "took too long" in process.log.read_text()
            heard = _all_that_came(idle)
        assert 0 < len(heard) < 2000
        with listening(client, "s", f"Last-Event-ID: {heard[-1]}") as stream:
            heard += stream.ids()
        assert heard == list(range(1, 2001))


@contextmanager
def _that_does_not_read(client: Still) -> Iterator[socket.socket]:
    address = urlsplit(client.url)
    with socket.socket() as connection:
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 8192)
        connection.connect((address.hostname, address.port))
        connection.sendall(head(client.key, method="GET", path="/api/sessions/s/events"))
        time.sleep(1)
        yield connection


def _all_that_came(connection: socket.socket) -> list[int]:
    heard: list[int] = []
    with suppress(OSError, http.client.HTTPException), opened(connection) as stream:
        heard.extend(event.id for event in stream)
    return heard


@pytest.mark.full  # it waits for the next process
def test_a_listener_misses_nothing_when_the_api_is_killed(
    unit: Services, unit_environment: Mapping[str, str], start_api: Start
) -> None:
    with start_api(unit_environment) as process, ThreadPoolExecutor(1) as pool:
        account, key = make_account(unit)
        client = Still(process.url, key, account, unit, process)
        client.compress([(f"{n}.png", png()) for n in range(9)], {"sessionId": "s"}, LATER)
        heard: list[int] = []

        def listen() -> None:
            """As a browser does: it connects again until it is answered 204."""
            status = 200
            while status != 204:
                with (
                    suppress(OSError, http.client.HTTPException),
                    listening(client, "s", f"Last-Event-ID: {max(heard, default=0)}") as stream,
                ):
                    status = stream.response.status
                    for event in stream:
                        heard.extend([event.id] if event.name == "image" else [])

        listener = pool.submit(listen)
        client.work()  # while it listens
        assert eventually(lambda: len(heard) == 1)
        [worker] = descendants(process.pid)
        os.kill(worker, signal.SIGKILL)
        client.work()  # while nobody answers
        assert eventually(lambda: len(heard) == 2, seconds=60)
        client.work(7)
        listener.result(timeout=30)
        assert heard == list(range(1, 10))
