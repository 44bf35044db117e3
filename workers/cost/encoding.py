"""What the encoders cost, by size, format, effort and quality; see `workers.cost.estimate`."""

from dataclasses import dataclass

from shared.imagetype import ImageType
from shared.models import Effort, Options
from workers.imaging.encoding import avif, jpeg, png, webp
from workers.imaging.encoding.quality import max_reachable_quality

_MEGA = 1e6
_WEBP_LOSSY_MAX_QUALITY = max_reachable_quality("webp")


@dataclass(frozen=True)
class Picture:
    """What is to be encoded.

    megapixels: of one frame of the result. scale: 0 to 1, of the result's sides to the upload's.
    kind, bytes_per_pixel: of the upload. alpha: whether it may be transparent.
    """

    megapixels: float
    scale: float
    frames: int
    kind: ImageType
    bytes_per_pixel: float
    alpha: bool = False


@dataclass(frozen=True)
class _Rate:
    """CPU seconds per megapixel, and what changes them.

    seconds: with typical detail, by effort. lossy, lossless: the exponents of an upload's detail,
    by whether its type is lossy. quality: the factor for 20 points more. scale: the exponent of
    the scale, as scaling down packs detail more closely.
    """

    seconds: dict[Effort, float]
    lossy: float
    lossless: float
    quality: float = 1.0
    scale: float = 0.0


def _efforts(fast: float, balanced: float, small: float) -> dict[Effort, float]:
    return {Effort.FAST: fast, Effort.BALANCED: balanced, Effort.SMALL: small}


# By encoder mode. Near-lossless was fitted to three photographs of 1 and 3 megapixels at quality
# 98, animations to pans of 12 and 48 frames, the rest as `workers.cost.estimate` says.
RATES = {
    "webp": _Rate(_efforts(0.030, 0.090, 0.160), 0.26, 0.14, 1.4, -0.2),
    "webp_near_lossless": _Rate(_efforts(0.2, 0.38, 0.5), 0.0, 0.0),
    "webp_animation": _Rate(_efforts(0.060, 0.085, 0.130), 0.17, 0.0),
    "jpg": _Rate(_efforts(0.047, 0.047, 0.047), 0.25, 0.6, 1.25),
    "jpg_full_colour": _Rate(_efforts(0.075, 0.075, 0.075), 0.4, 0.3),
    "png": _Rate(_efforts(0.46, 0.80, 1.35), -0.12, -0.7, 1.0, 0.38),
    "avif": _Rate(_efforts(0.066, 0.39, 2.4), 0.16, -0.2, 1.1),
    "avif_animation": _Rate(_efforts(0.035, 0.035, 0.035), 0.2, 0.0),
}

# Bytes per pixel of typical uploads. Detail is the ratio to them, within the limits below.
_TYPICAL_BYTES_PER_PIXEL = {
    ImageType.PNG: 1.2,
    ImageType.JPG: 0.15,
    ImageType.WEBP: 0.08,
    ImageType.AVIF: 0.1,
    ImageType.HEIC: 0.1,
}
_LOSSLESS_TYPES = (ImageType.PNG,)
_MIN_DETAIL, _MAX_DETAIL = 0.15, 5.0
_TYPICAL_QUALITY = 75

# Bytes of memory per pixel of the result, including the decoded image.
BYTES_PER_PIXEL = {
    "webp": 13.5,
    "webp_large": 10.2,
    "webp_lossless": 36.0,  # with alpha or without
    "jpg": 8.0,
    "jpg_full_colour": 8.8,
    "png": 11.5,
    "png_large": 7.6,
    "avif": 38.0,
    "avif_large": 24.0,
    "webp_animation": 22.0,
    "avif_animation": 75.0,
}
# What alpha adds to them, fitted to one photograph with soft alpha at 6, 26 and 36 megapixels.
_ALPHA_BYTES_PER_PIXEL = {
    "webp": 22.0,
    "webp_large": 15.0,
    "jpg": 5.0,
    "jpg_full_colour": 5.0,
}
_OTHER_ALPHA_BYTES_PER_PIXEL = 3.0
_FRAME_BYTES_PER_PIXEL = 1.5  # of each coded frame, all of which are kept until the end
FIXED_BYTES = {ImageType.WEBP: 1e6, ImageType.JPG: 1e6, ImageType.PNG: 10e6, ImageType.AVIF: 9e6}


