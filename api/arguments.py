"""The query parameters that several calls share."""

import re
from dataclasses import dataclass

from api.parameters import JsonSchema, Parameter, Whole


@dataclass(frozen=True, kw_only=True)
class Digits(Parameter[int]):
    """A number of so many digits, 0 without one; `words` say what is allowed."""

    words: str
    max_digits: int
    min_digits: int = 1
    json_type: str
    default: int = 0

    @property
    def allowed(self) -> str:
        return self.words

    @property
    def schema(self) -> JsonSchema:
        if self.json_type == "integer":
            return {"type": "integer", "minimum": 0, "maximum": 10**self.max_digits - 1}
        return {"type": "string", "pattern": f"^{self._pattern}$"}

    def parse(self, text: str) -> int:
        if not re.fullmatch(self._pattern, text):
            raise self.refusal(text)
        return int(text or 0)

    @property
    def _pattern(self) -> str:
        return f"[0-9]{{{self.min_digits},{self.max_digits}}}"


LIMIT: Whole[int] = Whole(
    name="limit",
    low=1,
    high=1000,
    default=100,
    sentence="How many images a page has at most.",
    example="100",
)
CURSOR = Digits(
    name="cursor",
    words="the next_cursor of an earlier answer",
    max_digits=18,
    json_type="string",
    sentence="Where to go on: the `next_cursor` of the last answer.",
    example="136",
)
WAIT = Digits(
    name="wait",
    words="a whole number of seconds",
    max_digits=9,
    json_type="integer",
    sentence="How many seconds to wait for something new, at most as long as the operator allows "
    "(300 s unless set otherwise).",
    example="30",
)
LAST_EVENT_ID = Digits(
    name="Last-Event-ID",
    words="the id of an event",
    max_digits=18,
    min_digits=0,  # an EventSource may send it empty before it has read an event
    json_type="string",
    sentence="The `id` of the last event that was read: the stream goes on after it. `cursor` is "
    "ignored then.",
    example="136",
)
