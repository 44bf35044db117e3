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

from shared import private_folder

logger = logging.getLogger(__name__)

_FOLDER = "heartbeats"


@dataclass(frozen=True)
class Heartbeat:
    """The latest sign of life of a running process, which is overdue by `late_seconds`."""

    name: str
    pid: int
    late_seconds: float


def beat(name: str, good_seconds: float) -> None:
    """Say that this process works, and that its next sign of life comes within `good_seconds`.

    name: its queue or its own name, without a dot. A file that cannot be written is logged only.
    """
    until = time.time() + good_seconds
    try:
        with private_folder.opened(private_folder.path_of(_FOLDER)) as folder:
            flags = os.O_WRONLY | os.O_CREAT | os.O_NOFOLLOW
            file = os.open(f"{name}.{os.getpid()}", flags, 0o600, dir_fd=folder)
            try:
                os.utime(file, (until, until))
            finally:
                os.close(file)
    except OSError as error:
        logger.warning("a sign of life could not be written: %s", error)


def running() -> Iterator[Heartbeat]:
    """The signs of life of this user's processes; those of processes that ended are deleted."""
    # A folder that another user has placed there is not read, and nothing in it is deleted.
    with suppress(OSError), private_folder.opened(private_folder.path_of(_FOLDER)) as folder:
        for file in os.listdir(folder):
            if found := re.fullmatch(r"(\w+)\.(\d+)", file):
                yield from _latest(folder, found[1], int(found[2]))


def _latest(folder: int, name: str, pid: int) -> Iterator[Heartbeat]:
    file = f"{name}.{pid}"
    with suppress(FileNotFoundError):  # another probe has deleted it
        if _runs(pid):
            late_seconds = time.time() - os.stat(file, dir_fd=folder).st_mtime
            yield Heartbeat(name, pid, late_seconds)
        else:
            os.unlink(file, dir_fd=folder)


def _runs(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:  # a number that was given to another user's process
        return False
    return True
