"""The cursor of the list of sessions: the moment and the id of the last session that was read."""

import re
from datetime import UTC, datetime, timedelta

from flask import request

from api.fields import is_session_id, refusal
from shared.db.session_list import Place

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND = timedelta(microseconds=1)
_CURSOR = re.compile(r"([0-9]{1,16})-(.+)", re.ASCII)  # 16 digits end in the year 2286


def cursor_of(place: Place) -> str:
    """Returns the cursor that goes on after the place."""
    return f"{(place.created_at - _EPOCH) // _MICROSECOND}-{place.name}"


def place_argument() -> Place | None:
    """Returns the place in `?cursor=`, None without one; raises InvalidFieldError."""
    text = request.args.get("cursor")
    if text is None:
        return None
    parts = _CURSOR.fullmatch(text)
    if parts is None or not is_session_id(parts[2]):
        raise refusal("cursor", text, "the next_cursor of an earlier answer")
    return Place(_EPOCH + int(parts[1]) * _MICROSECOND, parts[2])
