"""EXIF orientation: from the numbers 1 to 8 to an upright picture."""

import struct

from PIL import ExifTags, Image

# Exif 2.32, tag 0x0112: what must be done to the stored picture to see it upright.
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
    """EXIF's orientation, 1 where there is none or the EXIF block is broken.

    AVIF turns by boxes of its own (irot, imir); the decoder reports them as if they were EXIF
    and does not apply them. XMP is left aside, as browsers do.
    """
    exif = Image.Exif()
    try:
        exif.load(image.info.get("exif") or b"")
        value = exif.get(ExifTags.Base.Orientation, 1)
    except (SyntaxError, ValueError, TypeError, KeyError, IndexError, OSError, struct.error):
        return 1
    return value if value in _TURNS else 1


def upright(image: Image.Image, orientation: int) -> Image.Image:
    """The picture as it is meant to be seen; from 5 on, width and height change places."""
    turn = _TURNS.get(orientation)
    return image if turn is None else image.transpose(turn)
