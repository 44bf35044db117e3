"""Ends a supervisor's children when the supervisor itself is gone, however it went.

Runs as a script of its own session, so a kill -9 of the supervisor or of its process group
leaves it standing. It reads `+PID SIGNAL` (a group to end, and how to ask it) and `-PID` (ended
already) from its standard input; the end of that input means that the supervisor is gone. A
parent-death signal would do less: it exists on Linux only, is lost when a child changes its
user, and does not reach grandchildren.

Its arguments are numbers of file descriptors that hold locks: they stay locked until the last
child is gone, so the next start on the same data directory waits instead of meeting them.
"""

import contextlib
import os
import signal
import sys
import time

GRACE_SECONDS = 3.0
POLL_SECONDS = 0.05


def _send(group: int, number: int) -> bool:
    """Whether `group` still had somebody to take signal `number` (0: only ask)."""
    try:
        os.killpg(group, number)
    except ProcessLookupError:
        return False
    except PermissionError:  # macOS says so of a group of zombies
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
    """Keep the list of groups until the input ends, then end those that are left."""
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
                os.ftruncate(int(held), 0)  # an empty lock file reads: being cleaned up
        _end(groups)


if __name__ == "__main__":
    main()
