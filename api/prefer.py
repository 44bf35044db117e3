"""The Prefer header: how long a client wants to wait for its batch."""

from dataclasses import dataclass

from flask import request

from api.openapi.declare import Header
from api.parameters import Text

PREFER = Text(
    name="Prefer",
    sentence="How long to wait for the batch: `respond-async` answers 202 at once, `wait=N` after "
    "N seconds at the latest. Without it the answer comes when the batch is done, or after the "
    "operator's limit (300 s unless set otherwise).",
    example="respond-async",
)
PREFERENCE_APPLIED = Header("Preference-Applied", "What was honoured of `Prefer`.", "respond-async")


@dataclass(frozen=True)
class Preference:
    """What a Prefer header asks for (RFC 7240); `applied` is the part that is honoured, if any."""

    seconds: float
    applied: str | None


def preference(limit_seconds: int) -> Preference:
    """Returns how long to wait for a batch: at most `limit_seconds`, which is also the default.

    `respond-async` alone means no wait, and together with `wait=N` N seconds. Unknown values
    are ignored, as the RFC requires.
    """
    asynchronous, seconds = False, None
    for token in ",".join(request.headers.getlist("Prefer")).split(","):
        name, _, value = (part.strip() for part in token.partition(";")[0].partition("="))
        value = value.strip('"')
        if name.lower() == "respond-async":
            asynchronous = True
        elif name.lower() == "wait" and seconds is None and value.isascii() and value.isdigit():
            seconds = min(int(value[:9]), limit_seconds)
    if asynchronous and seconds is None:
        return Preference(0, "respond-async")
    if seconds is None:
        return Preference(limit_seconds, None)
    applied = f"wait={seconds}"
    return Preference(seconds, f"respond-async, {applied}" if asynchronous else applied)
