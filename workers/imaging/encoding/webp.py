"""WebP, by libwebp."""

import io

from PIL import Image

from shared.models import Effort, Encoding
from workers.imaging.encoding.content import flat_share, sample
from workers.imaging.encoding.encoded import Encoded
from workers.imaging.encoding.quality import ceiling, on_scale

# Of six photographs at equal quality, against libwebp's default of 4: 2 has half the CPU for
# 3 % more bytes, 6 nearly twice the CPU for 5 % fewer. 5 takes 2 to 5 % fewer at 4's CPU in some
# photographs and at 1.6 times it in drawings.
_METHODS = {Effort.FAST: 2, Effort.BALANCED: 4, Effort.SMALL: 6}

# Memory beside the picture itself: 9 bytes a pixel from method 3 on, 6 below, so that 50 megapixels
# stay under 600 MB; lossless takes 24 to 35.
_MOST_PIXELS = 32_000_000
_MOST_LOSSLESS_PIXELS = 12_000_000

# At the most for alpha and for lossless. Above it alpha that looks like a photograph takes 86 s
# a megapixel, not 0.3, and lossless needs twice the CPU for 1 %.
_MOST_METHOD = 4

# How hard lossless tries. 20 takes a third of 75's CPU for 6 % more bytes, 100 three times it
# for 1 % less.
_LOSSLESS_EFFORT = {Effort.FAST: 20, Effort.BALANCED: 50, Effort.SMALL: 75}

# The share of equal neighbours from which lossless may win, and how much larger than lossy its
# quickest try may be for the good one to be worth its CPU: that is about a fifth smaller.
_FLAT = 0.6
_HOPEFUL = 1.4

# A few bands of a picture tell in a fifth of the time what its quickest try would come to: of
# drawings and screenshots 0.8 to 1.5 times that.
_GLANCE_PIXELS = 120_000
_HOPELESS = 3.0


def encode(image: Image.Image, quality: int, effort: Effort) -> Encoded:
    """Lossy, or lossless where that is no larger, as in flat graphics.

    Above `ceiling("webp")` lossy cannot look as the quality asks, for its colour has half the
    resolution. There each channel is rounded to even values, which is a step of 1 of 255 at the
    most, scores 94 and saves a fifth of what lossless takes. Where a picture is too large for
    that, and seen from further away, it is lossy at its best.
    """
    image = image if image.mode in ("RGB", "RGBA") else image.convert(_mode(image))
    if quality > ceiling("webp") and _pixels(image) <= _MOST_LOSSLESS_PIXELS:
        near = Encoded(_lossless(_rounded(image), effort), Encoding.REENCODED)
        return _exact(image, effort, near)
    return _exact(image, effort, Encoded(_lossy(image, quality, effort), Encoding.REENCODED))


def lossy(image: Image.Image, number: float, method: int = _METHODS[Effort.BALANCED]) -> bytes:
    """4:2:0 by libwebp, `number` on its scale, fractions too."""
    return _save(image, quality=number, method=method)


def _mode(image: Image.Image) -> str:
    return "RGBA" if image.mode.endswith("A") else "RGB"


def _pixels(image: Image.Image) -> int:
    return image.width * image.height


def _lossy(image: Image.Image, quality: int, effort: Effort) -> bytes:
    method = _METHODS[effort]
    if _pixels(image) > _MOST_PIXELS:
        method = _METHODS[Effort.FAST]
    if image.mode == "RGBA":
        method = min(method, _MOST_METHOD)
    return lossy(image, on_scale(quality, "webp"), method)


def _exact(image: Image.Image, effort: Effort, other: Encoded) -> Encoded:
    """The picture lossless, if that is no larger than the other file of it."""
    if _pixels(image) > _MOST_LOSSLESS_PIXELS or flat_share(image) < _FLAT:
        return other
    glance = sample(image, _GLANCE_PIXELS)
    if _quickly(glance) * _pixels(image) > _HOPELESS * len(other.data) * _pixels(glance):
        return other
    if _quickly(image) > _HOPEFUL * len(other.data):
        return other
    exact = _lossless(image, effort)
    return Encoded(exact, Encoding.LOSSLESS) if len(exact) <= len(other.data) else other


def _quickly(image: Image.Image) -> int:
    """Bytes of the quickest lossless try."""
    return len(_save(image, lossless=True, quality=0, method=0))


def _lossless(image: Image.Image, effort: Effort) -> bytes:
    return _save(
        image, lossless=True, quality=_LOSSLESS_EFFORT[effort], method=_MOST_METHOD, exact=True
    )


def _rounded(image: Image.Image) -> Image.Image:
    """Colour to even values (255 stays, for white is to be white); alpha as it is."""
    even = [min(255, value + (value & 1)) for value in range(256)]
    return image.point(even * 3 + list(range(256)) * (image.mode == "RGBA"))


def _save(image: Image.Image, **options: float) -> bytes:
    out = io.BytesIO()
    image.save(out, "WEBP", **options)
    return out.getvalue()
