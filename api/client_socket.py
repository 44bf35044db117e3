"""The socket of a client: every byte that is read from it or written to it has a bound in time."""

from __future__ import annotations

import socket
import time
from typing import TYPE_CHECKING, Any

import gevent
from gevent.socket import socket as GeventSocket  # noqa: N812 - a class, whatever its name
from gevent.socket import wait_read

from api.connections import Waits
from api.pace import Limits, Pace

if TYPE_CHECKING:
    from collections.abc import Hashable

    from api.connections import Connections
    from api.turns import Turn


class ClientSocket(GeventSocket):
    """An accepted connection, which tells `Connections` what it waits for.

    counted_as: what its share is counted by; `waits`: kept by `Connections`.
    """

    def __init__(
        self,
        accepted: Any,
        address: str | None,
        connections: Connections,
        limits: Limits,
        idle_seconds: float,
    ) -> None:
        """Takes over the file of `accepted`. address: the peer's, None for one without a bound."""
        super().__init__(accepted.family, accepted.type, accepted.proto, accepted.detach())
        self.waits: Waits | None = None
        self.counted_as: Hashable = address or self
        self._peer = address
        self._connections = connections
        self._limits = limits
        self._idle_seconds = idle_seconds
        self._pace: Pace | None = None
        self._turn: Turn | None = None
        self._turn_of: Hashable = None
        self.greenlet: Any = gevent.getcurrent()

    def await_head(self, *, begun: bool) -> None:
        """Bounds the next read by the time that a head may take; begun: a part of it has come."""
        if not begun:
            self.request_arrived()
            self.counted_as = self._peer or self
            self._connections.waits(self, Waits.REQUEST)
        elif self.waits != Waits.HEAD:
            self.give_turn_back()
            self._pace = Pace(self._limits)
            self._connections.waits(self, Waits.HEAD)

    def request_arrived(self) -> None:
        """Nothing more is read for now."""
        self._pace = None
        self._connections.works(self)

    def take_turn(self, address: str | None, *, pause: bool = False) -> bool:
        """Waits for the turn of a request; False where the connection gave way meanwhile.

        address: what the client's share is counted by. pause: lets others begin in any case.
        """
        group = address or self
        if group == self._turn_of:
            return True
        self.give_turn_back()
        self.counted_as = group
        self._connections.waits(self, Waits.TURN)
        try:
            self._turn = self._connections.turns.take(group, pause=pause)
        except gevent.GreenletExit:
            return False
        self._turn_of = group
        self._connections.works(self)
        return True

    def give_turn_back(self) -> None:
        """Lets the next request begin, since this one is done or lasts."""
        if self._turn is not None:
            self._turn.end()
            self._turn = self._turn_of = None

    def hold_back(self, address: str | None, seconds: float) -> None:
        """Lets its client wait, then for its turn; the connection gives way where it must."""
        self.give_turn_back()
        self._connections.waits(self, Waits.TURN)
        try:
            gevent.sleep(seconds)
        except gevent.GreenletExit:  # it gave way: the answer finds it closed
            return
        self.take_turn(address)

    def await_body(self) -> None:
        """Bounds the reads that follow by the time that a body may take."""
        self.give_turn_back()
        self._pace = Pace(self._limits)

    def await_rest(self) -> None:
        """The same, for a body that nobody wants; the connection gives way where it must."""
        self.await_body()
        self._connections.waits(self, Waits.REST)

    def recv(self, size: int, flags: int = 0) -> bytes:
        """Reads what has come. Raises TooSlowError; b"" also where no request came in time."""
        if flags:
            return super().recv(size, flags)
        if self.waits == Waits.REQUEST:
            return self._first_bytes(size)
        return self._paced(size, 0)

    def discard(self, size: int) -> int:
        """Reads at most so many bytes and forgets them; Linux does not even copy them."""
        return len(self._paced(size, socket.MSG_TRUNC))

    def sendall(self, data: Any, flags: int = 0) -> None:
        """Writes all of it. Raises TimeoutError where the client takes it too slowly.

        Not where another bound was set before (api/slow_clients.py).
        """
        self.give_turn_back()
        if self.gettimeout() is not None:
            super().sendall(data, flags)
            return
        limits = self._limits
        self._connections.waits(self, Waits.ANSWER)
        self.settimeout(limits.window_seconds + len(data) / limits.bytes_per_second)
        try:
            super().sendall(data, flags)
        finally:
            self.settimeout(None)
            self._connections.works(self)

    def _first_bytes(self, size: int) -> bytes:
        try:
            wait_read(self.fileno(), self._idle_seconds)
        except TimeoutError:
            return b""
        self._connections.works(self)
        return super().recv(size) if self.take_turn(self._peer) else b""

    def _paced(self, size: int, flags: int) -> bytes:
        while (pace := self._pace) is not None:
            self.settimeout(pace.seconds_left())
            started, data = time.monotonic(), None
            try:
                data = super().recv(size, flags)
            except TimeoutError:
                pass  # a window has ended; `count` says whether enough came in it
            finally:
                self.settimeout(None)
            pace.count(len(data or b""), time.monotonic() - started)
            if data is not None:
                return data
        return super().recv(size, flags)
