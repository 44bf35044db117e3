"""Facts about running processes for tests, from /proc (Linux)."""

import os
import re
import time
from collections.abc import Callable
from pathlib import Path


def command_lines() -> dict[int, str]:
    """The command line of every process by its id, without zombies."""
    found = {}
    for folder in Path("/proc").iterdir():
        if folder.name.isdigit():
            try:
                raw = (folder / "cmdline").read_bytes()
            except OSError:
                continue
            if raw:
                found[int(folder.name)] = raw.replace(b"\0", b" ").decode(errors="replace")
    return found


def naming(mark: object) -> list[int]:
    """The other processes whose command line contains `mark`."""
    lines = command_lines().items()
    return [pid for pid, line in lines if str(mark) in line and pid != os.getpid()]


def descendants(pid: int) -> set[int]:
    """The children of `pid`, their children, and so on."""
    children: dict[int, list[int]] = {}
    for other in command_lines():
        try:
            stat = Path(f"/proc/{other}/stat").read_text()
        except OSError:
            continue
        children.setdefault(int(stat.rpartition(")")[2].split()[1]), []).append(other)
    found, open_ = set(), [pid]
    while open_:
        new = children.get(open_.pop(), [])
        found.update(new)
        open_.extend(new)
    return found


def alive(pids: set[int]) -> set[int]:
    """Those of `pids` that still run."""
    return pids & command_lines().keys()


def eventually(condition: Callable[[], object], seconds: float = 15.0) -> bool:
    """Whether `condition` becomes true within `seconds`."""
    deadline = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > deadline:
            return False
        time.sleep(0.02)
    return True


def peak_kib(pid: int) -> int:
    """The peak memory of the process, in KiB, since its start or the last `forget_peak`."""
    found = re.search(r"VmHWM:\s+(\d+) kB", Path(f"/proc/{pid}/status").read_text())
    assert found
    return int(found[1])


def forget_peak(pid: int) -> None:
    """Resets the peak to the memory that the process holds now."""
    Path(f"/proc/{pid}/clear_refs").write_text("5")


def unnamed_bytes(pid: int) -> int:
    """The bytes in the process's open files that are already deleted from their folder."""
    held = 0
    for descriptor in Path(f"/proc/{pid}/fd").iterdir():
        try:
            if str(descriptor.readlink()).endswith("(deleted)"):
                held += descriptor.stat().st_size
        except OSError:  # closed meanwhile
            continue
    return held
