"""An HTTP client as a user would write one: httpx, multipart, a bearer key."""

import ssl
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import httpx

from shared.db.accounts import Account

File = tuple[str, bytes]

# The service speaks plain HTTP here. Left to itself httpx reads every certificate authority
# anew for each request, which takes longer than the request.
NO_AUTHORITIES = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)


def request(method: str, url: str, **more: Any) -> httpx.Response:
    """A request on a connection of its own; `more` is what httpx.request takes."""
    options: dict[str, Any] = {"timeout": 120, "verify": NO_AUTHORITIES} | more
    return httpx.request(method, url, **options)


def get(url: str, **more: Any) -> httpx.Response:
    """A GET request on a connection of its own."""
    return request("GET", url, **more)


@dataclass
class Client:
    """Calls the service with one account's key."""

    url: str
    key: str
    account: Account

    def compress(
        self,
        files: Sequence[File],
        fields: Mapping[str, str] | None = None,
        headers: Mapping[str, str] | None = None,
        watermark: bytes | None = None,
    ) -> httpx.Response:
        """POST /api/compress."""
        parts: list[tuple[str, tuple[str | None, bytes]]] = [("file", file) for file in files]
        parts += [(name, (None, value.encode())) for name, value in (fields or {}).items()]
        if watermark is not None:
            parts.append(("watermarkFile", ("logo.png", watermark)))
        return self.call("POST", "/api/compress", files=parts, headers=headers)

    def call(
        self, method: str, path: str, headers: Mapping[str, str] | None = None, **more: Any
    ) -> httpx.Response:
        """Any call, with this account's key."""
        sent = {"Authorization": f"Bearer {self.key}"} | dict(headers or {})
        return request(method, self.url + path, headers=sent, **more)
