"""A small client of the HTTP API, on the standard library, for demo, benchmarks and chaos.

It imports nothing of the server's code.
"""

import json
import secrets
import urllib.request
from collections.abc import Mapping, Sequence
from contextlib import closing
from http.client import HTTPConnection
from typing import Any
from urllib.parse import urlsplit

File = tuple[str, bytes]
Answer = tuple[int, dict[str, Any]]


class Client:
    """Opens a connection for each call; may be used by several threads."""

    def __init__(self, url: str, api_key: str, *, timeout_seconds: float = 330) -> None:
        """`url` is the address that `fluximage up` prints."""
        self._address = urlsplit(url).netloc
        self._timeout_seconds = timeout_seconds
        self.authorization = f"Bearer {api_key}"

    def compress(
        self,
        files: Sequence[File],
        fields: Mapping[str, str] | None = None,
        watermark: bytes | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> Answer:
        """POST /api/compress with `files` as (name, bytes); returns (status, body)."""
        parts = [("file", name, data) for name, data in files]
        if watermark is not None:
            parts.append(("watermarkFile", "watermark.png", watermark))
        boundary, body = _multipart(parts, fields or {})
        kind = {"Content-Type": f"multipart/form-data; boundary={boundary}"}
        return self._call("POST", "/api/compress", body, kind | dict(headers or {}))

    def get(self, path: str) -> Answer:
        """GET `path`; returns (status, body)."""
        return self._call("GET", path, None, {})

    def _call(
        self, method: str, path: str, body: bytes | None, headers: Mapping[str, str]
    ) -> Answer:
        connection = HTTPConnection(self._address, timeout=self._timeout_seconds)
        with closing(connection):
            sent = {"Authorization": self.authorization} | dict(headers)
            connection.request(method, path, body, sent)
            answer = connection.getresponse()
            return answer.status, json.loads(answer.read())


def download(url: str) -> bytes:
    """The bytes behind a signed URL; raises urllib.error.URLError."""
    with urllib.request.urlopen(url, timeout=60) as answer:  # noqa: S310 - the service made it
        return bytes(answer.read())


def _multipart(
    parts: Sequence[tuple[str, str, bytes]], fields: Mapping[str, str]
) -> tuple[str, bytes]:
    boundary = secrets.token_hex(16)
    pieces = []
    for name, value in fields.items():
        head = f'--{boundary}\r\nContent-Disposition: form-data; name="{name}"\r\n\r\n'
        pieces += [head.encode(), value.encode(), b"\r\n"]
    for name, file_name, data in parts:
        quoted = file_name.replace("\\", "\\\\").replace('"', "%22")
        head = (
            f"--{boundary}\r\nContent-Disposition: form-data;"
            f' name="{name}"; filename="{quoted}"\r\n\r\n'
        )
        pieces += [head.encode(), data, b"\r\n"]
    pieces.append(f"--{boundary}--\r\n".encode())
    return boundary, b"".join(pieces)
