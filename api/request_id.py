"""X-Request-Id: one word on every answer and on every log line of its request.

Without imports of threads or sockets: gunicorn's worker needs it before gevent has patched them.
"""

import os
import re

HEADER = "X-Request-Id"
_ACCEPTED = re.compile(r"[\x21-\x7e]{1,64}")


def request_id(sent: str | None = None) -> str:
    """Returns the client's own id if it is 1 to 64 visible characters, else a new one."""
    return sent if sent and _ACCEPTED.fullmatch(sent) else os.urandom(16).hex()
