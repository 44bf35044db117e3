"""Many who listen at once, and those who do not read: what they cost, and what they get."""

import os
import signal
import socket
import time
from collections.abc import Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from pathlib import Path
from urllib.parse import urlsplit

import pytest

from shared.services import Services
from tests.api.conftest import Start, Still
from tests.api.listening import Stream, listening
from tests.api.raw import head
from tests.support.making import make_account, png
from tests.support.processes import descendants, eventually, resident_kib

LATER = {"Prefer": "respond-async"}
LISTENERS = 500
# Names that make an event large.
LONG = [(f"{n:03}{'é' * 110}.png", png()) for n in range(20)]


@pytest.fixture
def roomy(
    unit: Services, unit_environment: Mapping[str, str], start_api: Start
) -> Iterator[Still]:
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
    """The transactions of this database so far; the statistics are a second late."""
    time.sleep(1.5)
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
            resident_kib(worker),
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
        print(threads, connections, memory, resident_kib(worker), made, seconds)
        assert _threads(worker) == threads
        assert _connections(roomy.unit) <= connections
        # Of each image: one read here and a handful of its worker's. One each for all who listen
        # would be 4,500. The rest is a look at all keys every two seconds.
        assert made < 9 * 10 + seconds
        assert resident_kib(worker) - memory < 100 * 1024
        for stream in streams:
            stream.connection.close()
