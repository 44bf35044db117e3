"""WebP, by libwebp."""

import io
from collections.abc import Callable

from PIL import Image

from shared.models import Effort, Encoding
from workers.imaging.encoding.content import (
    bleeds,
    distinct_share,
    lossless_bits,
    repeated_share,
    sample,
)
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

# From 3 on, lossless groups its statistics by small squares. Noise takes 6 s per megapixel then and
# has no fewer bytes, so a try keeps to this where few pixels repeat.
_TRY_METHOD = 2

# libwebp's quality where it means the effort of lossless.
_LOSSLESS_EFFORT = {Effort.FAST: 20, Effort.BALANCED: 50, Effort.SMALL: 75}

# Lossless is tried unless estimates say that it would be larger than this. They may be too high,
# by up to 1.6 times where it is smaller; for photographs they are 2 to 20 times lossy.
_MAX_ESTIMATE_RATIO = 1.75
_MAX_NEAR_LOSSLESS_RATIO = 1.12  # between encodings of one kind

# What is estimated from: bands of few rows, because a picture in a page may stand anywhere. Their
# file holds tables too, which in plain images are most of it and would count once per sample.
_SAMPLE_PIXELS = 40_000
_SAMPLE_SHARE = 20  # or a twentieth of the image, if that is more
_SAMPLE_BAND_ROWS = 8
_SAMPLE_TABLE_BYTES = 1_000
_SAMPLE_METHOD, _SAMPLE_EFFORT = 2, 20
_MIN_REPEATED_SHARE = 0.5  # below it an image is taken for a photograph or a dither

# A quick encoding takes a quarter of that CPU, and tells for photographs with skies. What it says
# is up to three times too high, but more where it says very little.
_QUICK_METHOD = 0
_MAX_QUICK_RATIO = 3
_QUICK_MIN_BITS = 1  # per pixel

# Where colour at half the resolution would bleed, exact pixels are worth so many more bytes.
_MAX_RATIO_IF_BLEEDING = 1.25


def encode(image: Image.Image, settings: EncoderSettings) -> Encoded:
    """Lossy, or lossless if that is no larger, as it is for flat graphics.

    Lossy cannot reach qualities above `max_reachable_quality("webp")`, because its colour has half
    the resolution. There the image is near-lossless: each channel is rounded to even values, a
    difference of 1 of 255 at most. Images too large for that are lossy at its best.
    """
    image = image if image.mode in ("RGB", "RGBA") else image.convert(_rgb_mode(image))
    if _pixels(image) > LOSSLESS_MAX_PIXELS:
        return Encoded(_lossy(image, settings), Encoding.REENCODED)
    if settings.quality > max_reachable_quality("webp"):
        return _near_lossless_or_lossless(image, settings.effort)
    return _lossy_or_lossless(image, settings)


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


def _lossy_or_lossless(image: Image.Image, settings: EncoderSettings) -> Encoded:
    """Lossless if it is no larger, or not much larger where lossy would bleed."""
    other = Encoded(_lossy(image, settings), Encoding.REENCODED)
    if lossless_is_surely_larger(image, len(other.data)):
        return other
    is_drawing = repeated_share(image) >= _MIN_REPEATED_SHARE
    method = _ALPHA_OR_LOSSLESS_MAX_METHOD if is_drawing else _TRY_METHOD
    exact = Encoded(lossless(image, settings.effort, method), Encoding.LOSSLESS)
    ratio = len(exact.data) / len(other.data)
    return exact if ratio <= 1 or (ratio <= _MAX_RATIO_IF_BLEEDING and bleeds(image)) else other


def _near_lossless_or_lossless(image: Image.Image, effort: Effort) -> Encoded:
    """Lossless if it is no larger, as it is for few colours, on which rounding is lost."""
    near = Encoded(lossless(_rounded_to_even(image), effort), Encoding.REENCODED)
    part = _sample(image)
    estimated = _estimator(part)
    if estimated(part) > _MAX_NEAR_LOSSLESS_RATIO * estimated(_rounded_to_even(part)):
        return near
    exact = Encoded(lossless(image, effort), Encoding.LOSSLESS)
    return exact if len(exact.data) <= len(near.data) else near


def lossless_is_surely_larger(image: Image.Image, lossy_bytes: int) -> bool:
    """Whether lossless is estimated to be so much larger that it need not be tried."""
    part = _sample(image)
    most = lossy_bytes * _pixels(part) / _pixels(image) / distinct_share(image)
    return not _may_fit(part, most)


def _may_fit(part: Image.Image, most: float) -> bool:
    """Whether lossless may take at most so many bytes, by estimates from the cheapest on."""
    if min(part.size) < 2 or _bytes_by_entropy(part) <= _MAX_ESTIMATE_RATIO * most:
        return True
    if not _repeats(part):
        return False
    quick = _bytes_by_trial(part, _QUICK_METHOD)
    if quick > max(_MAX_QUICK_RATIO * most, _pixels(part) * _QUICK_MIN_BITS / 8):
        return False
    return _bytes_by_trial(part) <= _MAX_ESTIMATE_RATIO * most


def _sample(image: Image.Image) -> Image.Image:
    pixels = max(_SAMPLE_PIXELS, _pixels(image) // _SAMPLE_SHARE)
    return sample(image, pixels, _SAMPLE_BAND_ROWS)


def _estimator(part: Image.Image) -> Callable[[Image.Image], float]:
    """What estimates the bytes of lossless for such images: their entropy, or a quick encoding."""
    return _bytes_by_trial if _repeats(part) else _bytes_by_entropy


def _repeats(part: Image.Image) -> bool:
    return repeated_share(_half(part)) >= _MIN_REPEATED_SHARE


def _bytes_by_entropy(part: Image.Image) -> float:
    return lossless_bits(_half(part)) / 8 * _pixels(part)


def _half(part: Image.Image) -> Image.Image:
    return sample(part, _pixels(part) // 2, _SAMPLE_BAND_ROWS)


def _bytes_by_trial(part: Image.Image, method: int = _SAMPLE_METHOD) -> float:
    file = _save(part, lossless=True, quality=_SAMPLE_EFFORT, method=method)
    return max(0, len(file) - _SAMPLE_TABLE_BYTES)


def lossless(
    image: Image.Image, effort: Effort, method: int = _ALPHA_OR_LOSSLESS_MAX_METHOD
) -> bytes:
    """Exact, with the colour of fully transparent pixels. image: RGB or RGBA."""
    return _save(
        image,
        lossless=True,
        quality=_LOSSLESS_EFFORT[effort],
        method=method,
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
