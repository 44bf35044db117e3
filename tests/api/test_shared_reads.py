"""What many need at one moment is read once, and never older than each of them needs it."""

import time
from collections.abc import Callable

import pytest

from api import shared_reads
from api.shared_reads import SharedReads


@pytest.fixture
def counted() -> Callable[[], int]:
    """Returns how often it was called."""
    calls: list[None] = []

    def read() -> int:
        calls.append(None)
        return len(calls)

    return read


def test_those_who_were_woken_together_share_a_read(counted: Callable[[], int]) -> None:
    reads, since = SharedReads[int](), time.monotonic()
    assert [reads.get("key", since, counted) for _ in range(3)] == [1, 1, 1]


def test_who_was_woken_later_reads_again(counted: Callable[[], int]) -> None:
    reads = SharedReads[int]()
    assert [reads.get("key", time.monotonic(), counted) for _ in range(3)] == [1, 2, 3]


def test_another_key_is_another_read(counted: Callable[[], int]) -> None:
    reads, since = SharedReads[int](), time.monotonic()
    assert [reads.get(key, since, counted) for key in "aba"] == [1, 2, 1]


def test_only_the_newest_reads_are_kept(counted: Callable[[], int]) -> None:
    reads, since = SharedReads[int](), time.monotonic()
    for key in range(shared_reads._KEPT + 1):
        reads.get(key, since, counted)
    assert reads.get(1, since, counted) == 2
    assert reads.get(0, since, counted) == shared_reads._KEPT + 2
