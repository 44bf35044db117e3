"""A value that a client sends as text: its name, what is allowed, its default, and a sentence.

Fields of a form, query parameters and headers are of these kinds. The parser reads them, and the
OpenAPI document and the tables of docs/api.md are made from them, so they cannot say different
things.
"""

import re
from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, Generic, Protocol, TypeVar

from shared.errors import InvalidFieldError
from shared.naming import quoted

T = TypeVar("T")
Choice = TypeVar("Choice", bound=StrEnum)
JsonSchema = dict[str, Any]


class Values(Protocol):
    """What was sent, by name: a form's values, the query's arguments, or headers."""

    def get(self, name: str, /) -> str | None:
        """Returns the value of that name, if there is one."""


def refusal(name: str, came: str, allowed: str) -> InvalidFieldError:
    """Returns the error for a bad value, in one sentence: its name, what is allowed, what came."""
    return InvalidFieldError(f"{name} must be {allowed}, not {quoted(came)}")


def snake(name: str) -> str:
    """Returns the snake_case spelling of a camelCase name."""
    return re.sub(r"(?<=[a-z])(?=[A-Z])", "_", name).lower()


@dataclass(frozen=True, kw_only=True)
class Parameter(Generic[T]):
    """One value. sentence: what it does. example: a value that is allowed, as text.

    default: what it is where it was not sent. also: other names of it, in camelCase.
    """

    name: str
    sentence: str
    default: T
    example: str
    also: tuple[str, ...] = ()

    def read(self, values: Values) -> T:
        """Returns the value of what was sent; raises InvalidFieldError."""
        text = values.get(self.name)
        return self.default if text is None else self.parse(text)

    def parse(self, text: str) -> T:
        """Returns the value of a text; raises InvalidFieldError."""
        raise NotImplementedError

    @property
    def allowed(self) -> str:
        """What is allowed, as the end of a sentence."""
        raise NotImplementedError

    @property
    def schema(self) -> JsonSchema:
        """The JSON Schema of what is allowed."""
        raise NotImplementedError

    @property
    def spellings(self) -> tuple[str, ...]:
        """Every name that is accepted: its own first."""
        names = (self.name, *self.also)
        return tuple(dict.fromkeys((*names, *map(snake, names))))

    def refusal(self, came: str) -> InvalidFieldError:
        """Returns the error for a value that is not allowed."""
        return refusal(self.name, came, self.allowed)


@dataclass(frozen=True, kw_only=True)
class Whole(Parameter[T | int]):
    """A whole number between two bounds, both included."""

    low: int
    high: int

    @property
    def allowed(self) -> str:
        return f"a whole number from {self.low} to {self.high}"

    @property
    def schema(self) -> JsonSchema:
        return {"type": "integer", "minimum": self.low, "maximum": self.high}

    def parse(self, text: str) -> int:
        # int() would also accept digits of other scripts, and numbers of any length.
        if re.fullmatch(r"[0-9]{1,9}", text) and self.low <= int(text) <= self.high:
            return int(text)
        raise self.refusal(text)


@dataclass(frozen=True, kw_only=True)
class OneOf(Parameter[Choice]):
    """One of some words."""

    choices: Iterable[Choice]

    @property
    def allowed(self) -> str:
        return f"one of {', '.join(self.choices)}"

    @property
    def schema(self) -> JsonSchema:
        return {"type": "string", "enum": [choice.value for choice in self.choices]}

    def parse(self, text: str) -> Choice:
        for choice in self.choices:
            if choice == text:
                return choice
        raise self.refusal(text)


@dataclass(frozen=True, kw_only=True)
class Flag(Parameter[bool]):
    """`true` or `false`."""

    default: bool = False

    @property
    def allowed(self) -> str:
        return "true or false"

    @property
    def schema(self) -> JsonSchema:
        return {"type": "boolean"}

    def parse(self, text: str) -> bool:
        if text not in ("true", "false"):
            raise self.refusal(text)
        return text == "true"


@dataclass(frozen=True, kw_only=True)
class Phrase(Parameter[str]):
    """A text of at most `max_characters`."""

    max_characters: int
    default: str = ""

    @property
    def allowed(self) -> str:
        return f"at most {self.max_characters} characters long"

    @property
    def schema(self) -> JsonSchema:
        return {"type": "string", "maxLength": self.max_characters}

    def parse(self, text: str) -> str:
        if len(text) > self.max_characters:  # not repeated: it is long
            raise InvalidFieldError(f"{self.name} must be {self.allowed}, not {len(text)}")
        return text


@dataclass(frozen=True, kw_only=True)
class Pattern(Parameter[T | str]):
    """A text that matches all of a regular expression of Python and of ECMA 262 alike.

    words: what is allowed, as the end of a sentence.
    """

    pattern: str
    words: str

    @property
    def allowed(self) -> str:
        return self.words

    @property
    def schema(self) -> JsonSchema:
        return {"type": "string", "pattern": f"^{self.pattern}$"}

    def fits(self, text: str) -> bool:
        """Whether the text is allowed."""
        return re.fullmatch(self.pattern, text) is not None

    def parse(self, text: str) -> str:
        if not self.fits(text):
            raise self.refusal(text)
        return text


@dataclass(frozen=True, kw_only=True)
class Text(Parameter[None]):
    """Any text: what is not understood of it is ignored."""

    default: None = None

    @property
    def allowed(self) -> str:
        return "any text"

    @property
    def schema(self) -> JsonSchema:
        return {"type": "string"}


@dataclass(frozen=True, kw_only=True)
class Texts(Parameter[tuple[()]]):
    """Any number of texts, of a field that is repeated; what reads them checks them together."""

    words: str
    default: tuple[()] = ()

    @property
    def allowed(self) -> str:
        return self.words

    @property
    def schema(self) -> JsonSchema:
        return {"type": "array", "items": {"type": "string"}}


@dataclass(frozen=True, kw_only=True)
class FileField(Parameter[None]):
    """A file, or several; `words` say which. The form's reader counts and measures them."""

    words: str
    media_types: tuple[str, ...]
    max_files: int = 1
    required: bool = False
    default: None = None

    @property
    def allowed(self) -> str:
        return self.words

    @property
    def schema(self) -> JsonSchema:
        one = {"type": "string", "format": "binary"}
        if self.max_files == 1:
            return one
        return {"type": "array", "items": one, "minItems": 1, "maxItems": self.max_files}
