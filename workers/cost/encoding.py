"""The CPU that encoders are expected to take, by size, format, effort, quality and detail.

`workers.cost.bounds` says what they take at most, `workers.cost.estimate` where both are used.
"""

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
    "jpg": _Rate(_efforts(0.018, 0.018, 0.018), 0.25, 0.6, 1.2),
    "jpg_searched": _Rate(_efforts(0.047, 0.047, 0.047), 0.25, 0.6, 1.25),
    "jpg_full_colour": _Rate(_efforts(0.075, 0.075, 0.075), 0.4, 0.3),
    "png": _Rate(_efforts(0.26, 0.80, 1.35), -0.12, -0.7, 1.0, 0.38),
    "png_no_trials": _Rate(_efforts(0.15, 0.15, 0.15), 0.0, 0.0),
    "avif": _Rate(_efforts(0.060, 0.52, 1.5), 0.16, -0.2, 1.1),
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


def cpu_seconds(picture: Picture, options: Options, effort: Effort) -> float:
    """CPU seconds for all frames of the result."""
    rate = RATES[mode_of(picture, options)]
    per_megapixel = rate.seconds[effective_effort(picture, options.format, effort)]
    exponent = rate.lossless if picture.kind in _LOSSLESS_TYPES else rate.lossy
    steps = (min(options.quality, _WEBP_LOSSY_MAX_QUALITY) - _TYPICAL_QUALITY) / 20
    factor: float = _detail(picture) ** exponent * rate.quality**steps * picture.scale**rate.scale
    return per_megapixel * factor * picture.megapixels * picture.frames


def mode_of(picture: Picture, options: Options) -> str:
    """How the encoder will work: the key in the tables above."""
    if picture.frames > 1:
        return f"{options.format.value}_animation"
    if options.format is ImageType.JPG and options.quality >= jpeg.FULL_COLOUR_MIN_QUALITY:
        return "jpg_full_colour"
    if options.format is ImageType.JPG and not jpeg.has_own_scans(picture.megapixels * _MEGA):
        return "jpg_searched"
    is_past_lossy = options.quality > _WEBP_LOSSY_MAX_QUALITY
    if options.format is ImageType.WEBP and is_past_lossy and _may_be_lossless(picture):
        return "webp_near_lossless"
    if options.format is ImageType.PNG and picture.megapixels > png.FAST_LEVEL_MAX_PIXELS / _MEGA:
        return "png_no_trials"
    return options.format.value


def _may_be_lossless(picture: Picture) -> bool:
    return picture.megapixels <= webp.LOSSLESS_MAX_PIXELS / _MEGA


def effective_effort(picture: Picture, to: ImageType, effort: Effort) -> Effort:
    """The effort that the encoder really makes: less for large images."""
    if to is ImageType.AVIF:
        return avif.effort_for(round(picture.megapixels * _MEGA), effort)
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
