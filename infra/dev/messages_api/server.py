"""A stand-in for the Messages API: it checks requests and answers as a test has scripted."""

import socket
import struct
import sys
import threading
import time
from collections import deque
from collections.abc import Callable
from email.message import Message
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from uuid import uuid4

from infra.dev.messages_api.answer import Answer
from infra.dev.messages_api.request import FaultyRequestError, Request, check


class MessagesApi:
    """The server, which runs as long as its `with` block.

    A request gets the next answer of `script` or, when that is empty, what `otherwise` returns.
    A faulty request gets the API's error for it, and `faults` keeps what was wrong.
    """

    def __init__(self, *, key: str = "sk-ant-api03-of-the-tests", model: str | None = None) -> None:
        """`key` and `model` are the valid ones; None allows any model."""
        self.key = key
        self.model = model
        self.script: deque[Answer] = deque()
        self.otherwise: Callable[[Request], Answer] = lambda _: Answer()
        self.requests: list[Request] = []
        self.faults: list[str] = []
        self.in_flight = 0
        self.most_in_flight = 0
        self._lock = threading.Lock()
        self._server = _Server(self)
        self.url = f"http://127.0.0.1:{self._server.server_address[1]}"

    def __enter__(self) -> "MessagesApi":
        threading.Thread(target=self._server.serve_forever, args=(0.02,), daemon=True).start()
        return self

    def __exit__(self, *_: object) -> None:
        self._server.shutdown()
        self._server.server_close()

    @property
    def environment(self) -> dict[str, str]:
        """The environment of a process that is to call this server."""
        return {"ANTHROPIC_BASE_URL": self.url, "ANTHROPIC_API_KEY": self.key}

    def answer(self, request: Request) -> tuple[Answer, str]:
        """Keeps the request; returns its answer, and the message for an error."""
        try:
            check(request, self.key, self.model)
        except FaultyRequestError as fault:
            with self._lock:
                self.requests.append(request)
                self.faults.append(fault.message)
            return Answer(status=fault.status), fault.message
        with self._lock:
            self.requests.append(request)
            if self.script:
                return self.script.popleft(), "As the test asked"
        return self.otherwise(request), "As the test asked"

    def count_in_flight(self, change: int) -> None:
        """Counts the requests in flight."""
        with self._lock:
            self.in_flight += change
            self.most_in_flight = max(self.most_in_flight, self.in_flight)


class _Server(ThreadingHTTPServer):
    request_queue_size = 128

    def __init__(self, api: MessagesApi) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.api = api

    def shutdown_request(self, request: Any) -> None:
        self.close_request(request)  # without a FIN, which a reset must not send

    def handle_error(self, request: Any, client_address: Any) -> None:
        if not isinstance(sys.exception(), ConnectionError):  # tests end calls on purpose
            super().handle_error(request, client_address)


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    server: _Server

    def _handle(self) -> None:
        self.server.api.count_in_flight(+1)
        try:
            raw = self.rfile.read(int(self.headers.get("content-length", 0)))
            request = Request(time.monotonic(), self.command, self.path, _lower(self.headers), raw)
            self._send(request, *self.server.api.answer(request))
        finally:
            self.server.api.count_in_flight(-1)

    do_GET = do_POST = do_PUT = do_DELETE = _handle  # noqa: N815 - names that the server calls

    def _send(self, request: Request, answer: Answer, message: str) -> None:
        time.sleep(answer.delay_seconds)
        if answer.cut == "reset":
            now = struct.pack("ii", 1, 0)
            self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, now)
            self.close_connection = True
            return
        body = answer.body(request, message).encode()
        self.send_response(answer.status)
        usual = {"content-type": "application/json", "request-id": f"req_{uuid4().hex[:24]}"}
        for name, value in {**usual, **answer.headers, "content-length": str(len(body))}.items():
            self.send_header(name, value)
        self.end_headers()
        if answer.cut == "half":
            self.wfile.write(body[: len(body) // 2])
            self.close_connection = True
            return
        step = 1 if answer.drip_seconds else len(body) or 1
        for start in range(0, len(body), step):
            time.sleep(answer.drip_seconds)
            self.wfile.write(body[start : start + step])

    def log_message(self, *_: object) -> None:
        """Logs nothing."""


def _lower(headers: Message) -> dict[str, str]:
    return {name.lower(): value for name, value in headers.items()}
