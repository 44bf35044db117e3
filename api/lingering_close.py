"""A lingering close, so that a client that is still sending its body can read its answer.

When a request is refused before its body was read, the rest of the body still arrives. A socket
that is closed with unread bytes resets the connection, and the reset can overtake the answer.
gunicorn would read the body to its end, 1 KiB at a time, to use the connection for another
request, which occupies the process.
"""

import socket
import time
from contextlib import suppress

from flask import Response, g, request

_SECONDS = 10.0  # for the whole rest of the body
_IDLE_SECONDS = 2.0  # without a byte
_RECEIVE_BYTES = 256 * 1024


def close_after_unread_body(response: Response) -> None:
    """Closes the connection after the response where the request's body was not read."""
    connection = request.environ.get("gunicorn.socket")
    has_body = bool(request.content_length) or "Transfer-Encoding" in request.headers
    if connection is not None and has_body and not g.get("body_was_read"):
        response.headers["Connection"] = "close"
        response.call_on_close(lambda: _discard_rest(connection))


def _discard_rest(connection: socket.socket) -> None:
    deadline = time.monotonic() + _SECONDS
    with suppress(OSError):
        connection.shutdown(socket.SHUT_WR)
        connection.settimeout(_IDLE_SECONDS)
        while connection.recv(_RECEIVE_BYTES) and time.monotonic() < deadline:
            time.sleep(0)  # lets other greenlets run
