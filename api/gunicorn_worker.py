"""gunicorn's gevent worker, with errors in JSON, bounds on clients and an orderly shutdown."""

from __future__ import annotations

import json
import logging
import resource
import socket
from contextlib import AbstractContextManager, nullcontext, suppress
from http import HTTPStatus
from typing import TYPE_CHECKING, Any

import gevent
from gevent.server import StreamServer
from gunicorn import util
from gunicorn.glogging import Logger
from gunicorn.http import wsgi
from gunicorn.http.body import Body
from gunicorn.http.errors import ParseException, UnsupportedTransferCoding
from gunicorn.http.message import Request
from gunicorn.http.parser import RequestParser
from gunicorn.workers import ggevent
from gunicorn.workers.ggevent import GeventWorker

from api.addresses import behind_proxies, counted_as
from api.client_socket import ClientSocket
from api.connections import Connections
from api.headers import PROTECTIVE
from api.http_errors import CODES, SENTENCES
from api.pace import Limits
from api.request_id import HEADER, request_id
from shared import logs

if TYPE_CHECKING:  # at run time this would import ssl before gevent has patched it
    from api.context import Context

logger = logging.getLogger(__name__)

_MAX_HEAD_BYTES = 64 * 1024
# Connections that gunicorn takes above our limit, so that it never stops to accept: some that give
# way have not ended yet.
_SPARE_CONNECTIONS = 1000


class ApiWorker(GeventWorker):  # type: ignore[misc] # gunicorn ships no types
    """A request that uploads or waits costs a greenlet, so a slow client occupies no thread."""

    def init_process(self) -> None:
        """Runs in the new process, before the application is loaded."""
        _raise_open_files()
        # gunicorn has no settings for these.
        util.write_error = _write_json_error  # gunicorn's answers are HTML
        wsgi.Response = _Response
        RequestParser.mesg_class = _Request
        ggevent.StreamServer = _Server
        super().init_process()

    def run(self) -> None:
        """Serves until the process is stopped, then closes every connection."""
        if self._context is not None:
            self._bound_clients(self._context)
        try:
            super().run()
        finally:
            if self._context is not None:
                self._context.listener.close()
                self._context.services.close()

    def handle(self, listener: Any, client: Any, addr: Any) -> None:
        """Handles one connection until it ends."""
        address = counted_as(addr[0], self._proxies) if addr else None  # none on a UNIX socket
        connection = ClientSocket(
            client, address, self._connections, self._limits, self.cfg.keepalive
        )
        self._connections.opened(connection)
        try:
            super().handle(listener, connection, addr)
        finally:
            connection.give_turn_back()
            self._connections.closed(connection)

    def timeout_ctx(self) -> AbstractContextManager[None]:
        """No bound in time by gunicorn: the socket has its own."""
        return nullcontext()

    def handle_request(self, listener: Any, req: Any, connection: Any, addr: Any) -> Any:
        """Handles one request of a connection, when it is its client's turn."""
        if req.path.startswith("/health/"):
            connection.give_turn_back()
        # A client that sends its requests ahead never waits for its socket, and would block all
        # other clients of this process.
        elif not connection.take_turn(self._share(req, addr), pause=req.req_number > 1):
            raise StopIteration  # gunicorn's way to close the connection
        try:
            return super().handle_request(listener, req, connection, addr)
        except TimeoutError:  # its answer has a bound (api/slow_clients.py)
            logger.info("a client was cut off, since it took too long to take its answer")
            raise StopIteration from None
        finally:
            connection.give_turn_back()

    def handle_error(self, req: Any, client: Any, addr: Any, exc: BaseException) -> None:
        """Logs and answers an error that gunicorn finds, with a request id of its own."""
        if req is None:  # it could not be read; else it has its id already
            logs.begin(request_id=request_id())
        if isinstance(exc, _SlowHeadError):
            logger.info("a client was cut off, since it sent its request too slowly")
            with suppress(OSError):
                _write_json_error(client, 408, "", "")
            return
        super().handle_error(req, client, addr, exc)

    def handle_exit(self, sig: int, frame: Any) -> None:
        """SIGTERM: accepts no more connections, and answers waiting requests with 202 now."""
        super().handle_exit(sig, frame)
        if self._context is not None:  # None while the application is loaded
            gevent.spawn(self._context.listener.release)
            gevent.spawn(self._connections.end_idle)

    def _share(self, req: Any, addr: Any) -> str | None:
        if not addr:  # a UNIX socket
            return None
        forwarded = ",".join(value for name, value in req.headers if name == "X-FORWARDED-FOR")
        return counted_as(behind_proxies(addr[0], forwarded, self._proxies), self._proxies)

    def _bound_clients(self, context: Context) -> None:
        settings = context.services.settings
        self._proxies = settings.trusted_proxies
        self._limits = Limits(
            bytes_per_second=settings.min_bytes_per_second,
            window_seconds=settings.min_rate_seconds,
            stall_seconds=settings.body_stall_seconds,
            total_seconds=settings.max_body_seconds,
        )
        self._connections = Connections(context.max_connections)
        self.worker_connections = context.max_connections + _SPARE_CONNECTIONS

    @property
    def _context(self) -> Context | None:
        application = getattr(self, "wsgi", None)
        return application.extensions["fluximage"] if application is not None else None


