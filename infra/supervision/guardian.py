"""Ends a supervisor's children when the supervisor itself has ended, for whatever reason.

It runs as a script in its own session, so it survives a kill -9 of the supervisor or of its
process group. It reads `+PID SIGNAL` (a process group, and the signal that ends it) and `-PID`
(has ended) from its standard input; the end of that input means that the supervisor has ended.
A parent-death signal would do less: it exists only on Linux, is lost when a child changes its
user, and does not reach grandchildren.

Its arguments are numbers of file descriptors that hold locks. They stay locked until the last
child has ended, so that the next start on the same data directory waits for that.
"""

import contextlib
import os
import signal
import sys
import time

GRACE_SECONDS = 3.0
POLL_SECONDS = 0.05


def _send(group: int, number: int) -> bool:
    """Send signal `number` (0: none); returns whether `group` still has a process."""
    try:
        os.killpg(group, number)
    except ProcessLookupError:
        return False
    except PermissionError:  # what macOS raises for a group of zombies
        return False
    return True


def _end(groups: dict[int, int]) -> None:
    for group, number in reversed(groups.items()):
        _send(group, number)
    deadline = time.monotonic() + GRACE_SECONDS
    while any(_send(group, 0) for group in groups) and time.monotonic() < deadline:
        time.sleep(POLL_SECONDS)
    for group in groups:
        _send(group, signal.SIGKILL)


def main() -> None:
    """Keep the list of groups until the input ends, then end the groups that are left."""
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP, signal.SIGQUIT):
        signal.signal(number, signal.SIG_IGN)
    groups: dict[int, int] = {}
    for line in sys.stdin:
        pid, *how = line[1:].split()
        if line.startswith("+"):
            groups[int(pid)] = int(how[0])
        else:
            groups.pop(int(pid), None)
    if groups:
        for held in sys.argv[1:]:
            with contextlib.suppress(OSError):
                os.ftruncate(int(held), 0)  # an empty lock file means: cleaning up
        _end(groups)


if __name__ == "__main__":
    main()
