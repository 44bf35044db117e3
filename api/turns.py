"""Turns: how many short requests of one address are worked on at one time.

One client can send thousands of requests in a second. Without turns, the next request of any other
would be worked on after all of them. Those that last (an upload, a wait, a stream, a slow answer)
give their turn back at once: they have places of their own (api/places.py).
"""

from collections.abc import Hashable

from gevent.lock import Semaphore

_AT_ONCE = 16  # so many that an answer of the database is never waited for with nothing to do


class Turns:
    """The turns of every address that has a request under way."""

    def __init__(self) -> None:
        self._free: dict[Hashable, Semaphore] = {}
        self._holders: dict[Hashable, int] = {}

    def is_free(self, address: Hashable) -> bool:
        """Whether the address has a turn left now."""
        return address not in self._free or not self._free[address].locked()

    def take(self, address: Hashable) -> None:
        """Waits for a turn of the address, and takes it."""
        turns = self._free.setdefault(address, Semaphore(_AT_ONCE))
        self._holders[address] = self._holders.get(address, 0) + 1
        try:
            turns.acquire()
        except BaseException:  # its connection gave way
            self._forget(address)
            raise

    def give_back(self, address: Hashable) -> None:
        """Gives the turn to the next one."""
        self._free[address].release()
        self._forget(address)

    def _forget(self, address: Hashable) -> None:
        self._holders[address] -= 1
        if not self._holders[address]:
            del self._holders[address], self._free[address]
