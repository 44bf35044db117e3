"""Pixels to bytes, by the encoder of the requested format."""

from collections.abc import Callable

from PIL import Image

from shared.errors import TooLargeForFormatError
from shared.imagetype import ImageType
from workers.imaging.encoding import avif, jpeg, png, webp
from workers.imaging.encoding.encoded import Encoded
from workers.imaging.encoding.settings import EncoderSettings

# Each takes pixels in L, LA, RGB or RGBA. None writes metadata.
ENCODERS: dict[ImageType, Callable[[Image.Image, EncoderSettings], Encoded]] = {
    ImageType.WEBP: webp.encode,
    ImageType.AVIF: avif.encode,
    ImageType.JPG: jpeg.encode,
    ImageType.PNG: png.encode,
}


def encode(image: Image.Image, to: ImageType, settings: EncoderSettings) -> Encoded:
    """An sRGB image in L, LA, RGB or RGBA as a file of the format, without metadata.

    An encoder may close the image to save memory: pass a copy of one that is still needed.
    Alpha that is opaque everywhere may stay in the image: the encoders drop it.

    Raises TooLargeForFormatError if a side is longer than the format allows.
    """
    check_sides(image.size, to)
    image.info = {}  # Pillow's writers would copy it into the file
    return ENCODERS[to](image, settings)


def check_sides(size: tuple[int, int], to: ImageType) -> None:
    """Raises TooLargeForFormatError if a side in pixels is longer than the format allows."""
    longest = to.facts.longest_side
    width, height = size
    if max(size) > longest:
        fitting = min(longest, max(1, width * longest // max(size)))
        raise TooLargeForFormatError(
            f"The result would be {width} x {height} pixels; {to.value} allows "
            f"at most {longest} pixels per side. Ask for a maxWidth of {fitting} or less"
        )
