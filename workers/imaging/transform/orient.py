"""EXIF orientation, 1 to 8: read it, and turn an image upright."""

import struct

from PIL import ExifTags, Image

# Exif 2.32, tag 0x0112: what makes the stored image upright.
_TURNS = {
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_270,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_90,
}


def orientation_of(image: Image.Image) -> int:
    """EXIF's orientation; 1 if there is none or if the EXIF block is broken.

    AVIF has boxes of its own for it (irot, imir), which the decoder does not apply but reports
    as EXIF. XMP is ignored, as in browsers.
    """
    exif = Image.Exif()
    try:
        exif.load(image.info.get("exif") or b"")
        value = exif.get(ExifTags.Base.Orientation, 1)
    except (SyntaxError, ValueError, TypeError, KeyError, IndexError, OSError, struct.error):
        return 1
    return value if value in _TURNS else 1


def upright(image: Image.Image, orientation: int) -> Image.Image:
    """The image as it is meant to be seen. Orientations 5 to 8 swap width and height."""
    turn = _TURNS.get(orientation)
    return image if turn is None else image.transpose(turn)
