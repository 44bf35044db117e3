"""From a name to its addresses, within a time limit."""

import socket
import threading
import time
from collections.abc import Callable, Sequence
from ipaddress import ip_address
from queue import Empty, SimpleQueue

from shared.outbound.ranges import Address

Resolver = Callable[[str], Sequence[Address]]  # raises OSError for a name without addresses

# The system ends a look-up after half a minute or so, which nothing can hurry; each waits in a
# thread of its own, and names that do not answer must not fill the process with them.
MAX_LOOKUPS = 64
_lookups = threading.BoundedSemaphore(MAX_LOOKUPS)


def system_resolver(name: str) -> list[Address]:
    """The addresses of `name` in the order in which the system would try them."""
    found = socket.getaddrinfo(name, None, type=socket.SOCK_STREAM)
    return [ip_address(place[0]) for *_, place in found]


def look_up(name: str, resolver: Resolver, *, seconds: float) -> list[Address]:
    """The addresses of `name`; none when it has none, or does not resolve in this time."""
    ends = time.monotonic() + seconds
    answers: SimpleQueue[list[Address]] = SimpleQueue()

    def work() -> None:
        found: list[Address] = []
        try:
            found = list(resolver(name))
        except (OSError, UnicodeError):
            pass
        finally:
            _lookups.release()
            answers.put(found)

    if not _lookups.acquire(timeout=max(0, seconds)):
        return []
    try:
        threading.Thread(target=work, name="look-up", daemon=True).start()
    except RuntimeError:  # no more threads
        _lookups.release()
        return []
    try:
        return answers.get(timeout=max(0, ends - time.monotonic()))
    except Empty:
        return []
