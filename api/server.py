"""The gunicorn worker: gevent's, with its own errors in JSON and no waiter left behind."""

import json
import socket
from typing import Any

import gevent
from gunicorn import util
from gunicorn.workers.ggevent import GeventWorker

from api.context import Context


class ApiWorker(GeventWorker):  # type: ignore[misc] # gunicorn ships no types
    """A request costs a greenlet while it uploads or waits, so slow clients hold no thread."""

    def init_process(self) -> None:
        """Runs in the new process, before the application is loaded."""
        util.write_error = _write_json_error  # gunicorn has no setting for it, and sends HTML
        super().init_process()

    def run(self) -> None:
        """Serves until the process is told to end, then closes every connection."""
        try:
            super().run()
        finally:
            self._context.listener.close()
            self._context.services.close()

    def handle_exit(self, sig: int, frame: Any) -> None:
        """SIGTERM: takes no more connections, and lets those who wait have their 202 now."""
        super().handle_exit(sig, frame)
        gevent.spawn(self._context.listener.release)

    @property
    def _context(self) -> Context:
        found: Context = self.wsgi.extensions["fluximage"]
        return found


def _write_json_error(client: socket.socket, status: int, reason: str, _: str) -> None:
    """Answers what never reached the application, such as a header that is no HTTP."""
    body = json.dumps({"error": reason})
    head = (
        f"HTTP/1.1 {status} {reason}\r\nConnection: close\r\nContent-Type: application/json\r\n"
        f"X-Content-Type-Options: nosniff\r\nContent-Length: {len(body)}\r\n\r\n"
    )
    util.write_nonblock(client, (head + body).encode("latin1"))
