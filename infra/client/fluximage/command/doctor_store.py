"""Whether the links of results work from here: the public address of the object store."""

import socket
import ssl
from urllib.parse import urlsplit

import httpx2

from fluximage.answers import Image
from fluximage.command import header
from fluximage.command.finding import Finding
from fluximage.command.words import size

TIMEOUT_SECONDS = 10.0
OPERATOR = "The operator sets S3_PUBLIC_ENDPOINT to an address that clients reach."


def link(image: Image) -> Finding:
    """Resolves the link's host, connects, speaks TLS, and gets the right bytes; never shows it."""
    parts = urlsplit(image.url)
    host, tls = parts.hostname or "", parts.scheme == "https"
    port = parts.port or (443 if tls else 80)
    place = f"{parts.scheme}://{parts.netloc}"
    try:
        found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    except OSError as error:
        return _wrong(f"{place}: the name {host} does not resolve ({error.strerror})")
    try:
        with socket.create_connection((host, port), TIMEOUT_SECONDS) as line:
            if tls:
                with ssl.create_default_context().wrap_socket(line, server_hostname=host):
                    pass
    except ssl.SSLError as error:
        reason = getattr(error, "verify_message", "") or error.reason or error
        return Finding.wrong(
            "links", f"{place}: TLS fails: {reason}", "The operator: the store's certificate."
        )
    except OSError as error:
        address = found[0][4][0]
        return _wrong(f"{place} ({address}) takes no connection: {error.strerror or error}")
    return _bytes(image, place)


def _bytes(image: Image, place: str) -> Finding:
    try:
        answer = httpx2.get(image.url, timeout=TIMEOUT_SECONDS)
    except httpx2.HTTPError as error:
        return _wrong(f"{place}: {str(error) or type(error).__name__}")
    if answer.status_code != httpx2.codes.OK:
        return Finding.wrong(
            "links",
            f"{place} answers {answer.status_code}",
            "The operator: a proxy before the store must leave host, path and query as they are.",
        )
    kind = header.type_of(answer.content[:64])
    if len(answer.content) != image.compressed_size or kind != image.format:
        came = f"{kind or 'no image'} of {size(len(answer.content))}"
        return Finding.wrong(
            "links",
            f"{place} gives {came} in place of {image.format} of {size(image.compressed_size)}",
            "The operator: nothing before the store may change what it gives.",
        )
    return Finding.ok("links", f"{place} gives the result, byte for byte")


def _wrong(message: str) -> Finding:
    return Finding.wrong("links", message, OPERATOR)
