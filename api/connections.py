"""The open connections of this process: when there are too many, those that idle give way.

Nobody can be shut out by connections that only stand there. Requests that last (uploads, waiting,
events, downloads) have places of their own (api/places.py), which together are fewer than the
connections, so that some are always left for whatever is short, health checks among it.
"""

from __future__ import annotations

import socket
from contextlib import suppress
from enum import IntEnum
from itertools import chain
from typing import TYPE_CHECKING

from api.turns import Turns

if TYPE_CHECKING:
    from collections.abc import Hashable

    from api.client_socket import ClientSocket


class Waits(IntEnum):
    """What a connection waits for because of its own client; the first ones give way first."""

    REQUEST = 0  # no byte of it has come
    HEAD = 1  # a part of it has come
    REST = 2  # of the body of a refused request, which is discarded
    ANSWER = 3  # to be taken
    TURN = 4  # to be worked on (api/turns.py), or for an answer that is late on purpose


class _Group:
    """The waiting connections of one address, in the order in which they began to wait."""

    def __init__(self) -> None:
        self.by_kind: tuple[dict[ClientSocket, None], ...] = tuple({} for _ in Waits)

    @property
    def size(self) -> int:
        return sum(map(len, self.by_kind))


class Connections:
    """Counts the connections, and knows which of them wait for their client."""

    def __init__(self, limit: int) -> None:
        """limit: how many there may be; more only where none of them waits for its client."""
        self._limit = limit
        self._open: set[ClientSocket] = set()
        self._groups: dict[Hashable, _Group] = {}
        self.turns = Turns()

    def opened(self, connection: ClientSocket) -> None:
        """Counts a new connection, and ends others while there are too many.

        Of the address with the most waiting connections, the one that has waited longest gives way,
        so that who opens many crowds out nobody but itself.
        """
        while len(self._open) >= self._limit and self._groups:
            largest = max(self._groups.values(), key=lambda group: group.size)
            self._end(next(chain.from_iterable(largest.by_kind)))
        self._open.add(connection)

    def closed(self, connection: ClientSocket) -> None:
        """Forgets a connection."""
        self.works(connection)
        self._open.discard(connection)

    def waits(self, connection: ClientSocket, what: Waits) -> None:
        """Says that the connection waits for its client from now on."""
        if connection.waits == what or connection not in self._open:
            return
        self.works(connection)
        connection.waits = what
        group = self._groups.setdefault(connection.counted_as, _Group())
        group.by_kind[what][connection] = None

    def works(self, connection: ClientSocket) -> None:
        """Says that the connection does not wait for its client any more."""
        if connection.waits is None:
            return
        group = self._groups[connection.counted_as]
        del group.by_kind[connection.waits][connection]
        connection.waits = None
        if not group.size:
            del self._groups[connection.counted_as]

    def end_idle(self) -> None:
        """Ends the connections without a request under way, because the process ends."""
        for group in list(self._groups.values()):
            for connection in [*group.by_kind[Waits.REQUEST], *group.by_kind[Waits.REST]]:
                self._end(connection)

    def _end(self, connection: ClientSocket) -> None:
        waits = connection.waits
        self.closed(connection)
        with suppress(OSError):  # the client was faster
            connection.shutdown(socket.SHUT_RDWR)  # its greenlet reads the end, and closes it
        if waits == Waits.TURN:
            connection.greenlet.kill(block=False)
