"""Much at once: large uploads in little memory, many waiters, and an orderly end."""

import io
import resource
import signal
import sys
import time
from collections.abc import Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from os import kill

import httpx
import pytest

from shared.services import Services
from tests.api.conftest import ApiProcess, Start, Still, in_process
from tests.api.raw import BOUNDARY, CONTENT_TYPE, Answer, exchange, head
from tests.support.client import Client, get
from tests.support.making import make_account, png
from tests.support.processes import descendants, eventually, forget_peak, peak_kib
from workers import sweep

FILES = [("a.png", png())]
MEGABYTE = bytes(1024 * 1024)
linux = pytest.mark.skipif(sys.platform != "linux", reason="reads /proc")


def _large_batch(key: str, files: int) -> Iterator[bytes]:
    """A request with files of 20 MB, which no test has to hold in memory."""
    disposition = 'Content-Disposition: form-data; name="file"; filename="full.jpg"'
    start = f"--{BOUNDARY}\r\n{disposition}\r\n\r\n".encode()
    close = f"--{BOUNDARY}--\r\n".encode()
    length = files * (len(start) + 20 * len(MEGABYTE) + 2) + len(close)
    headers = (f"Content-Type: {CONTENT_TYPE}", f"Content-Length: {length}")
    yield head(key, *headers, "Prefer: respond-async")
    for _ in range(files):
        yield start
        yield from [MEGABYTE] * 20
        yield b"\r\n"
    yield close


def _upload(client: Still, key: str, files: int) -> tuple[Answer, float]:
    """The answer to a large upload, and the longest wait of another client in the meantime."""
    slowest = 0.0
    with ThreadPoolExecutor(1) as pool:
        upload = pool.submit(exchange, client.url, _large_batch(key, files))
        while not upload.done():
            started = time.monotonic()
            assert client.call("GET", "/health/live").status_code == 200
            slowest = max(slowest, time.monotonic() - started)
            time.sleep(0.02)
        return upload.result(), slowest


@linux
@pytest.mark.parametrize("files", [5, pytest.param(20, marks=pytest.mark.full)])
def test_files_of_twenty_megabytes_take_less_than_64_mb_and_hold_up_nobody(
    still: Still, files: int
) -> None:
    assert still.compress(FILES, headers={"Prefer": "respond-async"}).status_code == 202
    [worker] = descendants(still.process.pid)
    forget_peak(worker)
    before = peak_kib(worker)
    answer, slowest = _upload(still, still.key, files)
    assert answer.status == 202
    session = answer.json()["session_id"]
    assert still.call("DELETE", f"/api/sessions/{session}").status_code == 200
    sweep.delete_inputs(still.unit.database, still.unit.store)
    assert peak_kib(worker) - before < 64 * 1024
    assert slowest < 2


def test_a_large_upload_that_is_refused_holds_up_nobody(still: Still) -> None:
    answer, slowest = _upload(still, f"flx_live_{'0' * 40}", files=20)
    assert answer.status == 401
    assert slowest < 2


@pytest.mark.parametrize("prefer", ["", "wait=60"])
def test_past_the_operators_limit_of_time_a_client_that_waits_gets_its_202(
    unit: Services, prefer: str
) -> None:
    _, key = make_account(unit)
    small = unit.settings.model_copy(update={"wait_limit_seconds": 1})
    with in_process(replace(unit, settings=small)) as client:
        started = time.monotonic()
        response = client.post(
            "/api/compress",
            headers={"Authorization": f"Bearer {key}", "Prefer": prefer},
            data={"file": (io.BytesIO(png()), "a.png")},
        )
        assert response.status_code == 202
        assert 0.9 < time.monotonic() - started < 10
        assert response.headers.get("Preference-Applied", "") == (prefer and "wait=1")


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
def test_an_api_takes_as_many_open_files_as_it_may(still_process: ApiProcess) -> None:
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    [worker] = descendants(still_process.pid)  # it was started with few
    assert resource.prlimit(worker, resource.RLIMIT_NOFILE) == (hard, hard)


def test_many_who_wait_leave_room_for_polls(still: Still) -> None:
    still.compress(FILES, {"sessionId": "s"}, {"Prefer": "respond-async"})
    url, headers = f"{still.url}/api/sessions/s", {"Authorization": f"Bearer {still.key}"}

    def wait(_: int) -> httpx.Response:
        return get(url, params={"wait": 25}, headers=headers, timeout=60)

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
