"""Requests as bytes on a socket: what a hostile or broken client sends and no library would."""

import http.client
import json
import re
import socket
from collections.abc import Iterable
from contextlib import suppress
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

BOUNDARY = "----boundary"
CONTENT_TYPE = f"multipart/form-data; boundary={BOUNDARY}"


@dataclass
class Answer:
    """A response that was read to its end."""

    status: int
    headers: http.client.HTTPMessage
    body: bytes

    def json(self) -> Any:
        """The body's JSON."""
        assert self.headers["Content-Type"] == "application/json", self.body
        return json.loads(self.body)

    @property
    def error(self) -> str:
        """The one word or sentence that every error has, beside its code."""
        assert re.fullmatch("[a-z_]+", self.json()["code"])
        error = self.json()["error"]
        assert isinstance(error, str)
        return error


def part(disposition: str | bytes, content: bytes = b"", *headers: bytes) -> bytes:
    """One part; `disposition` is what follows `form-data; ` in its header."""
    encoded = disposition.encode() if isinstance(disposition, str) else disposition
    lines = [b"--" + BOUNDARY.encode(), b"Content-Disposition: form-data; " + encoded, *headers]
    return b"\r\n".join([*lines, b"", content, b""])


def file_part(name: str | bytes, content: bytes) -> bytes:
    """A file under the field `file`, its name exactly as given between the quotes."""
    encoded = name.encode() if isinstance(name, str) else name
    return part(b'name="file"; filename="' + encoded + b'"', content)


def gif(frames: int) -> bytes:
    """An animation of one black pixel."""
    frame = b"\x2c" + b"\0\0\0\0\x01\0\x01\0\0" + b"\x02\x02\x44\x01\0"
    return b"GIF89a\x01\0\x01\0\x80\0\0\0\0\0\xff\xff\xff" + frame * frames + b";"


def end() -> bytes:
    """What closes a body."""
    return f"--{BOUNDARY}--\r\n".encode()


def head(key: str, *headers: str, method: str = "POST", path: str = "/api/compress") -> bytes:
    """A request's line and headers."""
    lines = [f"{method} {path} HTTP/1.1", "Host: test", f"Authorization: Bearer {key}", *headers]
    return "\r\n".join([*lines, "", ""]).encode()


def post(url: str, key: str, body: bytes, *headers: str) -> Answer:
    """POST /api/compress with that body, whole and of the right length."""
    own = (f"Content-Type: {CONTENT_TYPE}", f"Content-Length: {len(body)}")
    return exchange(url, [head(key, *own, *headers), body])


def exchange(
    url: str, chunks: Iterable[bytes], *, half_close: bool = False, seconds: float = 60
) -> Answer:
    """Sends the chunks, or as many as the server takes, and reads its answer."""
    address = urlsplit(url)
    with socket.create_connection((address.hostname, address.port), timeout=seconds) as connection:
        with suppress(OSError):  # it has answered already and takes no more
            for chunk in chunks:
                connection.sendall(chunk)
            if half_close:
                connection.shutdown(socket.SHUT_WR)
        return read_answer(connection)


def read_answer(connection: socket.socket) -> Answer:
    """Reads one answer to its end."""
    with http.client.HTTPResponse(connection) as response:
        response.begin()
        return Answer(response.status, response.headers, response.read())
