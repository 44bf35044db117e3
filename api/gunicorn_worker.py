"""The gunicorn worker: gevent's, with its own errors in JSON and no waiter left behind."""

from __future__ import annotations

import json
import resource
import socket
from contextlib import suppress
from http import HTTPStatus
from typing import TYPE_CHECKING, Any

import gevent
from gunicorn import util
from gunicorn.glogging import Logger
from gunicorn.http import wsgi
from gunicorn.http.message import Request
from gunicorn.http.parser import RequestParser
from gunicorn.workers.ggevent import GeventWorker

from api.headers import PROTECTIVE
from shared import logs

if TYPE_CHECKING:  # at run time it would import ssl, before gevent has patched it
    from api.context import Context

_MAX_HEAD_BYTES = 64 * 1024

_SENTENCES = {
    400: "This is not a well-formed HTTP request",
    414: "The address of this request is too long",
    417: "This service does not know what the request expects of it",
    431: "The headers of this request are too large",
    501: "This service does not know the transfer coding of the request",
}


class ApiWorker(GeventWorker):  # type: ignore[misc] # gunicorn ships no types
    """A request costs a greenlet while it uploads or waits, so slow clients hold no thread."""

    def init_process(self) -> None:
        """Runs in the new process, before the application is loaded."""
        _raise_open_files()
        # gunicorn has no settings for these.
        util.write_error = _write_json_error  # its own is HTML
        wsgi.Response = _Response
        RequestParser.mesg_class = _Request
        super().init_process()

    def run(self) -> None:
        """Serves until the process is told to end, then closes every connection."""
        try:
            super().run()
        finally:
            if self._context is not None:
                self._context.listener.close()
                self._context.services.close()

    def handle_request(self, *args: Any) -> Any:
        """One request of a connection, after a turn for all others."""
        # A client that always has sent its next request already never waits for its socket, and
        # would hold up everyone else in this process.
        gevent.sleep(0)
        return super().handle_request(*args)

    def handle_exit(self, sig: int, frame: Any) -> None:
        """SIGTERM: takes no more connections, and lets those who wait have their 202 now."""
        super().handle_exit(sig, frame)
        if self._context is not None:  # else the application is still being loaded
            gevent.spawn(self._context.listener.release)

    @property
    def _context(self) -> Context | None:
        application = getattr(self, "wsgi", None)
        return application.extensions["fluximage"] if application is not None else None


class _Request(Request):  # type: ignore[misc] # gunicorn ships no types
    """A request whose head, and what follows its last chunk, has a bound in all.

    gunicorn bounds each field and their number, 800 KB together, and looks through all that came
    at every packet: of single bytes one connection made enough to keep a core busy.
    """

    @property
    def max_buffer_headers(self) -> int:
        """How many bytes without their end are read."""
        return _MAX_HEAD_BYTES

    @max_buffer_headers.setter
    def max_buffer_headers(self, _: int) -> None:
        """What gunicorn makes of its two settings."""


class _Response(wsgi.Response):  # type: ignore[misc] # gunicorn ships no types
    """A response that ends its connection where the application says so."""

    def __init__(self, *args: Any) -> None:
        super().__init__(*args)
        self.version = "fluximage"  # the header Server: nobody has to know what serves here

    def process_headers(self, headers: list[tuple[str, str]]) -> None:
        """Takes the application's headers; gunicorn would drop its Connection unread."""
        super().process_headers(headers)
        if ("Connection", "close") in headers:
            self.force_close()


class ApiLogger(Logger):  # type: ignore[misc] # gunicorn ships no types
    """gunicorn's own lines, such as those on requests that are no HTTP, go the way of ours."""

    def setup(self, cfg: Any) -> None:
        """Runs in the main process and again where its configuration is read anew."""
        super().setup(cfg)
        logs.configure()
        self.error_log.handlers.clear()
        self.error_log.propagate = True


def _raise_open_files() -> None:
    """As many open files as this process may have: a usual soft limit is 1,024.

    Below `worker_connections` clients that do nothing but connect would take those that the
    database and uploads need.
    """
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    with suppress(ValueError, OSError):  # macOS allows less than it says
        resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))


def _write_json_error(client: socket.socket, status: int, _reason: str, _message: str) -> None:
    """Answers what never reached the application, such as a header that is no HTTP."""
    reason = HTTPStatus(status).phrase
    body = json.dumps({"error": _SENTENCES.get(status, "Something went wrong on our side")})
    headers = PROTECTIVE | {
        "Connection": "close",
        "Content-Type": "application/json",
        "Content-Length": str(len(body)),
    }
    lines = [f"HTTP/1.1 {status} {reason}", *(f"{k}: {v}" for k, v in headers.items())]
    util.write_nonblock(client, "\r\n".join([*lines, "", body]).encode("latin1"))
