"""What the doctor sees of a server without a key: whether it answers, its clock, its formats."""

import platform
import time
from collections.abc import Iterator
from email.utils import parsedate_to_datetime
from importlib import metadata
from typing import Any

import httpx2

from fluximage.calls import authorities, unreachable
from fluximage.command.finding import Finding
from fluximage.command.words import duration
from fluximage.errors import Temporary

TIMEOUT_SECONDS = 10.0
# Beyond it, links look expired (or not yet valid) much earlier than they are.
SKEW_SECONDS = 60.0
FORMATS = ("webp", "avif", "jpg", "png")


def own_version() -> Finding:
    """Of this command and its Python."""
    for name in ("fluximage", "fluximage-client"):
        try:
            version = metadata.version(name)
        except metadata.PackageNotFoundError:
            continue
        return Finding.ok("command", f"{name} {version}, Python {platform.python_version()}")
    return Finding.ok("command", f"from a checkout, Python {platform.python_version()}")


def look(url: str) -> Iterator[Finding]:
    """Whether the server is reached and ready, its clock, its version and formats."""
    base = url.rstrip("/")
    with httpx2.Client(timeout=TIMEOUT_SECONDS, verify=authorities(base)) as http:
        try:
            with unreachable(base):
                before = time.time()
                ready = http.get(f"{base}/health/ready")
                after = time.time()
                described = http.get(f"{base}/openapi.json")
        except Temporary as error:
            yield Finding.wrong(
                "server",
                error.message,
                f"Check the address {base}, this machine's network, and that the server runs.",
            )
            return
    yield _ready(base, ready, described, after - before)
    yield _clock(ready, (before + after) / 2)
    yield _formats(_json(described))


def _json(answer: httpx2.Response) -> dict[str, Any]:
    try:
        body = answer.json()
    except ValueError:
        return {}
    return body if answer.is_success and isinstance(body, dict) else {}


def _ready(
    base: str, ready: httpx2.Response, described: httpx2.Response, seconds: float
) -> Finding:
    if ready.status_code == 503:
        try:
            down = ", ".join(map(str, ready.json()["down"]))
        except (ValueError, KeyError, TypeError):
            down = "no part said which"
        return Finding.wrong(
            "server", f"{base} is not ready: {down}", "Its operator: fluximage check, and the logs."
        )
    if not ready.is_success and not _json(described):
        return Finding.wrong(
            "server",
            f"{base} answers {ready.status_code}, as no fluximage does",
            "Check the address; a path below it counts, and http is not https.",
        )
    return Finding.ok("server", f"{base} answers in {seconds * 1000:.0f} ms")


def _clock(answer: httpx2.Response, here: float) -> Finding:
    try:
        there = parsedate_to_datetime(answer.headers["Date"]).timestamp()
    except (KeyError, ValueError):
        return Finding("clock", "skipped", "the server does not say its time")
    ahead = here - (there + 0.5)  # the header has whole seconds
    if abs(ahead) <= SKEW_SECONDS:
        return Finding.ok("clock", f"{max(0, abs(ahead) - 0.5):.0f} s from the server's")
    side = "ahead of" if ahead > 0 else "behind"
    return Finding.wrong(
        "clock",
        f"this machine's clock is {duration(abs(ahead))} {side} the server's",
        "Let NTP set both; links end by the server's clock.",
    )


def _formats(document: dict[str, Any]) -> Finding:
    version = document.get("info", {}).get("version", "of unknown version")
    written = list(_enums_of(document, "format"))
    if not written:
        return Finding.wrong(
            "formats",
            f"server {version}: it does not say which it writes",
            "Let its /openapi.json through, or bring the server up to date.",
        )
    missing = [one for one in FORMATS if one not in written]
    if missing:
        return Finding.wrong(
            "formats",
            f"server {version} does not write {', '.join(missing)}",
            "Bring the server up to date, or choose another --format.",
        )
    return Finding.ok("formats", f"server {version} writes {', '.join(written)}")


def _enums_of(document: dict[str, Any], field: str) -> Iterator[str]:
    """The values of a field of the form of POST /api/compress."""
    try:
        body = document["paths"]["/api/compress"]["post"]["requestBody"]
        schema = body["content"]["multipart/form-data"]["schema"]
        if "$ref" in schema:
            schema = document["components"]["schemas"][schema["$ref"].rpartition("/")[2]]
        yield from map(str, schema["properties"][field]["enum"])
    except (KeyError, TypeError, AttributeError):
        return
