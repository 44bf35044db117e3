"""The product's worker, in which poisoned images do what their mark says.

`celery --app infra.chaos.worker` in place of `workers.celery`; everything else is the product's.
"""

import ctypes
import os
import signal
import sys
import time
from collections.abc import Callable

from infra.chaos.poison import Poison, poison_in
from workers.celery import app
from workers.imaging import ImageJob, Output, process
from workers.steps import optimising

__all__ = ["app"]

SLOW_SECONDS = 0.1


def _run_out_of_memory() -> None:
    raise MemoryError


def _loop() -> None:
    while True:
        pass


_EFFECTS: dict[Poison, Callable[[], object]] = {
    Poison.SEGFAULT: lambda: ctypes.string_at(0),
    Poison.SIGKILL: lambda: os.kill(os.getpid(), signal.SIGKILL),
    Poison.MEMORY_ERROR: _run_out_of_memory,
    Poison.ENDLESS_LOOP: _loop,
    Poison.SYSTEM_EXIT: sys.exit,
    Poison.SLOW: lambda: time.sleep(SLOW_SECONDS),
}


def _process_or_obey(job: ImageJob) -> Output:
    if (poison := poison_in(job.data)) is not None:
        _EFFECTS[poison]()
    return process(job)


vars(optimising)["process"] = _process_or_obey
