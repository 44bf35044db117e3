"""What the header of an image says of its size."""

from typing import NamedTuple

MAX_FRAMES = 100_000  # counting stops here, far above any limit that an operator would set


class Measured(NamedTuple):
    """Width and height in pixels as stored, before any turning, and the number of frames."""

    width: int
    height: int
    frames: int = 1
