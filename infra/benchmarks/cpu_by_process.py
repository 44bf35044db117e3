"""CPU seconds of a process and of all below it, by what they are. Linux only."""

import os
from collections import Counter, defaultdict
from dataclasses import dataclass
from pathlib import Path

_TICK = os.sysconf("SC_CLK_TCK")
# By what their command line has: who they are.
_NAMES = {
    "gunicorn": "api",
    "images@": "images",
    "express@": "express",
    "io@": "io",
    "ai@": "ai",
    "calls@": "calls",
    "workers.periodic": "periodic",
    "postgres": "postgres",
    "valkey": "valkey",
    "redis": "valkey",
    "rclone": "store",
    "sharp_server": "sharp",
    "imgproxy": "imgproxy",
    "infra.": "supervisor",
}


@dataclass(frozen=True)
class _Stat:
    """What /proc/pid/stat says. seconds: CPU, with that of children that were waited for."""

    parent: int
    seconds: float


def cpu_seconds(pid: int) -> Counter[str]:
    """CPU seconds so far of a process and all processes below it, by name.

    Those of a process that has ended count for the parent that waited for it. Two readings
    subtracted are what was used between them. Empty where `pid` does not run.
    """
    stats = _stats()
    children = defaultdict(list)
    for child, stat in stats.items():
        children[stat.parent].append(child)
    found: Counter[str] = Counter()
    waiting = [pid] if pid in stats else []
    while waiting:
        process = waiting.pop()
        seconds = stats[process].seconds
        found[_name(process)] += seconds  # type: ignore[assignment] # typeshed counts in int
        waiting += children[process]
    return found


def _stats() -> dict[int, _Stat]:
    """All processes of this machine. Not by their lists of children, which are of one thread."""
    found = {}
    for path in Path("/proc").glob("[0-9]*/stat"):
        try:
            fields = path.read_text().rpartition(")")[2].split()
        except OSError:  # ended meanwhile
            continue
        found[int(path.parent.name)] = _Stat(int(fields[1]), sum(map(int, fields[11:15])) / _TICK)
    return found


def _name(pid: int) -> str:
    try:
        command = Path(f"/proc/{pid}/cmdline").read_text(errors="replace").replace("\0", " ")
    except OSError:
        command = ""
    return next((name for part, name in _NAMES.items() if part in command), "others")
