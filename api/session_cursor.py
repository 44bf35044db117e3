"""The cursor of the list of sessions: the moment and the id of the last session that was read."""

import re
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from api.arguments import CURSOR
from api.fields import SESSION_ID
from api.parameters import JsonSchema, Parameter
from shared.db.session_list import Place

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND = timedelta(microseconds=1)
_CURSOR = re.compile(r"([0-9]{1,16})-(.+)", re.ASCII)  # 16 digits end in the year 2286


def cursor_of(place: Place) -> str:
    """Returns the cursor that goes on after the place."""
    return f"{(place.created_at - _EPOCH) // _MICROSECOND}-{place.name}"


@dataclass(frozen=True, kw_only=True)
class _Cursor(Parameter[Place | None]):
    default: None = None

    @property
    def allowed(self) -> str:
        return CURSOR.allowed

    @property
    def schema(self) -> JsonSchema:
        return {"type": "string", "pattern": f"^[0-9]{{1,16}}-{SESSION_ID.pattern}$"}

    def parse(self, text: str) -> Place:
        parts = _CURSOR.fullmatch(text)
        if parts is None or not SESSION_ID.fits(parts[2]):
            raise self.refusal(text)
        return Place(_EPOCH + int(parts[1]) * _MICROSECOND, parts[2])


LIST_CURSOR = _Cursor(
    name=CURSOR.name,
    sentence=CURSOR.sentence,
    example="1777629492000000-spring-sale",
)
