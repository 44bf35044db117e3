"""The network below a call: it connects to no address that was not judged, and it ends in time."""

import socket
import ssl
import time
from collections.abc import Iterable
from ipaddress import ip_address

import httpcore2

from shared.errors import CallFailedError
from shared.outbound.policy import Policy
from shared.outbound.ranges import Address, plain
from shared.outbound.resolver import look_up

_MAX_ADDRESSES = 4
_WRITE_BYTES = 16_384  # a slow reader of more shows that it reads

# A closed port and a silent one read alike, as do a name that is unknown, one that is silent and
# one of a network of ours: the difference would tell a stranger what is in that network.
NO_ANSWER = "The server did not answer."
NO_ADDRESS = "The host has no address that may be called."
NOT_TRUSTED = "The server's certificate is not trusted, or not valid for its name."
NOT_HTTP = "The server's answer broke off, or is not HTTP."
TOO_LATE = "The call took too long."
TOO_MUCH = "The server's answer is too large."


class Clock:
    """The time that one call has left, over all its redirects."""

    def __init__(self, policy: Policy) -> None:
        self._step_seconds = policy.step_seconds
        self._ends = time.monotonic() + policy.call_seconds

    def left(self) -> float:
        """Seconds that the next step may take; raises CallFailedError when there are none."""
        left = self._ends - time.monotonic()
        if left <= 0:
            raise CallFailedError(TOO_LATE)
        return min(left, self._step_seconds)

    def end_within(self, seconds: float) -> None:
        """Brings the end nearer."""
        self._ends = min(self._ends, time.monotonic() + seconds)


class GuardedBackend(httpcore2.NetworkBackend):
    """Looks up a name once and connects to an address that `policy` allows, to that very one.

    max_bytes: of all that is received over one connection.
    """

    def __init__(self, policy: Policy, clock: Clock, max_bytes: int) -> None:
        self._policy, self._clock, self._max_bytes = policy, clock, max_bytes

    def connect_tcp(
        self,
        host: str,
        port: int,
        timeout: float | None = None,  # noqa: ARG002 - the clock's is used
        local_address: str | None = None,  # noqa: ARG002 - the signature is httpcore's
        socket_options: Iterable[httpcore2.SOCKET_OPTION] | None = None,  # noqa: ARG002 - as above
    ) -> httpcore2.NetworkStream:
        """Raises CallFailedError when none of the addresses may be called, or none answers."""
        connected = self._connected(self._addresses(host, port), port)
        connected.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        return _Stream(connected, self._policy, self._clock, self._max_bytes)

    def _addresses(self, host: str, port: int) -> list[Address]:
        """A name with one forbidden address is refused with all of its addresses.

        No name of the public internet needs an address of another network, but names made to
        mislead have both kinds; and whether a call works must not depend on the resolver's order.
        """
        try:
            found = [ip_address(host)]
        except ValueError:
            found = look_up(host, self._policy.resolver, seconds=self._clock.left())
        if not found or not all(map(self._policy.allows, found)):
            raise CallFailedError(NO_ADDRESS)
        if self._policy.is_own(found, port, seconds=self._clock.left()):
            raise CallFailedError(NO_ADDRESS)
        return [plain(one) for one in found[:_MAX_ADDRESSES]]

    def _connected(self, addresses: list[Address], port: int) -> socket.socket:
        for index, address in enumerate(addresses):
            # All of them together take no longer than one silent address may.
            seconds = self._clock.left() / (len(addresses) - index)
            try:
                return socket.create_connection((str(address), port), seconds)
            except OSError:
                continue
        raise CallFailedError(NO_ANSWER)


class _Stream(httpcore2.NetworkStream):
    """A connection whose every step ends by the clock; httpcore's own limits do not end a drip."""

    def __init__(
        self, connected: socket.socket, policy: Policy, clock: Clock, max_bytes: int
    ) -> None:
        self._socket, self._policy, self._clock = connected, policy, clock
        self._max_bytes, self._received = max_bytes, 0

    def read(self, max_bytes: int, timeout: float | None = None) -> bytes:  # noqa: ARG002 - as above
        """Raises CallFailedError when nothing comes in time, or too much in all."""
        self._socket.settimeout(self._clock.left())
        try:
            data = self._socket.recv(max_bytes)
        except TimeoutError:
            raise CallFailedError(TOO_LATE if self._received else NO_ANSWER) from None
        except OSError:
            raise CallFailedError(NOT_HTTP if self._received else NO_ANSWER) from None
        self._received += len(data)
        if not self._received:
            raise CallFailedError(NO_ANSWER)
        if self._received > self._max_bytes:
            raise CallFailedError(TOO_MUCH)
        return data

    def write(self, buffer: bytes, timeout: float | None = None) -> None:  # noqa: ARG002 - as above
        """Raises CallFailedError when the server takes nothing for too long."""
        view = memoryview(buffer)
        while view:
            self._socket.settimeout(self._clock.left())
            try:
                view = view[self._socket.send(view[:_WRITE_BYTES]) :]
            except TimeoutError:
                raise CallFailedError(NO_ANSWER) from None
            except OSError:
                # httpcore reads on: the server may have answered before it closed.
                raise httpcore2.WriteError from None

    def start_tls(
        self,
        ssl_context: ssl.SSLContext,  # noqa: ARG002 - see below
        server_hostname: str | None = None,
        timeout: float | None = None,  # noqa: ARG002 - as above
    ) -> httpcore2.NetworkStream:
        """Raises CallFailedError unless the server's certificate is valid for the name.

        The policy's context is used: httpcore changes the one that it is given at each connection,
        which is not safe while another thread begins one.
        """
        try:
            context = self._policy.tls
            self._socket.settimeout(self._clock.left())
            wrapped = _wrapped(self._socket, context, server_hostname)
        finally:
            self._socket.close()  # wrapped, it is another object; else it is of no use
        return _Stream(wrapped, self._policy, self._clock, self._max_bytes)

    def close(self) -> None:
        """Closes the connection, without waiting."""
        self._socket.close()


def _wrapped(connected: socket.socket, context: ssl.SSLContext, name: str | None) -> ssl.SSLSocket:
    try:
        return context.wrap_socket(connected, server_hostname=name)
    except ssl.SSLCertVerificationError:
        raise CallFailedError(NOT_TRUSTED) from None
    except OSError:
        raise CallFailedError(NO_ANSWER) from None
