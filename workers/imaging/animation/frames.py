"""What every reader of an animation gives."""

from collections.abc import Iterator
from dataclasses import dataclass

from PIL import Image


@dataclass(frozen=True)
class Frame:
    """One whole picture of an animation, as a viewer sees it.

    image: the canvas with disposal and blending done, RGB or RGBA, its profile in `info`.
    ms: how long it is to be seen, in milliseconds, as the file says it.
    """

    image: Image.Image
    ms: int


@dataclass(frozen=True)
class Motion:
    """An animation that is about to be decoded.

    width, height: of the canvas, in pixels.
    plays: how often it is to be seen; 0 is without end.
    opaque: no frame has alpha, and all are RGB; else all are RGBA.
    orientation: EXIF's 1 to 8.
    frames: in order, each decoded when it is asked for; raises what Pillow raises on damage.
    """

    width: int
    height: int
    plays: int
    opaque: bool
    orientation: int
    frames: Iterator[Frame]
