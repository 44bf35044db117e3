"""What the encoders return, and what the pipelines return."""

from dataclasses import dataclass

from shared.models import Encoding


@dataclass(frozen=True)
class Encoded:
    """One file without metadata, and how its pixels were made.

    faster: whether with less effort than was wanted, since that would have taken too long.
    """

    data: bytes
    encoding: Encoding
    faster: bool = False


@dataclass(frozen=True)
class Finished:
    """The result of a pipeline.

    width, height: in pixels. preview: a small JPEG (see `make_preview`) if one was requested.
    """

    encoded: Encoded
    width: int
    height: int
    preview: bytes | None
