"""A preview: the small JPEG of a picture from which a model describes it."""

from PIL import Image, ImageChops, ImageStat

from workers.imaging.colour.convert import to_srgb
from workers.imaging.encoding import jpeg
from workers.imaging.transform.orient import upright
from workers.imaging.transform.resize import Sized, resize

# Pixels of the longer side: between what a model sees and what it is billed for, which is area.
SIDE = 768

# libjpeg's scale, in 4:4:4: letters of 9 pixels stay legible, red ones too. A photograph
# (tests/samples/rocket.jpg) takes 66 kB, at 75 it is 57 and at 90 it is 105; jpegli and a search
# for the best scans would take 42, at ten times the CPU.
_QUALITY = 80

# Where a fifth of what is visible has less than 1.5 to 1 of contrast with white (WCAG 2.2), such
# as the words of a logo for dark pages, the ground is a grey that has 6 to 1 with white and still
# 3 to 1 with black.
_LIGHT = 211
_LIGHT_SHARE = 0.2
_WHITE, _GREY = "white", "#606060"


def preview(image: Image.Image, source: Sized) -> bytes:
    """The picture as a JPEG of at most SIDE pixels a side: upright, in sRGB, without metadata.

    image: plain (see `to_plain`), as stored and at its decoded size, which `source` tells of; it
    stays as it is. What is transparent is laid on white, or on grey where white would hide it.
    """
    small = to_srgb(upright(resize(image, source, SIDE, SIDE), source.orientation))
    if small.mode.endswith("A"):
        small = jpeg.on_ground(small, _ground(small))
    small = small.copy()  # the encoder takes it over, and it may still be the caller's
    small.info = {}
    return jpeg.full_colour(small, _QUALITY)


def _ground(image: Image.Image) -> str:
    """The colour on which the visible part of a picture with alpha shows."""
    alpha = image.getchannel("A")
    light = image.convert("L").point(lambda value: 255 * (value >= _LIGHT))
    visible, hidden = (
        ImageStat.Stat(part).sum[0] for part in (alpha, ImageChops.multiply(light, alpha))
    )
    return _GREY if hidden > _LIGHT_SHARE * visible else _WHITE
