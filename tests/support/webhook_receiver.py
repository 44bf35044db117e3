"""A receiver of webhooks: a real HTTP server that keeps what it is sent and answers as told."""

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from standardwebhooks import Webhook

SECONDS = 60


@dataclass(frozen=True)
class Received:
    """One call, as it came."""

    path: str
    headers: dict[str, str]
    body: bytes

    def verified(self, secret: str) -> dict[str, Any]:
        """The body, once the scheme's own package has verified it; else it raises."""
        event: dict[str, Any] = Webhook(secret).verify(self.body, self.headers)
        return event


@dataclass
class Receiver:
    """What came, and `answer`, which gives each call its status; `hangs` never answers."""

    url: str
    calls: list[Received] = field(default_factory=list)
    answer: Callable[[], int] = lambda: 204
    hangs: bool = False
    location: str = "http://127.0.0.1:1/"  # where a redirect goes
    closing: threading.Event = field(default_factory=threading.Event)

    def wait_for(self, calls: int) -> list[Received]:
        """The calls, once there are so many."""
        deadline = time.monotonic() + SECONDS
        while len(self.calls) < calls:
            assert time.monotonic() < deadline, f"{len(self.calls)} of {calls} calls came"
            time.sleep(0.02)
        return self.calls


class _Server(ThreadingHTTPServer):
    request_queue_size = 128


@contextmanager
def receiver(port: int = 0) -> Iterator[Receiver]:
    """A receiver on the loopback, as long as the block runs."""

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["content-length"]))
            headers = {name.lower(): value for name, value in self.headers.items()}
            found.calls.append(Received(self.path, headers, body))
            if found.hangs:
                found.closing.wait(SECONDS)
                return
            status = found.answer()
            self.send_response(status)
            if 300 <= status < 400:
                self.send_header("location", found.location)
            self.send_header("content-length", "0")
            self.end_headers()

        def log_message(self, *_: object) -> None:
            """Tests read what came, not a log."""

    with _Server(("127.0.0.1", port), Handler) as server:
        found = Receiver(f"http://127.0.0.1:{server.server_port}/hook?token=q-secret")
        thread = threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True)
        thread.start()
        try:
            yield found
        finally:
            found.closing.set()
            server.shutdown()
            thread.join()
