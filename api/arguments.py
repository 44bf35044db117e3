"""Query parameters: their text becomes a number, or one sentence of refusal."""

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


def cursor_argument() -> int:
    """Returns the number in `?cursor=`, 0 without one; raises InvalidFieldError."""
    text = request.args.get("cursor", "0")
    if not (text.isascii() and text.isdigit() and len(text) <= 18):
        raise refusal("cursor", text, "the next_cursor of an earlier answer")
    return int(text)
