"""A worker of low priority dispatches with the priority of other processes."""

import multiprocessing
import os
import sys
import threading

import pytest

from workers import dispatching


def _priorities(_: None) -> tuple[int, int]:
    """Those of the thread that dispatches and of the one that lowered its own."""
    before = os.getpriority(os.PRIO_PROCESS, 0)
    dispatching.start()
    os.nice(5)
    (thread,) = (each for each in threading.enumerate() if each.name == "dispatch")
    assert thread.native_id is not None
    ids = thread.native_id, threading.get_native_id()
    dispatches, works = (os.getpriority(os.PRIO_PROCESS, id) for id in ids)
    return dispatches - before, works - before


@pytest.mark.skipif(sys.platform != "linux", reason="elsewhere threads share one")
def test_the_thread_that_dispatches_keeps_the_priority_that_the_process_began_with() -> None:
    with multiprocessing.get_context("spawn").Pool(1) as pool:
        assert pool.map(_priorities, [None]) == [(0, 5)]
