"""The sign of life of a process that answers no requests: a file, renewed as long as it works.

`fluximage probe` reads it. A health check runs every few seconds, so it must be cheap: asking a
worker over its broker starts a second Celery each time.
"""

import logging
import os
import re
import time
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from shared import private_folder

logger = logging.getLogger(__name__)

_FOLDER = "heartbeats"
_MAX_FAULT_BYTES = 1_000
_logged: dict[str, str] = {}  # by name, why its last sign of life could not be written


@dataclass(frozen=True)
class Heartbeat:
    """The latest sign of life of a running process, which is overdue by `late_seconds`.

    fault: why it lives and yet does no work, or "".
    """

    name: str
    pid: int
    late_seconds: float
    fault: str


def beat(name: str, good_seconds: float, fault: str = "") -> None:
    """Say that this process lives, and that its next sign of life comes within `good_seconds`.

    name: its queue or its own name, without a dot. fault: why it does no work, which the
    caller logs. A file that cannot be written is logged once.
    """
    unwritten = ""
    try:
        _write(f"{name}.{os.getpid()}", time.time() + good_seconds, fault)
    except OSError as error:
        unwritten = str(error)
    if unwritten and not fault and _logged.get(name) != unwritten:
        logger.warning("no sign of life can be written: %s", unwritten)
    _logged[name] = unwritten


def _write(name: str, until: float, fault: str) -> None:
    with private_folder.opened(private_folder.run_folder() / _FOLDER) as folder:
        flags = os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_NOFOLLOW
        file = os.open(name, flags, 0o600, dir_fd=folder)
        try:
            os.write(file, fault.encode()[:_MAX_FAULT_BYTES])
            os.utime(file, (until, until))
        finally:
            os.close(file)


def running(run_folder: Path | None = None) -> list[Heartbeat]:
    """The signs of life of this user's processes; those of processes that ended are deleted.

    run_folder: where they are, if not where this process would write its own. Raises OSError when
    the folder cannot be used: then it is not read, and nothing in it is deleted.
    """
    path = (run_folder or private_folder.run_folder()) / _FOLDER
    with private_folder.opened(path) as folder:
        return [*_all_in(folder)]


def _all_in(folder: int) -> Iterator[Heartbeat]:
    for file in os.listdir(folder):
        if found := re.fullmatch(r"(\w+)\.(\d+)", file):
            yield from _latest(folder, found[1], int(found[2]))


def _latest(folder: int, name: str, pid: int) -> Iterator[Heartbeat]:
    file = f"{name}.{pid}"
    with suppress(FileNotFoundError):  # another probe has deleted it
        if _runs(pid):
            late_seconds = time.time() - os.stat(file, dir_fd=folder).st_mtime
            yield Heartbeat(name, pid, late_seconds, _fault(folder, file))
        else:
            os.unlink(file, dir_fd=folder)


def _fault(folder: int, file: str) -> str:
    descriptor = os.open(file, os.O_RDONLY | os.O_NOFOLLOW, dir_fd=folder)
    try:
        return os.read(descriptor, _MAX_FAULT_BYTES).decode(errors="replace")
    finally:
        os.close(descriptor)


def _runs(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:  # a number that was given to another user's process
        return False
    return True
