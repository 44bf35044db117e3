"""A TCP proxy before the broker, which ends connections after a number of messages."""

import math
import socket
import socketserver
import threading
from contextlib import suppress
from typing import Any
from urllib.parse import urlsplit, urlunsplit

_PUBLISH = b"LPUSH"  # one per message, at the start of what its connection sends
_CHUNK_BYTES = 65536


class BrokerProxy:
    """Runs as long as its `with` block; `url` takes the place of the broker's."""

    def __init__(self, upstream: str) -> None:
        """`upstream` is the broker's URL."""
        parts = urlsplit(upstream)
        self.upstream = (parts.hostname or "", parts.port or 6379)
        self._lock = threading.Lock()
        self._left = math.inf
        self._server = _Server(self)
        port = self._server.server_address[1]
        netloc = f":{parts.password}@127.0.0.1:{port}"
        self.url = urlunsplit(parts._replace(netloc=netloc))

    def __enter__(self) -> "BrokerProxy":
        threading.Thread(target=self._server.serve_forever, args=(0.02,), daemon=True).start()
        return self

    def __exit__(self, *_: object) -> None:
        self._server.shutdown()
        self._server.server_close()

    def allow(self, publishes: float = math.inf) -> None:
        """Lets so many more messages pass; the connection that publishes the next is ended."""
        with self._lock:
            self._left = publishes

    def passes(self, chunk: bytes) -> bool:
        """Whether these bytes of a client may be passed on."""
        with self._lock:
            self._left -= chunk.count(_PUBLISH)
            return self._left >= 0 or _PUBLISH not in chunk


class _Server(socketserver.ThreadingTCPServer):
    daemon_threads = True
    request_queue_size = 128

    def __init__(self, proxy: BrokerProxy) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.proxy = proxy

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Logs nothing: broken connections are intended here."""


class _Handler(socketserver.BaseRequestHandler):
    request: socket.socket
    server: _Server

    def handle(self) -> None:
        proxy = self.server.proxy
        with socket.create_connection(proxy.upstream, timeout=5) as upstream:
            for end in (upstream, self.request):
                end.settimeout(None)
                end.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            threading.Thread(target=_pump, args=(upstream, self.request), daemon=True).start()
            with suppress(OSError):
                while (chunk := self.request.recv(_CHUNK_BYTES)) and proxy.passes(chunk):
                    upstream.sendall(chunk)
            _end(upstream)


def _pump(source: socket.socket, target: socket.socket) -> None:
    with suppress(OSError):
        while chunk := source.recv(_CHUNK_BYTES):
            target.sendall(chunk)
    _end(target)


def _end(connection: socket.socket) -> None:
    with suppress(OSError):
        connection.shutdown(socket.SHUT_RDWR)
