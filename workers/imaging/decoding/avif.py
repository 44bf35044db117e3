"""AVIF, by libavif and dav1d through pillow-avif-plugin."""

import io
import struct

from PIL import Image
from pillow_avif import AvifImagePlugin

from workers.imaging.colour import constant_luminance
from workers.imaging.colour.nclx import (
    BT2020_CONSTANT,
    BT2020_USUAL,
    check_matrix,
    codes_in_avif,
    matrix_of,
    nclx_of,
)
from workers.imaging.formats.avif_picture import crop_of

# Importing pillow_avif made it Pillow's AVIF codec, in place of the one that comes with Pillow.
# 0 threads would mean all cores, but an image may use only one here.
AvifImagePlugin.DEFAULT_MAX_THREADS = 1


def open_avif(data: bytes) -> Image.Image:
    """The primary picture, or the first of a sequence, neither cropped nor turned.

    If its colour space is named by numbers (nclx), which the plugin does not pass on, they are in
    `info` as `cicp`, unless an embedded profile outranks them. Raises what Pillow raises, and
    UnsupportedImageError for colours that cannot be converted.
    """
    nclx = nclx_of(data)
    if nclx:
        check_matrix(matrix_of(nclx))
    image = _opened(_with_usual_luminance(data, nclx))
    codes = None if "icc_profile" in image.info else codes_in_avif(data)
    if codes:
        image.info["cicp"] = codes
    return image


def shown(image: Image.Image, data: bytes) -> Image.Image:
    """What a decoded picture shows before it is turned: cropped by clap, and in RGB.

    data: the whole file.
    """
    crop = crop_of(data, image.size)
    if crop:
        image = image.crop(crop)
    nclx = nclx_of(data)
    if nclx and matrix_of(nclx) == BT2020_CONSTANT:
        image = constant_luminance.corrected(image)
    return image


def _with_usual_luminance(data: bytes, nclx: bytes | None) -> bytes:
    """The file with matrix 9 for 10, which libavif does not convert; `shown` does the rest."""
    if nclx is None or matrix_of(nclx) != BT2020_CONSTANT:
        return data
    return data.replace(nclx, nclx[:8] + struct.pack(">H", BT2020_USUAL) + nclx[10:])


def _opened(data: bytes) -> Image.Image:
    try:
        return Image.open(io.BytesIO(data), formats=["AVIF"])
    except (OSError, ValueError):
        # The plugin refuses an intact picture for a broken EXIF block. Under another name it passes
        # over the block; the item list, which names it, comes before any pixels.
        return Image.open(io.BytesIO(data.replace(b"Exif", b"none", 1)), formats=["AVIF"])
