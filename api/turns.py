"""Turns: how many short requests are worked on at one time, and whose is next.

One client can send thousands of requests in a second. Without turns, the next request of any other
would be worked on after all of them, and each step of it beside all of them. Those that last (an
upload, a wait, a stream, a slow answer) give their turn back at once: they have places of their own
(api/places.py). A turn ends by itself where a server, such as the database, lets its request wait.
"""

from collections import OrderedDict, deque
from collections.abc import Hashable
from typing import Any, cast

import gevent
from gevent.event import AsyncResult

# Few, since each step of a request is worked on beside those of all that have a turn.
_AT_ONCE = 2
_LONGEST_SECONDS = 0.03
# So long that whoever is ready is served first. With sleep(0) gevent would look for what has become
# ready only after fifty requests that waited for their turn.
_PAUSE_SECONDS = 1e-6


class Turn:
    """A turn that was taken: from `Turns.take` until `end`, or until its time is over."""

    def __init__(self, turns: "Turns") -> None:
        self._turns: Turns | None = turns
        self._timer: Any = gevent.get_hub().loop.timer(_LONGEST_SECONDS)
        self._timer.start(self.end)

    def end(self) -> None:
        """Gives the turn to the next one, once."""
        turns, self._turns = self._turns, None
        if turns is not None:
            self._timer.close()
            turns.give_on()


class Turns:
    """The turns of all short requests: addresses that wait get one after the other."""

    def __init__(self) -> None:
        self._free = _AT_ONCE
        self._waiting: OrderedDict[Hashable, deque[AsyncResult[Turn]]] = OrderedDict()

    def take(self, address: Hashable, *, pause: bool) -> Turn:
        """Waits for a turn of the address and takes it; pause: lets others begin in any case."""
        if self._free:
            self._free -= 1
            turn = Turn(self)
        else:
            pause, turn = True, self._wait(address)
        try:
            if pause:
                gevent.sleep(_PAUSE_SECONDS)
        except BaseException:  # its connection gave way
            turn.end()
            raise
        return turn

    def give_on(self) -> None:
        """Gives a turn that has ended to the address that has waited longest for its next one."""
        if not self._waiting:
            self._free += 1
            return
        address, waiting = self._waiting.popitem(last=False)
        given = waiting.popleft()
        if waiting:
            self._waiting[address] = waiting
        given.set(Turn(self))

    def _wait(self, address: Hashable) -> Turn:
        given: AsyncResult[Turn] = AsyncResult()
        self._waiting.setdefault(address, deque()).append(given)
        try:
            return cast(Turn, given.get())
        except BaseException:  # its connection gave way
            if given.value is None:
                self._leave(address, given)
            else:
                given.value.end()
            raise

    def _leave(self, address: Hashable, given: "AsyncResult[Turn]") -> None:
        self._waiting[address].remove(given)
        if not self._waiting[address]:
            del self._waiting[address]
