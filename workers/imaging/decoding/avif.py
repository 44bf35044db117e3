"""AVIF, by libavif and dav1d through pillow-avif-plugin."""

import io

from PIL import Image
from pillow_avif import AvifImagePlugin

from workers.imaging.colour.nclx import codes_in_avif

# Importing pillow_avif made it Pillow's AVIF codec, in place of the one that comes with Pillow.
# 0 threads would mean all cores, but an image may use only one here.
AvifImagePlugin.DEFAULT_MAX_THREADS = 1


def open_avif(data: bytes) -> Image.Image:
    """The primary picture, or the first of a sequence, not turned.

    If its colour space is named by numbers (nclx), which the plugin does not pass on, they are in
    `info` as `cicp`, unless an embedded profile outranks them. Raises what Pillow raises.
    """
    image = _opened(data)
    codes = None if "icc_profile" in image.info else codes_in_avif(data)
    if codes:
        image.info["cicp"] = codes
    return image


def _opened(data: bytes) -> Image.Image:
    try:
        return Image.open(io.BytesIO(data), formats=["AVIF"])
    except (OSError, ValueError):
        # The plugin refuses an intact picture for a broken EXIF block. Under another name it passes
        # over the block; the item list, which names it, comes before any pixels.
        return Image.open(io.BytesIO(data.replace(b"Exif", b"none", 1)), formats=["AVIF"])
