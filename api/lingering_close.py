"""A lingering close, so that a client that is still sending its body can read its answer.

When a request is refused before its body was read, the rest of the body still arrives. A socket
that is closed with unread bytes resets the connection, and the reset can overtake the answer.
gunicorn would read the body to its end, 1 KiB at a time, to use the connection for another
request, which occupies the process. What is discarded has the bounds of every body: its rate, its
time, its bytes; and the connection gives way where there are too many.
"""

import socket
import time
from contextlib import suppress
from typing import TYPE_CHECKING, Any

from flask import Response, g, request
from gunicorn.http.body import LengthReader

from api.caller import client_socket
from api.multipart import MAX_BODY_BYTES

if TYPE_CHECKING:
    from api.client_socket import ClientSocket

_RECEIVE_BYTES = 256 * 1024
_LAST_CHUNK = b"0\r\n\r\n"


def close_after_unread_body(response: Response) -> None:
    """Closes the connection after the response where the request's body was not read."""
    connection = client_socket()
    has_body = bool(request.content_length) or "Transfer-Encoding" in request.headers
    if connection is not None and has_body and not g.get("body_was_read"):
        reader = request.environ["wsgi.input"].reader
        response.headers["Connection"] = "close"
        response.call_on_close(lambda: _discard_rest(connection, reader))


def _discard_rest(connection: "ClientSocket", reader: Any) -> None:
    has_length = isinstance(reader, LengthReader)
    unreader = reader.unreader if has_length else reader.req.unreader
    received = unreader.take_buffered()  # out of the socket, and read by nobody
    with suppress(OSError):
        connection.shutdown(socket.SHUT_WR)
        connection.await_rest()
        if has_length:
            _discard(connection, reader.length - len(received))
        else:
            _discard_chunks(connection, received)


def _discard(connection: "ClientSocket", left: int) -> None:
    left = min(left, MAX_BODY_BYTES)
    while left > 0 and (count := connection.discard(min(left, _RECEIVE_BYTES))):
        left -= count
        time.sleep(0)  # lets other greenlets run


def _discard_chunks(connection: "ClientSocket", received: bytes) -> None:
    """Reads until the client ends, or until what came looks like the end.

    The chunks themselves are not read: many small ones would take a lot of CPU.
    """
    left, end = MAX_BODY_BYTES, received[-len(_LAST_CHUNK) :]
    while left > 0 and end != _LAST_CHUNK and (data := connection.recv(_RECEIVE_BYTES)):
        left -= len(data)
        end = (end + data[-len(_LAST_CHUNK) :])[-len(_LAST_CHUNK) :]
        time.sleep(0)
