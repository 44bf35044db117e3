"""The CPU time of this process, and of another one."""

import os
import resource
import time
from pathlib import Path


def cpu_seconds() -> float:
    """CPU time so far, of all threads, and of children that have ended."""
    children = resource.getrusage(resource.RUSAGE_CHILDREN)
    return time.process_time() + children.ru_utime + children.ru_stime


def cpu_seconds_of(pid: int) -> float | None:
    """The same of a process that runs; None when it has ended, and where there is no Linux."""
    try:
        text = Path(f"/proc/{pid}/stat").read_text(encoding="ascii", errors="replace")
    except OSError:
        return None
    # proc_pid_stat(5): utime, stime, cutime and cstime are fields 14 to 17; the name, which may
    # have blanks, ends with the last bracket and is field 2.
    fields = text.rpartition(")")[2].split()
    return sum(map(int, fields[11:15])) / os.sysconf("SC_CLK_TCK")
