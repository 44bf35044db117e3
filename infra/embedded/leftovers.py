"""Ends the servers of an earlier start that was killed together with its guardian."""

import os
import signal
import subprocess
import time
from collections.abc import Iterable
from contextlib import suppress
from pathlib import Path

GRACE_SECONDS = 10.0
POLL_SECONDS = 0.05


def command_of(pid: int) -> str:
    """The command line of process `pid`; empty for a zombie or when there is no such process."""
    if Path("/proc/self/cmdline").exists():  # Linux: a slim image has no `ps`
        with suppress(OSError):
            raw = Path(f"/proc/{pid}/cmdline").read_bytes()
            return raw.replace(b"\0", b" ").decode(errors="replace")
        return ""
    listing = subprocess.run(
        ["/bin/ps", "-o", "command=", "-p", str(pid)], capture_output=True, text=True, check=False
    )
    return listing.stdout


def end_leftovers(pids: Iterable[int], marks: Iterable[Path]) -> None:
    """End those of `pids` whose command line contains one of `marks`, and wait for their end.

    A process id alone proves nothing, since ids are reused, in a container soon. SIGINT ends
    each of our servers cleanly.
    """
    named = [str(mark) for mark in marks]

    def is_ours(pid: int) -> bool:
        command = command_of(pid)
        return any(name in command for name in named)

    pids = [pid for pid in pids if is_ours(pid)]
    for number in (signal.SIGINT, signal.SIGKILL):
        for pid in pids:
            with suppress(ProcessLookupError):
                os.kill(pid, number)
        deadline = time.monotonic() + GRACE_SECONDS
        while (pids := [pid for pid in pids if is_ours(pid)]) and time.monotonic() < deadline:
            time.sleep(POLL_SECONDS)


def postmaster(data: Path) -> int | None:
    """The process id in Postgres' lock file in `data`, if there is one."""
    try:
        return int((data / "postmaster.pid").read_text().split("\n", 1)[0])
    except (OSError, ValueError):
        return None
