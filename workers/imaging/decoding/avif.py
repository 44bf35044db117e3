"""AVIF, by libavif and dav1d through pillow-avif-plugin."""

import io

from PIL import Image
from pillow_avif import AvifImagePlugin

from workers.imaging.colour.nclx import codes_in_avif

# Importing pillow_avif made it the AVIF codec of Pillow, in place of the one that Pillow
# brings. 0 threads would mean all cores; one image is one core here.
AvifImagePlugin.DEFAULT_MAX_THREADS = 1


def open_avif(data: bytes) -> Image.Image:
    """The primary picture, or the first of a sequence, not turned.

    Colours that are told by numbers (nclx), which the plugin keeps to itself, are named in `info`
    as `cicp`, but an embedded profile outranks them. Raises what Pillow raises.
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
        # The plugin gives a fine picture up over a broken EXIF block. Under another name the
        # block is passed over; the item list, which names it, comes before any pixels.
        return Image.open(io.BytesIO(data.replace(b"Exif", b"none", 1)), formats=["AVIF"])
