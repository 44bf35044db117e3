"""One upload after another through probe, limits and engine, in a process that may die of it."""

import multiprocessing
import os
import resource
import sys
import time
import traceback
from contextlib import suppress
from dataclasses import dataclass
from multiprocessing.connection import Connection
from types import TracebackType
from typing import Any

from shared.errors import ImageError
from shared.models import Options
from shared.settings import Settings
from workers.imaging import ImageJob, process
from workers.imaging.formats.probe import check_animation, check_limits, probe

# What an image may take that was made to do harm, of CPU and of resident memory, the 90 MB with it
# that a worker holds anyway.
MOST_SECONDS = 2.0
MOST_MEGABYTES = 600.0

_ENDED_SECONDS = 20  # of CPU: no answer is to be had any more
_SILENT_SECONDS = 120  # of the clock, on a machine that has other work
_ENDED_BYTES = 6_000_000_000  # of address space; libraries map more than they touch

# As workers.celery sets it, which cannot be imported where no servers are.
_ENVIRONMENT = {"RAYON_NUM_THREADS": "1", "LIBTIFF_JPEG_MAX_ALLOWED_SCAN_NUMBER": "25"}

# By fork from a process that has imported what a worker has.
_SPAWNER = multiprocessing.get_context("forkserver")
_MODULES = ["workers.tasks", "workers.steps", "infra.benchmarks.measuring", "tests.hostile.judge"]


@dataclass(frozen=True)
class Limits:
    """What an operator allows: pixels of a frame, frames, and pixels of all frames together."""

    pixels: int
    frames: int
    animation_pixels: int


def _default(name: str) -> int:
    return int(Settings.model_fields[name].default)


DEFAULTS = Limits(*map(_default, ("max_pixels", "max_frames", "max_animation_pixels")))


@dataclass(frozen=True)
class Verdict:
    """How an upload ended.

    outcome: `ok`, the contract's code of the failure, or else what is a fault of ours: a traceback,
    or the words for a process that died or did not end. seconds: of CPU, children's with it.
    megabytes: the process's peak of resident memory so far.
    """

    outcome: str
    seconds: float = 0.0
    megabytes: float = 0.0
    output: bytes = b""


class Judge:
    """Judges uploads in a child process, which is replaced when it ends or has grown too large."""

    def __init__(self, limits: Limits = DEFAULTS) -> None:
        self._limits = limits
        self._child: Any = None
        self._line: Any = None

    def __enter__(self) -> "Judge":
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        at: TracebackType | None,
    ) -> None:
        self._end()

    def judge(self, data: bytes, options: Options) -> Verdict:
        """The verdict on one upload."""
        if self._child is None:
            self._start()
        try:
            self._line.send((data, options))
            if not self._line.poll(_SILENT_SECONDS):
                self._end()
                return Verdict("did not end")
            found: Verdict = self._line.recv()
        except (EOFError, ConnectionError):
            self._child.join()
            code = self._child.exitcode
            self._end()
            return Verdict(f"the process died: {code}")
        if found.megabytes > MOST_MEGABYTES:
            self._end()  # a peak does not go down, and the next one is not to be blamed for it
        return found

    def _start(self) -> None:
        _SPAWNER.set_forkserver_preload(_MODULES)
        self._line, far = _SPAWNER.Pipe()
        self._child = _SPAWNER.Process(target=_serve, args=(far, self._limits), daemon=True)
        self._child.start()
        far.close()

    def _end(self) -> None:
        if self._child is not None:
            self._child.kill()
            self._child.join()
            self._line.close()
            self._child = None


def _serve(line: Connection, limits: Limits) -> None:
    os.environ.update(_ENVIRONMENT)
    os.dup2(os.open(os.devnull, os.O_WRONLY), 2)  # libtiff tells of each row that is damaged
    if sys.platform == "linux":
        resource.setrlimit(resource.RLIMIT_AS, (_ENDED_BYTES, _ENDED_BYTES))
    with suppress(EOFError):
        while True:
            data, options = line.recv()
            most = int(time.process_time()) + _ENDED_SECONDS
            resource.setrlimit(resource.RLIMIT_CPU, (most, resource.RLIM_INFINITY))
            line.send(_judged(data, options, limits))


def _judged(data: bytes, options: Options, limits: Limits) -> Verdict:
    started = _cpu_seconds()
    output = b""
    try:
        output = _made(data, options, limits)
        outcome = "ok"
    except ImageError as error:
        outcome = error.code
    except Exception:  # noqa: BLE001 - whatever else there is, is what is looked for
        outcome = traceback.format_exc()
    unit = 1 if sys.platform == "darwin" else 1024
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * unit
    return Verdict(outcome, _cpu_seconds() - started, peak / 1e6, output)


def _made(data: bytes, options: Options, limits: Limits) -> bytes:
    """What the first step of an image does between load and save."""
    facts = probe(data)
    check_limits(facts, limits.pixels, limits.frames)
    check_animation(facts, options.format, limits.animation_pixels)
    return process(ImageJob(data, facts, options)).data


def _cpu_seconds() -> float:
    children = resource.getrusage(resource.RUSAGE_CHILDREN)
    return time.process_time() + children.ru_utime + children.ru_stime
