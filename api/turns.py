"""Turns: how many short requests of one address are worked on at one time.

One client can send thousands of requests in a second. Without turns, the next request of any other
would be worked on after all of them. Those that last (an upload, a wait, a stream, a slow answer)
give their turn back at once: they have places of their own (api/places.py).
"""

from collections import Counter
from collections.abc import Hashable

import gevent
from gevent.lock import Semaphore

_AT_ONCE = 8
# So long that whoever is ready is served first. With sleep(0) gevent would look for what has become
# ready only after fifty requests that waited for their turn.
_PAUSE_SECONDS = 1e-6


class Turns:
    """The turns of every address that has a request under way."""

    def __init__(self) -> None:
        self._free: dict[Hashable, Semaphore] = {}
        self._takers: Counter[Hashable] = Counter()

    def take(self, address: Hashable, *, pause: bool) -> None:
        """Waits for a turn of the address and takes it; pause: lets others begin in any case."""
        turns = self._free.setdefault(address, Semaphore(_AT_ONCE))
        pause |= turns.locked()
        self._takers[address] += 1
        try:
            turns.acquire()
        except BaseException:  # its connection gave way
            self._forget(address)
            raise
        try:
            if pause:
                gevent.sleep(_PAUSE_SECONDS)
        except BaseException:
            self.give_back(address)
            raise

    def give_back(self, address: Hashable) -> None:
        """Gives the turn to the next one."""
        self._free[address].release()
        self._forget(address)

    def _forget(self, address: Hashable) -> None:
        self._takers[address] -= 1
        if not self._takers[address]:
            del self._takers[address], self._free[address]
