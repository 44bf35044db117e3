"""What is said of a call beside its view: its name, parameters, answers and refusals."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from enum import Enum
from typing import Any, TypeVar

from api.parameters import Parameter, Text
from api.request_id import HEADER
from shared.errors import FluximageError

View = TypeVar("View", bound=Callable[..., Any])
Parameters = Sequence[Parameter[Any]]


class Tag(Enum):
    """A group of calls; the value says what they are about."""

    IMAGES = "Compressing images, and their results."
    ACCOUNT = "What the account has left, and its keys."
    OPERATOR = "For the operator and for programs; without a key."


@dataclass(frozen=True)
class Header:
    """A header of an answer."""

    name: str
    sentence: str
    example: str | int

    @property
    def type(self) -> str:
        """The JSON Schema type of its value."""
        return "integer" if isinstance(self.example, int) else "string"


SENT_REQUEST_ID = Text(
    name=HEADER,
    sentence="An id of your own for this request: 1 to 64 visible characters, else a new one is "
    "made.",
    example="a1b2c3",
)
REQUEST_ID = Header(HEADER, "The operator finds the request in the log by it.", "a1b2c3")
RETRY_AFTER = Header("Retry-After", "Seconds to wait before the next try.", 1)
LOCATION = Header("Location", "The session to poll.", "/api/sessions/spring-sale")
AUTHENTICATE = Header("WWW-Authenticate", "How to authenticate.", "Bearer")
ETAG = Header("ETag", "The version; send it as `If-None-Match`.", '"0123456789abcdef"')
ALLOW = Header("Allow", "The methods that the path accepts.", "GET, HEAD")


@dataclass(frozen=True)
class Answer:
    """An answer that is no refusal. body: a type of shared/bodies.py, or any type for a text.

    carries: types of bodies that stand within a text, such as a stream of events.
    """

    sentence: str
    body: Any = None
    example: object = None
    headers: Sequence[Header] = ()
    media_type: str = "application/json"
    carries: Sequence[Any] = ()


@dataclass(frozen=True)
class Call:
    """All that is declared of a call. `refusals`: those of its own, as classes or as statuses of
    api/http_errors.py; those that every call has are added in document.py."""

    operation: str
    tag: Tag
    answers: Mapping[int, Answer]
    refusals: Sequence[type[FluximageError] | int] = ()
    path: Parameters = ()
    query: Parameters = ()
    headers: Parameters = ()
    form: Parameters = ()


_CALLS: dict[Callable[..., Any], Call] = {}


def documented(call: Call) -> Callable[[View], View]:
    """Decorates a view, directly below its route: its docstring and `call` become its entry."""

    def declare(view: View) -> View:
        _CALLS[view] = call
        return view

    return declare


def declaration(view: Callable[..., Any]) -> Call:
    """Returns what is declared of a view; raises LookupError where nothing is."""
    return _CALLS[view]
