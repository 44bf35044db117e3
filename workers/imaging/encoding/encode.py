"""Pixels to bytes, by the encoder of the format asked for."""

from collections.abc import Callable

from PIL import Image

from shared.errors import TooLargeForFormatError
from shared.imagetype import ImageType
from shared.models import Effort
from workers.imaging.encoding import avif, jpeg, png, webp
from workers.imaging.encoding.encoded import Encoded

# Each takes pixels in L, LA, RGB or RGBA, a quality from 40 to 100 and an effort; none writes
# metadata.
_ENCODERS: dict[ImageType, Callable[[Image.Image, int, Effort], Encoded]] = {
    ImageType.WEBP: webp.encode,
    ImageType.AVIF: avif.encode,
    ImageType.JPG: jpeg.encode,
    ImageType.PNG: png.encode,
}


def encode(image: Image.Image, to: ImageType, quality: int, effort: Effort) -> Encoded:
    """An sRGB picture in L, LA, RGB or RGBA as a file of the format, without metadata.

    The picture is taken over, and perhaps closed so that its memory serves the encoder; give a
    copy of one that is still needed. An alpha that hides nothing may stay: each encoder finds
    that out and drops it.

    Raises TooLargeForFormatError where a side is longer than the format holds.
    """
    check_sides(image.size, to)
    image.info = {}  # Pillow's writers would put what is in there in the file
    return _ENCODERS[to](image, quality, effort)


def check_sides(size: tuple[int, int], to: ImageType) -> None:
    """Raise TooLargeForFormatError where a side in pixels is longer than the format holds."""
    longest = to.facts.longest_side
    width, height = size
    if max(size) > longest:
        fitting = min(longest, max(1, width * longest // max(size)))
        raise TooLargeForFormatError(
            f"The result would be {width} x {height} pixels; {to.value} ends at "
            f"{longest} pixels a side. Ask for a maxWidth of {fitting} or less"
        )
