"""JPEG: jpegli at half the resolution in colour, libjpeg-turbo at full, scans by mozjpeg."""

import io

import mozjpeg_lossless_optimization as mozjpeg
import pyjpegli
from PIL import Image

from shared.models import Effort, Encoding
from workers.imaging.encoding.content import bleeds
from workers.imaging.encoding.encoded import Encoded
from workers.imaging.encoding.packed import packed
from workers.imaging.encoding.quality import on_scale

# Our quality, from which 4:4:4 by libjpeg-turbo takes fewer bytes than 4:2:0 by jpegli at the
# same score.
FULL_COLOUR_FROM = 94


def encode(image: Image.Image, quality: int, effort: Effort) -> Encoded:  # noqa: ARG001 - see below
    """Progressive, transparency laid on white; the picture is taken over and closed.

    Below FULL_COLOUR_FROM 4:2:0 by jpegli, which alone needs 0.9 to 1.1 times the bytes of
    mozjpeg with trellis and a tenth of its CPU; from there, and where colour would bleed, 4:4:4
    by libjpeg-turbo, for jpegli's wheel has no 4:4:4.
    Neither looks for the scans that take least; mozjpeg's search saves 11 % behind jpegli. It is
    most of the CPU, but all of it is still less than what mozjpeg's own encoder takes
    (`make bench-codecs`), so it is done at every effort.
    """
    image = on_ground(image, "white")
    if quality >= FULL_COLOUR_FROM or bleeds(image):
        return _with_best_scans(full_colour(image, on_scale(quality, "jpeg444")))
    return _with_best_scans(half_colour(image, on_scale(quality, "jpegli")))


def on_ground(image: Image.Image, colour: str) -> Image.Image:
    """The picture in L or RGB: itself without alpha, else laid on a colour that Pillow knows."""
    if not image.mode.endswith("A"):
        return image
    ground = Image.new(image.mode[:-1], image.size, colour)
    ground.paste(image.convert(ground.mode), mask=image.getchannel("A"))
    return ground


def half_colour(image: Image.Image, number: float) -> bytes:
    """4:2:0 by jpegli, `number` on its scale. Takes the picture over: packed it is copied."""
    width, height = image.size
    pixels = packed(image if image.mode == "RGB" else image.convert("RGB"))
    image.close()
    return bytes(pyjpegli.encode(pixels, width, height, round(number)))


def full_colour(image: Image.Image, number: float) -> bytes:
    """4:4:4 by libjpeg-turbo, `number` on its scale; grey in one channel. Takes it over too."""
    out = io.BytesIO()
    image.save(out, "JPEG", quality=round(number), subsampling="4:4:4")
    image.close()
    return out.getvalue()


def _with_best_scans(jpeg: bytes) -> Encoded:
    # In this process, unlike an upload's: an encoder's coefficients are never out of range.
    best = mozjpeg.optimize(jpeg, mozjpeg.COPY_MARKERS.NONE)
    return Encoded(min(best, jpeg, key=len), Encoding.REENCODED)