class _Server(StreamServer):
    """Accepts many connections each time that it looks for new ones.

    gunicorn would accept one, and work on all requests that are ready before the next one: a client
    whose connection is behind a thousand others would wait for a thousand such rounds. Not too many
    either: each step of a request that is under way waits for a whole round.
    """

    @property
    def max_accept(self) -> int:
        """How many are accepted before anything else is done."""
        return 16

    @max_accept.setter
    def max_accept(self, _: int) -> None:
        """Ignores what gunicorn sets where there is more than one process."""


class _SlowHeadError(ParseException):  # type: ignore[misc] # as above
    """A part of a request's head came, and the rest did not come in time."""


class _Request(Request):  # type: ignore[misc] # as above
    """A request with a bound on the bytes of all its headers, and of all its trailers.

    Without this, gunicorn bounds only each header and their number (800 KB together), and it
    searches all of them again at every packet: one client that sends single bytes would keep a
    core busy.
    """

    _expected_100_continue: bool
    body: Any

    def __init__(self, cfg: Any, unreader: Any, *args: Any) -> None:
        super().__init__(cfg, unreader, *args)
        unreader.sock.request_arrived()

    def read_into(self, unreader: Any, buf: bytearray, stop: bool = False) -> None:
        """Reads more of the head; stop: nothing of it has come yet."""
        unreader.sock.await_head(begun=not stop)
        try:
            super().read_into(unreader, buf, stop)
        except TimeoutError:
            raise _SlowHeadError from None

    def set_body_reader(self) -> None:
        """Refuses every coding but chunks, and lets a client wait that asks before it sends."""
        super().set_body_reader()
        for name, value in self.headers:
            # gunicorn takes `gzip, chunked` and decodes nothing.
            if name == "TRANSFER-ENCODING" and value.lower() != "chunked":
                raise UnsupportedTransferCoding(value)
        if self._expected_100_continue:
            self._expected_100_continue = False  # gunicorn would call for the body before any check
            self.body = _AwaitedBody(self.body.reader, self.unreader.sock)

    @property
    def max_buffer_headers(self) -> int:
        """How many bytes are read in search of the headers' end."""
        return _MAX_HEAD_BYTES

    @max_buffer_headers.setter
    def max_buffer_headers(self, _: int) -> None:
        """Ignores the bound that gunicorn derives from its two settings."""


class _AwaitedBody(Body):  # type: ignore[misc] # as above
    """A body that its client sends once it is asked for it: `Expect: 100-continue`."""

    def __init__(self, reader: Any, connection: ClientSocket) -> None:
        super().__init__(reader)
        self._connection: ClientSocket | None = connection

    def _read_reader(self, size: int) -> Any:
        if self._connection is not None:
            self._connection.sendall(b"HTTP/1.1 100 Continue\r\n\r\n")
            self._connection = None
        return super()._read_reader(size)


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
    """Raises the limit on open files, usually 1,024, to the most that this process may have."""
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
