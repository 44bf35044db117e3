"""Query parameters: their text becomes a number, or one sentence of refusal."""

import re

from flask import request

from api.fields import refusal


def whole_argument(name: str, low: int, high: int, default: int) -> int:
    """Returns a query parameter that is a whole number; raises InvalidFieldError."""
    text = request.args.get(name)
    if text is None:
        return default
    if text.isascii() and text.isdigit() and len(text) <= 12 and low <= int(text) <= high:
        return int(text)
    raise refusal(name, text, f"a whole number from {low} to {high}")


def wait_argument(limit_seconds: int) -> int:
    """Returns the seconds in `?wait=`, at most `limit_seconds`; raises InvalidFieldError."""
    text = request.args.get("wait", "0")
    if re.fullmatch("[0-9]{1,9}", text):
        return min(int(text), limit_seconds)
    allowed = f"a whole number of seconds (at most {limit_seconds} are waited)"
    raise refusal("wait", text, allowed)


def cursor_argument() -> int:
    """Returns the number in `?cursor=`, 0 without one; raises InvalidFieldError."""
    return _cursor(
        "cursor", request.args.get("cursor", "0"), "the next_cursor of an earlier answer"
    )


def cursor_header(name: str) -> int | None:
    """Returns the number in a header, None without one; raises InvalidFieldError."""
    text = request.headers.get(name)
    return _cursor(name, text, "the id of an event") if text else None


def _cursor(name: str, text: str, allowed: str) -> int:
    if not (text.isascii() and text.isdigit() and len(text) <= 18):
        raise refusal(name, text, allowed)
    return int(text)
