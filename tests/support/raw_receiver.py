"""A server on the loopback that answers a call as a test says: well, badly, slowly or never."""

import contextlib
import socket
import ssl
import threading
from collections.abc import Callable
from ipaddress import ip_network
from types import TracebackType
from typing import Any, Self

from shared.outbound import Policy

Behaviour = Callable[[socket.socket], None]


def replies(*parts: bytes) -> Behaviour:
    """Sends `parts`, and reads no more."""

    def behave(connection: socket.socket) -> None:
        for part in parts:
            connection.sendall(part)

    return behave


def answer(status: int, *headers: str, body: bytes = b"") -> bytes:
    """A whole answer."""
    lines = [f"HTTP/1.1 {status} Said", f"Content-Length: {len(body)}", *headers, "", ""]
    return "\r\n".join(lines).encode("latin-1") + body


class Receiver:
    """Runs as long as its `with` block; `requests` are the heads and bodies that came, in order."""

    def __init__(
        self,
        behave: Behaviour,
        *,
        host: str = "127.0.0.1",
        context: ssl.SSLContext | None = None,
        reads: bool = True,
    ) -> None:
        """behave: after a request was read, or at once unless `reads`. context: speaks TLS."""
        self._behave, self._context, self._reads = behave, context, reads
        family = socket.AF_INET6 if ":" in host else socket.AF_INET
        self._listener = socket.create_server((host, 0), family=family, backlog=128)
        self._open: list[socket.socket] = []
        self._threads: list[threading.Thread] = []
        self.host, self.port = host, int(self._listener.getsockname()[1])
        self.requests: list[bytes] = []
        self.connections = 0

    def __enter__(self) -> Self:
        self._accepting = threading.Thread(target=self._accept)
        self._accepting.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        with contextlib.suppress(OSError):
            self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        self._accepting.join(10)
        for connection in self._open:
            with contextlib.suppress(OSError):
                connection.shutdown(socket.SHUT_RDWR)
        for thread in self._threads:
            thread.join(10)

    def policy(self, **more: Any) -> Policy:
        """One that allows this receiver's address and port."""
        given = {"ports": frozenset({self.port}), "networks": (ip_network(self.host),)}
        return Policy(**(given | more))

    def url(self, path: str = "/", host: str | None = None) -> str:
        """The address of a path here, by another host name if it is given."""
        scheme = "https" if self._context else "http"
        return f"{scheme}://{host or self.host}:{self.port}{path}"

    def _accept(self) -> None:
        with contextlib.suppress(OSError):
            while True:
                connection, _ = self._listener.accept()
                self.connections += 1
                self._open.append(connection)
                thread = threading.Thread(target=self._serve, args=(connection,))
                self._threads.append(thread)
                thread.start()

    def _serve(self, connection: socket.socket) -> None:
        with contextlib.suppress(OSError), connection:
            if self._context:
                connection = self._context.wrap_socket(connection, server_side=True)
            with connection:
                if self._reads:
                    self.requests.append(_request(connection))
                self._behave(connection)


def _request(connection: socket.socket) -> bytes:
    """All bytes of one request whose body has a length."""
    read = b""
    while b"\r\n\r\n" not in read:
        if not (more := connection.recv(65_536)):
            return read
        read += more
    head, _, body = read.partition(b"\r\n\r\n")
    lengths = [line for line in head.lower().split(b"\r\n") if line.startswith(b"content-length:")]
    missing = int(lengths[0].partition(b":")[2]) - len(body) if lengths else 0
    while missing > 0 and (more := connection.recv(65_536)):
        read, missing = read + more, missing - len(more)
    return read
