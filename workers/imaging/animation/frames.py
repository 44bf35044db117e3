"""What every reader of an animation returns."""

from collections.abc import Iterator
from dataclasses import dataclass

from PIL import Image


@dataclass(frozen=True)
class Frame:
    """One whole picture of an animation, as a viewer sees it.

    image: the canvas after disposal and blending, RGB or RGBA, its profile in `info`.
    ms: how long the file shows it, in milliseconds.
    """

    image: Image.Image
    ms: int


@dataclass(frozen=True)
class Animation:
    """An animation whose frames are decoded on demand.

    width, height: of the canvas, in pixels.
    plays: how many times it is played; 0 is endless.
    orientation: EXIF's, 1 to 8.
    frames: in order, all RGB or all RGBA, each decoded when it is asked for; raises what Pillow
        raises on damage.
    """

    width: int
    height: int
    plays: int
    orientation: int
    frames: Iterator[Frame]
