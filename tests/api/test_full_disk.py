"""A disk without space for an upload: 503, nothing lost, nothing left behind.

The disk is simulated by a limit on the size of a file, which the kernel reports like a full disk:
as an error of the write, whenever that happens.
"""

import resource
import sys
from collections.abc import Iterator

import pytest

from tests.api.conftest import Still
from tests.api.raw import end, file_part, post
from tests.support.making import png
from tests.support.processes import descendants, unnamed_bytes

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="limits another process")

SPACE = 1024 * 1024
# The last is one byte too long: only writing out the buffer shows it.
TOO_LARGE = [20 * SPACE, 2 * SPACE, SPACE + 1]
ASYNC = "Prefer: respond-async"


@pytest.fixture
def worker(still: Still) -> Iterator[int]:
    """The process id of an API whose disk has space for files of one megabyte."""
    [pid] = descendants(still.process.pid)
    before = resource.prlimit(pid, resource.RLIMIT_FSIZE)
    resource.prlimit(pid, resource.RLIMIT_FSIZE, (SPACE, before[1]))
    yield pid
    resource.prlimit(pid, resource.RLIMIT_FSIZE, before)


@pytest.mark.parametrize("size", TOO_LARGE)
def test_an_upload_without_space_is_503_and_costs_nothing(
    still: Still, worker: int, size: int
) -> None:
    stored = set(still.unit.store.list_batches())
    answer = post(still.url, still.key, file_part("a.png", bytes(size)) + end(), ASYNC)
    assert answer.status == 503
    assert answer.error == "The disk for uploads is full; try again later"
    assert int(answer.headers["Retry-After"]) > 0
    assert still.call("GET", "/api/usage").json()["compressor_used"] == 0
    assert set(still.unit.store.list_batches()) == stored
    assert unnamed_bytes(worker) == 0


def test_an_upload_of_many_files_frees_all_its_space(still: Still, worker: int) -> None:
    kept = file_part("a.png", bytes(SPACE)) * 5
    answer = post(still.url, still.key, kept + file_part("b.png", bytes(2 * SPACE)) + end(), ASYNC)
    assert answer.status == 503
    assert unnamed_bytes(worker) == 0


def test_what_fits_is_taken_all_the_while(still: Still, worker: int) -> None:
    assert worker
    body = file_part("a.png", png()) + end()
    assert post(still.url, still.key, body, ASYNC).status == 202


def test_the_same_request_is_taken_once_there_is_space(still: Still, worker: int) -> None:
    body = file_part("a.png", bytes(2 * SPACE)) + end()
    headers = (ASYNC, "Idempotency-Key: k")
    assert post(still.url, still.key, body, *headers).status == 503
    hard = resource.prlimit(worker, resource.RLIMIT_FSIZE)[1]
    resource.prlimit(worker, resource.RLIMIT_FSIZE, (hard, hard))
    assert post(still.url, still.key, body, *headers).status == 202
