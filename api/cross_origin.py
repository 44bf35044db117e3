"""Calls of /api by pages of other origins (Fetch Standard, CORS protocol).

Without FLUXIMAGE_CORS_ORIGINS there are none: browsers refuse them, since no answer allows them.
Requests carry their key in a header and never by a cookie, so credentials are not allowed.
"""

from collections.abc import Set

from flask import Flask, Response, request

from api.openapi.declare import AUTHENTICATE, LOCATION, REQUEST_ID, RETRY_AFTER
from api.prefer import PREFERENCE_APPLIED

METHODS = ("GET", "HEAD", "POST", "DELETE")
# What clients send beyond what every page may; Content-Type, since it may be any.
_SENT = (
    *("Authorization", "Content-Type", "Prefer", "Idempotency-Key", "Last-Event-ID"),
    *("X-Request-Id", "Cache-Control"),
)
_READ = (LOCATION, RETRY_AFTER, AUTHENTICATE, PREFERENCE_APPLIED, REQUEST_ID)
EXPOSED = (*(header.name for header in _READ), "Allow", "Content-Disposition")
_REMEMBERED_SECONDS = 7200  # the longest that Chromium keeps the answer to a preflight


def register(app: Flask, origins: Set[str]) -> None:
    """Makes the application say to browsers that pages of these origins may call it."""
    if not origins:
        return

    def preflight() -> Response | None:
        if not (_is_allowed(origins) and _is_preflight()):
            return None
        response = Response(status=204)
        del response.headers["Content-Type"]
        response.headers["Access-Control-Allow-Methods"] = ", ".join(METHODS)
        response.headers["Access-Control-Allow-Headers"] = ", ".join(_SENT)
        response.headers["Access-Control-Max-Age"] = str(_REMEMBERED_SECONDS)
        return response

    def allow(response: Response) -> Response:
        if _is_below_api():
            response.vary.add("Origin")  # else a cache could give one origin's answer to another
            if _is_allowed(origins):
                response.headers["Access-Control-Allow-Origin"] = request.headers["Origin"]
                response.headers["Access-Control-Expose-Headers"] = ", ".join(EXPOSED)
        return response

    app.before_request(preflight)
    app.after_request(allow)


def _is_below_api() -> bool:
    return request.path == "/api" or request.path.startswith("/api/")


def _is_preflight() -> bool:
    return request.method == "OPTIONS" and "Access-Control-Request-Method" in request.headers


def _is_allowed(origins: Set[str]) -> bool:
    # Two headers arrive as one, "a,b", which is no origin.
    return _is_below_api() and request.headers.get("Origin") in origins
