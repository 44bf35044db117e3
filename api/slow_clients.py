"""Bounds on a client that takes a long answer slowly, or not at all."""

import socket
import struct
from collections.abc import Iterator

from api.caller import client_socket

# Without a bound, the system would keep megabytes of each answer for a client that does not read.
_UNSENT_BYTES = 64 * 1024
_VANISHED_MILLISECONDS = 60_000


def bound_writes(seconds: float) -> None:
    """Cuts the client of this request off where it does not take a part of its answer in time.

    A part is what the view yields. A client that vanished, so that it acknowledges nothing, is
    noticed after a minute. The connection serves no further request: close it.
    """
    connection = client_socket()
    if connection is None:
        return
    connection.give_turn_back()
    connection.settimeout(seconds)
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, _UNSENT_BYTES)
    if connection.family != socket.AF_UNIX and hasattr(socket, "TCP_USER_TIMEOUT"):  # Linux
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_USER_TIMEOUT, _VANISHED_MILLISECONDS)


def reset_unless_finished(parts: Iterator[bytes]) -> Iterator[bytes]:
    """Yields the parts. Where they do not come to their end, the connection is reset.

    A client of HTTP/1.0, such as nginx by default, takes an orderly close for the answer's end.
    """
    connection = client_socket()
    return parts if connection is None else _with_reset(connection, parts)


def _with_reset(connection: socket.socket, parts: Iterator[bytes]) -> Iterator[bytes]:
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    yield from parts
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 0, 0))
