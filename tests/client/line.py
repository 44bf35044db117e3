"""A line between the client and the service that can break: a TCP proxy."""

import socket
import socketserver
import threading
from collections.abc import Callable
from contextlib import suppress
from typing import Any
from urllib.parse import urlsplit

_CHUNK_BYTES = 65536


class Line:
    """Runs as long as its `with` block; `url` takes the place of the service's.

    cut_after_bytes: what one connection may send to the service; then it is cut. lose_answers:
    so many answers of POST are not passed on, and their connections are cut. blocked: a word in
    the head of a request that cuts its connection. on_answer: called with each answer of a POST,
    before it is passed on. cut_archive_after_bytes: what is passed on of a ZIP; then its connection
    is cut.
    """

    def __init__(self, upstream: str) -> None:
        parts = urlsplit(upstream)
        self.upstream = (parts.hostname or "", parts.port or 80)
        self.cut_after_bytes = 0
        self.lose_answers = 0
        self.cut_archive_after_bytes = 0
        self.blocked = b""
        self.on_post: Callable[[], object] = lambda: None
        self.on_answer: Callable[[], object] = lambda: None
        self.cuts = 0
        self._server = _Server(self)
        self.url = f"http://127.0.0.1:{self._server.server_address[1]}"

    def __enter__(self) -> "Line":
        threading.Thread(target=self._server.serve_forever, args=(0.02,), daemon=True).start()
        return self

    def __exit__(self, *_: object) -> None:
        self._server.shutdown()
        self._server.server_close()


class _Server(socketserver.ThreadingTCPServer):
    daemon_threads = True
    request_queue_size = 128

    def __init__(self, line: Line) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.line = line

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Logs nothing: broken connections are intended here."""


class _Handler(socketserver.BaseRequestHandler):
    request: socket.socket
    server: _Server

    def handle(self) -> None:
        self._posting = False
        line = self.server.line
        with socket.create_connection(line.upstream) as upstream:
            threading.Thread(target=self._back, args=(upstream,), daemon=True).start()
            with suppress(OSError):
                self._forth(upstream)
            end(upstream)

    def _forth(self, upstream: socket.socket) -> None:
        line, sent = self.server.line, 0
        while chunk := self.request.recv(_CHUNK_BYTES):
            if chunk.startswith((b"GET ", b"POST ")):
                self._posting = chunk.startswith(b"POST ")
                if self._posting:
                    line.on_post()
            sent += len(chunk)
            if (line.blocked and line.blocked in chunk[:2000]) or 0 < line.cut_after_bytes < sent:
                line.cuts += 1
                end(self.request)
                return
            upstream.sendall(chunk)

    def _back(self, upstream: socket.socket) -> None:
        line, left = self.server.line, 0
        with suppress(OSError):
            while chunk := upstream.recv(_CHUNK_BYTES):
                if line.cut_archive_after_bytes and b"\r\nContent-Type: application/zip" in chunk:
                    left = line.cut_archive_after_bytes
                if left and (left := left - len(chunk)) <= 0:
                    self.request.sendall(chunk[:left])
                    line.cuts += 1
                    break
                if self._posting and chunk.startswith(b"HTTP/1.1 2"):
                    line.on_answer()
                    if line.lose_answers:
                        line.lose_answers -= 1
                        line.cuts += 1
                        break
                self.request.sendall(chunk)
        end(self.request)


def end(connection: socket.socket) -> None:
    """Ends a connection in both directions."""
    with suppress(OSError):
        connection.shutdown(socket.SHUT_RDWR)
