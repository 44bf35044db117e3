"""An HTTP proxy before the object store, which fails on demand."""

import threading
from enum import StrEnum
from http.client import HTTPConnection, HTTPException
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import urlsplit

_HOP = {"connection", "content-length", "date", "keep-alive", "server", "transfer-encoding"}
_BUSY = {"Retry-After": "60"}  # as MinIO sends it with every 503


class Mode(StrEnum):
    """What happens to a request."""

    THROUGH = "through"
    REFUSE = "refuse"  # 503, with a Retry-After of a minute
    HANG = "hang"  # no answer until the mode changes; then the connection ends
    CUT = "cut"  # a PUT is stored, and the connection ends without an answer


class StoreProxy:
    """Runs as long as its `with` block; `url` takes the place of the store's."""

    def __init__(self, upstream: str) -> None:
        """`upstream` is the store's URL."""
        self.upstream = urlsplit(upstream).netloc
        self._changed = threading.Condition()
        self._mode = Mode.THROUGH
        self._server = _Server(self)
        self.url = f"http://127.0.0.1:{self._server.server_address[1]}"

    def __enter__(self) -> "StoreProxy":
        threading.Thread(target=self._server.serve_forever, args=(0.02,), daemon=True).start()
        return self

    def __exit__(self, *_: object) -> None:
        self.turn(Mode.THROUGH)  # releases the requests that hang
        self._server.shutdown()
        self._server.server_close()

    def turn(self, mode: Mode) -> None:
        """Sets the mode of all requests from now on."""
        with self._changed:
            self._mode = mode
            self._changed.notify_all()

    def mode_of_request(self) -> Mode:
        """The mode of a request that comes now; for HANG it returns only when the mode changes."""
        with self._changed:
            mode = self._mode
            self._changed.wait_for(lambda: mode is not Mode.HANG or self._mode is not Mode.HANG)
        return mode


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    request_queue_size = 128

    def __init__(self, proxy: StoreProxy) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.proxy = proxy

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Logs nothing: broken connections are intended here."""


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    server: _Server

    def setup(self) -> None:
        super().setup()
        self._upstream = HTTPConnection(self.server.proxy.upstream, timeout=60)

    def finish(self) -> None:
        self._upstream.close()
        super().finish()

    def _handle(self) -> None:
        body = self.rfile.read(int(self.headers.get("content-length", 0)))
        mode = self.server.proxy.mode_of_request()
        if mode is Mode.REFUSE:
            return self._answer(503, _BUSY, b"")
        if mode is not Mode.HANG:
            answer = self._forward(body)
            if answer and not (mode is Mode.CUT and self.command == "PUT"):
                return self._answer(*answer)
        self.close_connection = True
        return None

    do_GET = do_HEAD = do_PUT = do_POST = do_DELETE = _handle  # noqa: N815 - names that the server calls

    def _forward(self, body: bytes) -> tuple[int, dict[str, str], bytes] | None:
        """The store's answer. The headers stay unchanged, since they are signed, with `Host`."""
        try:
            self._upstream.putrequest(
                self.command, self.path, skip_host=True, skip_accept_encoding=True
            )
            for name, value in self.headers.items():
                self._upstream.putheader(name, value)
            self._upstream.endheaders(body or None)
            response = self._upstream.getresponse()
            content = response.read()
        except (OSError, HTTPException):
            self._upstream.close()
            return None
        kept = {name: value for name, value in response.getheaders() if name.lower() not in _HOP}
        length = str(len(content))
        if self.command == "HEAD":
            length = response.getheader("content-length") or "0"
        return response.status, kept | {"Content-Length": length}, content

    def _answer(self, status: int, headers: dict[str, str], content: bytes) -> None:
        self.send_response(status)
        for name, value in ({"Content-Length": "0"} | headers).items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(content)

    def log_message(self, *_: object) -> None:
        """Logs nothing."""
