"""gunicorn's gevent worker, with errors in JSON, a bound on headers and an orderly shutdown."""

from __future__ import annotations

import json
import logging
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
from api.http_errors import CODES, SENTENCES
from api.request_id import HEADER, request_id
from shared import logs

if TYPE_CHECKING:  # at run time this would import ssl before gevent has patched it
    from api.context import Context

logger = logging.getLogger(__name__)

_MAX_HEAD_BYTES = 64 * 1024


class ApiWorker(GeventWorker):  # type: ignore[misc] # gunicorn ships no types
    """A request that uploads or waits costs a greenlet, so a slow client occupies no thread."""

    def init_process(self) -> None:
        """Runs in the new process, before the application is loaded."""
        _raise_open_files()
        # gunicorn has no settings for these.
        util.write_error = _write_json_error  # gunicorn's answers are HTML
        wsgi.Response = _Response
        RequestParser.mesg_class = _Request
        super().init_process()

    def run(self) -> None:
        """Serves until the process is stopped, then closes every connection."""
        try:
            super().run()
        finally:
            if self._context is not None:
                self._context.listener.close()
                self._context.services.close()

    def handle_request(self, *args: Any) -> Any:
        """Handles one request of a connection, after the other greenlets had a turn."""
        # A client that sends its requests ahead never waits for its socket, and would block all
        # other clients of this process.
        gevent.sleep(0)
        try:
            return super().handle_request(*args)
        except TimeoutError:  # its answer has a bound (api/slow_clients.py)
            logger.info("a client was cut off, since it took too long to take its answer")
            raise StopIteration from None  # gunicorn's way to close the connection

    def handle_error(self, req: Any, client: Any, addr: Any, exc: BaseException) -> None:
        """Logs and answers an error that gunicorn finds, with a request id of its own."""
        if req is None:  # it could not be read; else it has its id already
            logs.begin(request_id=request_id())
        super().handle_error(req, client, addr, exc)

    def handle_exit(self, sig: int, frame: Any) -> None:
        """SIGTERM: accepts no more connections, and answers waiting requests with 202 now."""
        super().handle_exit(sig, frame)
        if self._context is not None:  # None while the application is loaded
            gevent.spawn(self._context.listener.release)

    @property
    def _context(self) -> Context | None:
        application = getattr(self, "wsgi", None)
        return application.extensions["fluximage"] if application is not None else None


class _Request(Request):  # type: ignore[misc] # gunicorn ships no types
    """A request with a bound on the bytes of all its headers, and of all its trailers.

    Without this, gunicorn bounds only each header and their number (800 KB together), and it
    searches all of them again at every packet: one client that sends single bytes would keep a
    core busy.
    """

    @property
    def max_buffer_headers(self) -> int:
        """How many bytes are read in search of the headers' end."""
        return _MAX_HEAD_BYTES

    @max_buffer_headers.setter
    def max_buffer_headers(self, _: int) -> None:
        """Ignores the bound that gunicorn derives from its two settings."""


class _Response(wsgi.Response):  # type: ignore[misc] # gunicorn ships no types
    """A response that closes its connection where the application says so."""

    def __init__(self, *args: Any) -> None:
        super().__init__(*args)
        self.version = "fluximage"  # the header Server: it names no software and no version

    def process_headers(self, headers: list[tuple[str, str]]) -> None:
        """Takes the application's headers, and obeys `Connection: close`, unlike gunicorn."""
        super().process_headers(headers)
        if ("Connection", "close") in headers:
            self.force_close()


class ApiLogger(Logger):  # type: ignore[misc] # gunicorn ships no types
    """Sends gunicorn's own log lines, such as on invalid requests, through the JSON handler."""

    def setup(self, cfg: Any) -> None:
        """Runs in the main process, and again when the configuration is reloaded."""
        super().setup(cfg)
        logs.configure()
        self.error_log.handlers.clear()
        self.error_log.propagate = True


def _raise_open_files() -> None:
    """Raises the limit on open files, usually 1,024, to the most that this process may have.

    With fewer than `worker_connections` files, idle connections would use up those that the
    database and uploads need.
    """
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    with suppress(ValueError, OSError):  # macOS allows less than it reports
        resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))


def _write_json_error(client: socket.socket, status: int, _reason: str, _message: str) -> None:
    """Answers a request that never reaches the application, such as one with an invalid header."""
    reason = HTTPStatus(status).phrase
    known = status if status in SENTENCES else 500
    body = json.dumps({"error": SENTENCES[known], "code": CODES[known]})
    headers = PROTECTIVE | {
        "Connection": "close",
        "Content-Type": "application/json",
        "Content-Length": str(len(body)),
        HEADER: str(logs.facts().get("request_id") or request_id()),
    }
    lines = [f"HTTP/1.1 {status} {reason}", *(f"{k}: {v}" for k, v in headers.items())]
    util.write_nonblock(client, "\r\n".join([*lines, "", body]).encode("latin1"))
