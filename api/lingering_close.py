"""Closing a connection whose client may still be sending, without taking its answer away.

A body that was refused unread has to go somewhere: a socket that is closed with bytes
unread resets the connection, and the reset can overtake the answer. (Left to gunicorn, which
reads it 1 KiB at a time for the sake of the next request, 300 MB held the process 15 seconds.)
"""

import socket
import time
from contextlib import suppress

from flask import Response, g, request

_SECONDS = 10.0  # for all that is still to come
_PAUSE_SECONDS = 2.0  # without a byte
_RECEIVE_BYTES = 256 * 1024


def close_if_unread(response: Response) -> None:
    """Makes the response the connection's last when the request's body was not read."""
    connection = request.environ.get("gunicorn.socket")
    has_body = bool(request.content_length) or "Transfer-Encoding" in request.headers
    if connection is not None and has_body and not g.get("body_was_read"):
        response.headers["Connection"] = "close"
        response.call_on_close(lambda: _linger(connection))


def _linger(connection: socket.socket) -> None:
    deadline = time.monotonic() + _SECONDS
    with suppress(OSError):
        connection.shutdown(socket.SHUT_WR)
        connection.settimeout(_PAUSE_SECONDS)
        while connection.recv(_RECEIVE_BYTES) and time.monotonic() < deadline:
            time.sleep(0)  # lets other greenlets run