def memory_bytes(picture: Picture, options: Options, effort: Effort) -> float:
    """Bytes of memory while the result is encoded, including the decoded image."""
    mode = _mode(picture, options)
    if mode in ("webp", "webp_near_lossless") and _may_be_lossless(picture):
        mode = "webp_lossless"  # a header does not tell a drawing, on which it is tried
    elif mode == options.format.value and _saves_memory(picture, options.format, effort):
        mode = f"{options.format.value}_large"
    per_pixel = BYTES_PER_PIXEL[mode]
    if picture.frames > 1:
        per_pixel += _FRAME_BYTES_PER_PIXEL * picture.frames
    if picture.alpha and mode != "webp_lossless":
        per_pixel += _ALPHA_BYTES_PER_PIXEL.get(mode, _OTHER_ALPHA_BYTES_PER_PIXEL)
    return FIXED_BYTES[options.format] + per_pixel * picture.megapixels * _MEGA


def cpu_seconds(picture: Picture, options: Options, effort: Effort) -> float:
    """CPU seconds for all frames of the result."""
    rate = RATES[_mode(picture, options)]
    per_megapixel = rate.seconds[_effective_effort(picture, options.format, effort)]
    exponent = rate.lossless if picture.kind in _LOSSLESS_TYPES else rate.lossy
    steps = (min(options.quality, _WEBP_LOSSY_MAX_QUALITY) - _TYPICAL_QUALITY) / 20
    factor: float = _detail(picture) ** exponent * rate.quality**steps * picture.scale**rate.scale
    return per_megapixel * factor * picture.megapixels * picture.frames


def _mode(picture: Picture, options: Options) -> str:
    """How the encoder will work: the key in the tables above."""
    if picture.frames > 1:
        return f"{options.format.value}_animation"
    if options.format is ImageType.JPG and options.quality >= jpeg.FULL_COLOUR_MIN_QUALITY:
        return "jpg_full_colour"
    is_past_lossy = options.quality > _WEBP_LOSSY_MAX_QUALITY
    if options.format is ImageType.WEBP and is_past_lossy and _may_be_lossless(picture):
        return "webp_near_lossless"
    return options.format.value


def _may_be_lossless(picture: Picture) -> bool:
    return picture.megapixels <= webp.LOSSLESS_MAX_PIXELS / _MEGA


def _saves_memory(picture: Picture, to: ImageType, effort: Effort) -> bool:
    """Whether the encoder takes less memory per pixel, because of the size or a low effort."""
    if to is ImageType.WEBP:
        return _effective_effort(picture, to, effort) is Effort.FAST and picture.megapixels > 1
    max_pixels = {
        ImageType.AVIF: avif.FULL_COLOUR_MAX_PIXELS,
        ImageType.PNG: png.SLOW_LEVEL_MAX_PIXELS,
    }
    return to in max_pixels and picture.megapixels > max_pixels[to] / _MEGA


def _effective_effort(picture: Picture, to: ImageType, effort: Effort) -> Effort:
    """The effort that the encoder really makes: less for large images."""
    if to is ImageType.AVIF:
        is_large = picture.megapixels > avif.SMALL_EFFORT_MAX_PIXELS / _MEGA
        return Effort.BALANCED if effort is Effort.SMALL and is_large else effort
    max_pixels = {
        ImageType.WEBP: webp.SLOW_METHOD_MAX_PIXELS,
        ImageType.PNG: png.SLOW_LEVEL_MAX_PIXELS,
    }
    if to in max_pixels and picture.megapixels > max_pixels[to] / _MEGA:
        return Effort.FAST
    return effort


def _detail(picture: Picture) -> float:
    """How much detail an upload has compared to typical ones, which have 1."""
    typical = _TYPICAL_BYTES_PER_PIXEL.get(picture.kind)
    if typical is None:
        return 1.0
    return min(_MAX_DETAIL, max(_MIN_DETAIL, picture.bytes_per_pixel / typical))
