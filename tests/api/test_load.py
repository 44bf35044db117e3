"""Much at once: large uploads in little memory, many waiters, and an orderly end."""

import resource
import signal
import sys
import time
from collections.abc import Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from os import kill

import httpx
import pytest

from shared.services import Services
from tests.api.conftest import Start, Still
from tests.api.raw import BOUNDARY, CONTENT_TYPE, exchange, head
from tests.support.client import Client
from tests.support.making import make_account, png
from tests.support.processes import descendants, eventually, peak_kib
from workers import sweep

FILES = [("a.png", png())]
MEGABYTE = bytes(1024 * 1024)
linux = pytest.mark.skipif(sys.platform != "linux", reason="reads /proc")


def _full_batch(key: str) -> Iterator[bytes]:
    """A request with 20 files of 20 MB, which no test has to hold in memory."""
    disposition = 'Content-Disposition: form-data; name="file"; filename="full.jpg"'
    start = f"--{BOUNDARY}\r\n{disposition}\r\n\r\n".encode()
    close = f"--{BOUNDARY}--\r\n".encode()
    length = 20 * (len(start) + 20 * len(MEGABYTE) + 2) + len(close)
    headers = (f"Content-Type: {CONTENT_TYPE}", f"Content-Length: {length}")
    yield head(key, *headers, "Prefer: respond-async")
    for _ in range(20):
        yield start
        yield from [MEGABYTE] * 20
        yield b"\r\n"
    yield close


@linux
def test_twenty_files_of_twenty_megabytes_grow_the_api_by_less_than_64_mb(still: Still) -> None:
    assert still.compress(FILES, headers={"Prefer": "respond-async"}).status_code == 202
    [worker] = descendants(still.process.pid)
    before = peak_kib(worker)
    answer = exchange(still.url, _full_batch(still.key))
    assert answer.status == 202
    session = answer.json()["session_id"]
    assert still.call("DELETE", f"/api/sessions/{session}").status_code == 200
    sweep.delete_inputs(still.unit.database, still.unit.store)
    assert peak_kib(worker) - before < 64 * 1024


def test_a_large_upload_does_not_hold_up_others(still: Still) -> None:
    slowest = 0.0
    with ThreadPoolExecutor(1) as pool:
        upload = pool.submit(exchange, still.url, _full_batch(still.key))
        while not upload.done():
            started = time.monotonic()
            assert still.call("GET", "/health/live").status_code == 200
            slowest = max(slowest, time.monotonic() - started)
        assert upload.result().status == 202
    assert slowest < 2


def test_a_large_upload_that_is_refused_does_not_hold_up_others(still: Still) -> None:
    slowest = 0.0
    with ThreadPoolExecutor(1) as pool:
        upload = pool.submit(exchange, still.url, _full_batch(f"flx_live_{'0' * 40}"))
        while not upload.done():
            started = time.monotonic()
            assert still.call("GET", "/health/live").status_code == 200
            slowest = max(slowest, time.monotonic() - started)
        assert upload.result().status == 401
    assert slowest < 2


def test_past_the_operators_limit_of_waiters_a_batch_is_202_at_once(
    unit: Services, unit_environment: Mapping[str, str], start_api: Start
) -> None:
    account, key = make_account(unit)
    small = {"FLUXIMAGE_MAX_WAITERS": "0"}
    with start_api(dict(unit_environment) | small) as process:
        client = Client(process.url, key, account)
        started = time.monotonic()
        assert client.compress(FILES, {"sessionId": "s"}).status_code == 202
        page = client.call("GET", "/api/sessions/s", params={"wait": 60})
        assert (page.status_code, page.json()["status"]) == (200, "queued")
        assert time.monotonic() - started < 10


def test_past_the_operators_limit_of_time_a_client_that_waits_gets_its_202(
    unit: Services, unit_environment: Mapping[str, str], start_api: Start
) -> None:
    account, key = make_account(unit)
    small = {"FLUXIMAGE_WAIT_LIMIT_SECONDS": "1"}
    with start_api(dict(unit_environment) | small) as process:
        client = Client(process.url, key, account)
        started = time.monotonic()
        response = client.compress(FILES)
        assert response.status_code == 202
        assert 0.9 < time.monotonic() - started < 10
        assert client.compress(FILES, headers={"Prefer": "wait=60"}).headers[
            "Preference-Applied"
        ] == ("wait=1")


def test_an_api_that_ends_lets_its_waiters_go_with_a_202(
    unit: Services, unit_environment: Mapping[str, str], start_api: Start
) -> None:
    account, key = make_account(unit)
    with start_api(unit_environment) as process, ThreadPoolExecutor(1) as pool:
        client = Client(process.url, key, account)
        waiting = pool.submit(client.compress, FILES, {"sessionId": "s"})
        assert eventually(lambda: client.call("GET", "/api/sessions/s").status_code == 200)
        started = time.monotonic()
        kill(process.pid, signal.SIGTERM)
        response = waiting.result(timeout=30)
        assert response.status_code == 202
        assert time.monotonic() - started < 10


@linux
def test_an_api_takes_as_many_open_files_as_it_may(
    unit_environment: Mapping[str, str], start_api: Start
) -> None:
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (256, hard))
    try:
        with start_api(unit_environment) as process:
            [worker] = descendants(process.pid)
            assert resource.prlimit(worker, resource.RLIMIT_NOFILE) == (hard, hard)
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))


def test_many_who_wait_leave_room_for_polls(still: Still) -> None:
    still.compress(FILES, {"sessionId": "s"}, {"Prefer": "respond-async"})
    url, headers = f"{still.url}/api/sessions/s", {"Authorization": f"Bearer {still.key}"}

    def wait(_: int) -> httpx.Response:
        return httpx.get(url, params={"wait": 25}, headers=headers, timeout=60)

    with ThreadPoolExecutor(30) as pool:
        waiting = [pool.submit(wait, n) for n in range(30)]
        time.sleep(1)
        started = time.monotonic()
        assert still.call("GET", "/api/sessions/s").json()["status"] == "queued"
        assert time.monotonic() - started < 5
        still.work()
        pages = [future.result().json() for future in waiting]
    assert all(page["status"] == "completed" for page in pages)
    assert time.monotonic() - started < 20
