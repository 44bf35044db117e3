"""What a format's reader finds in the header of an image."""

from typing import NamedTuple

MAX_FRAMES = 100_000  # counting stops here, far above any limit that an operator would set


class Measured(NamedTuple):
    """Width and height in pixels as stored, before any turning; the rest as `Probe` says it."""

    width: int
    height: int
    frames: int = 1
    progressive: bool = False
    unended: bool = False
    bytes_per_pixel: float = 4
    composed: bool = False
