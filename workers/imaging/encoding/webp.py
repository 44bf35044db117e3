"""WebP, by libwebp."""

import io

from PIL import Image

from shared.models import Effort, Encoding
from workers.imaging.encoding.content import flat_share, sample
from workers.imaging.encoding.encoded import Encoded
from workers.imaging.encoding.quality import max_reachable_quality, to_encoder_quality
from workers.imaging.encoding.settings import EncoderSettings

# libwebp's methods, 0 to 6. Its default is 4.
_METHODS = {Effort.FAST: 2, Effort.BALANCED: 4, Effort.SMALL: 6}

# Above this the fast method is used, which takes 6 bytes per pixel beside the image instead of 9:
# 50 megapixels must stay under 600 MB.
SLOW_METHOD_MAX_PIXELS = 32_000_000
LOSSLESS_MAX_PIXELS = 12_000_000  # lossless takes 24 to 35 bytes per pixel

# For alpha and for lossless. With higher methods, alpha that looks like a photograph takes more
# than a minute per megapixel.
_ALPHA_OR_LOSSLESS_MAX_METHOD = 4

# libwebp's quality where it means the effort of lossless.
_LOSSLESS_EFFORT = {Effort.FAST: 20, Effort.BALANCED: 50, Effort.SMALL: 75}

# Lossless may be smaller from this share of equal neighbours on. Its thorough try is only worth
# the CPU if the quick try is not much larger than lossy; it is about a fifth smaller.
_MIN_FLAT_SHARE = 0.6
_MAX_QUICK_TRY_RATIO = 1.4

# The quick try itself is skipped if a few bands of the image are this much larger than lossy; by
# such a sample, drawings and screenshots come to 0.8 to 1.5 times the quick try.
_SAMPLE_PIXELS = 120_000
_MAX_SAMPLE_RATIO = 3.0


def encode(image: Image.Image, settings: EncoderSettings) -> Encoded:
    """Lossy, or lossless if that is no larger, as it is for flat graphics.

    Lossy cannot reach qualities above `max_reachable_quality("webp")`, because its colour has half
    the resolution. There the image is near-lossless: each channel is rounded to even values, a
    difference of 1 of 255 at most. Images too large for that are lossy at its best.
    """
    image = image if image.mode in ("RGB", "RGBA") else image.convert(_rgb_mode(image))
    if settings.quality > max_reachable_quality("webp") and _pixels(image) <= LOSSLESS_MAX_PIXELS:
        near_lossless = _lossless(_rounded_to_even(image), settings.effort)
        other = Encoded(near_lossless, Encoding.REENCODED)
    else:
        other = Encoded(_lossy(image, settings), Encoding.REENCODED)
    return _lossless_if_smaller(image, settings.effort, other)


def lossy(
    image: Image.Image, encoder_quality: float, method: int = _METHODS[Effort.BALANCED]
) -> bytes:
    """4:2:0 by libwebp, at its own quality of 0 to 100, which may have a fraction."""
    return _save(image, quality=encoder_quality, method=method)


def _rgb_mode(image: Image.Image) -> str:
    return "RGBA" if image.mode.endswith("A") else "RGB"


def _pixels(image: Image.Image) -> int:
    return image.width * image.height


def _lossy(image: Image.Image, settings: EncoderSettings) -> bytes:
    method = _METHODS[settings.effort]
    if _pixels(image) > SLOW_METHOD_MAX_PIXELS:
        method = _METHODS[Effort.FAST]
    if image.mode == "RGBA":
        method = min(method, _ALPHA_OR_LOSSLESS_MAX_METHOD)
    return lossy(image, to_encoder_quality(settings.quality, "webp"), method)


def _lossless_if_smaller(image: Image.Image, effort: Effort, other: Encoded) -> Encoded:
    """The image as lossless, if that is no larger than the other file of it; else the other."""
    if _pixels(image) > LOSSLESS_MAX_PIXELS or flat_share(image) < _MIN_FLAT_SHARE:
        return other
    part = sample(image, _SAMPLE_PIXELS)
    if _quick_try(part) * _pixels(image) > _MAX_SAMPLE_RATIO * len(other.data) * _pixels(part):
        return other
    if _quick_try(image) > _MAX_QUICK_TRY_RATIO * len(other.data):
        return other
    data = _lossless(image, effort)
    return Encoded(data, Encoding.LOSSLESS) if len(data) <= len(other.data) else other


def _quick_try(image: Image.Image) -> int:
    """The bytes that the quickest lossless encoding takes."""
    return len(_save(image, lossless=True, quality=0, method=0))


def _lossless(image: Image.Image, effort: Effort) -> bytes:
    return _save(
        image,
        lossless=True,
        quality=_LOSSLESS_EFFORT[effort],
        method=_ALPHA_OR_LOSSLESS_MAX_METHOD,
        exact=True,
    )


def _rounded_to_even(image: Image.Image) -> Image.Image:
    """Colours rounded up to even values, but 255 stays, so that white is white; alpha stays."""
    even = [min(255, value + (value & 1)) for value in range(256)]
    return image.point(even * 3 + list(range(256)) * (image.mode == "RGBA"))


def _save(image: Image.Image, **options: float) -> bytes:
    out = io.BytesIO()
    image.save(out, "WEBP", **options)
    return out.getvalue()
