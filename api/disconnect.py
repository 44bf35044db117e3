"""Whether the client of this request has closed its connection."""

import socket

from flask import request


def has_hung_up() -> bool:
    """Whether the client closed its connection, or its sending half of it.

    Bytes of its next request stay in the socket; while there are any, a close is not noticed.
    Returns False where there is no socket, as in Flask's test client.
    """
    connection = request.environ.get("gunicorn.socket")
    if connection is None:
        return False
    timeout = connection.gettimeout()
    try:
        connection.settimeout(0)
        return not connection.recv(1, socket.MSG_PEEK)
    except BlockingIOError:
        return False
    except OSError:  # the connection was reset
        return True
    finally:
        connection.settimeout(timeout)
