"""The CPU time of this process."""

import resource
import time


def cpu_seconds() -> float:
    """CPU time so far, of all threads, and of children that have ended."""
    children = resource.getrusage(resource.RUSAGE_CHILDREN)
    return time.process_time() + children.ru_utime + children.ru_stime
