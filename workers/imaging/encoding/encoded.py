"""What every encoder gives, and what every road."""

from dataclasses import dataclass

from shared.models import Encoding


@dataclass(frozen=True)
class Encoded:
    """One file without metadata, and the road that was taken to it."""

    data: bytes
    encoding: Encoding


@dataclass(frozen=True)
class Finished:
    """A picture at the end of its road.

    width, height: its pixels. preview: a small JPEG of it (see `preview`) where one was asked for.
    """

    encoded: Encoded
    width: int
    height: int
    preview: bytes | None
