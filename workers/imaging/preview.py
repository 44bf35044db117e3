"""The preview: a small JPEG of an image, from which a model describes it."""

from PIL import Image, ImageChops, ImageStat

from workers.imaging.colour.convert import to_srgb
from workers.imaging.encoding import jpeg
from workers.imaging.transform.orient import upright
from workers.imaging.transform.resize import Sized, resize

# Pixels of the longer side: enough for a model to see, while area is what is billed.
MAX_SIDE = 768

# libjpeg's own quality, in 4:4:4: letters 9 pixels high stay legible, red ones too.
_LIBJPEG_QUALITY = 80

# If a fifth of what is visible has less contrast with white than 1.5 to 1 (WCAG 2.2), like a logo
# made for dark pages, the background is a grey with 6 to 1 to white and 3 to 1 to black.
_LIGHT_MIN_LUMA = 211  # of 255
_MAX_LIGHT_SHARE = 0.2
_WHITE, _GREY = "white", "#606060"


def make_preview(image: Image.Image, source: Sized) -> bytes:
    """The image as a JPEG of at most MAX_SIDE pixels per side: upright, in sRGB, no metadata.

    image: plain (see `to_plain`), not yet upright, at its decoded size; it is not changed.
    source: its size and orientation. Transparency becomes white, or grey if white would hide
    what is visible.
    """
    small = to_srgb(upright(resize(image, source, MAX_SIDE, MAX_SIDE), source.orientation))
    if small.mode.endswith("A"):
        small = jpeg.flatten(small, _background(small))
    small = small.copy()  # the encoder closes its image, and this may still be the caller's
    small.info = {}
    return jpeg.full_colour(small, _LIBJPEG_QUALITY)


def _background(image: Image.Image) -> str:
    """The colour that the visible part of an image with alpha stands out from."""
    alpha = image.getchannel("A")
    light = image.convert("L").point(lambda luma: 255 * (luma >= _LIGHT_MIN_LUMA))
    visible, light_and_visible = (
        ImageStat.Stat(part).sum[0] for part in (alpha, ImageChops.multiply(light, alpha))
    )
    return _GREY if light_and_visible > _MAX_LIGHT_SHARE * visible else _WHITE
