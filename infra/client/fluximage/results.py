"""What `Client.compress` yields: one result for each source."""

from dataclasses import dataclass

from fluximage.answers import Image, Notice
from fluximage.sources import Source


@dataclass(frozen=True, slots=True)
class Done:
    """The source was compressed: `image` says what it became and where it is."""

    source: Source
    image: Image
    warnings: tuple[Notice, ...] = ()


@dataclass(frozen=True, slots=True)
class Failed:
    """The source was not compressed, and cost nothing.

    code: of the API (docs/api.md), or `unreadable_file`, `file_too_large` or `file_changed`,
    which are found before it is sent.
    """

    source: Source
    code: str
    message: str


Result = Done | Failed
