"""Whether the client of this request is still there."""

import socket

from flask import request


def has_hung_up() -> bool:
    """Whether the client closed its connection, or its sending half of it.

    Nothing is taken from what it may have sent for its next request; while such bytes wait to
    be read, its end is not seen. False where there is no connection to look at.
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
    except OSError:  # reset
        return True
    finally:
        connection.settimeout(timeout)
