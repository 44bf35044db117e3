"""What the encoders cost, by size, format, effort and quality; see `workers.cost.estimate`."""

from dataclasses import dataclass

from shared.imagetype import ImageType
from shared.models import Effort, Options

# Where encoders change their ways, as workers.imaging.{webp,avif,png,jpeg} have it; millions of
# pixels, and our quality. A test holds them against each other.
WEBP_MOST_METHOD = 32.0
WEBP_MOST_LOSSLESS = 12.0
WEBP_CEILING = 95
AVIF_MOST_FULL_COLOUR = 32.0
AVIF_MOST_SLOW = 16.0
PNG_MOST_ALTERNATIVES = 24.0
JPEG_CEILING = 93


@dataclass(frozen=True)
class Picture:
    """What is to be encoded.

    megapixels: of one frame of the result. scale: 0 to 1, side to side as stored.
    kind, bytes_a_pixel: of the upload. alpha: whether it may be transparent.
    """

    megapixels: float
    scale: float
    frames: int
    kind: ImageType
    bytes_a_pixel: float
    alpha: bool = False


@dataclass(frozen=True)
class _Rate:
    """CPU seconds for a million pixels, and what changes them.

    seconds: with ordinary detail, at each effort. lossy, lossless: the power by which the detail
    of an upload of that sort counts. quality: what 20 points of it more take, as a factor.
    scale: the power by which scaling down counts, side to side; detail moves together.
    """

    seconds: dict[Effort, float]
    lossy: float
    lossless: float
    quality: float = 1.0
    scale: float = 0.0


def _efforts(fast: float, balanced: float, small: float) -> dict[Effort, float]:
    return {Effort.FAST: fast, Effort.BALANCED: balanced, Effort.SMALL: small}


# Near-lossless was fitted to three photographs of 1 and 3 megapixels at quality 98, moving pictures
# to pans of 12 and 48 frames; the rest as `workers.cost.estimate` says.
_RATES = {
    "webp": _Rate(_efforts(0.030, 0.090, 0.160), 0.26, 0.14, 1.4, -0.2),
    "webp_near_lossless": _Rate(_efforts(0.2, 0.38, 0.5), 0.0, 0.0),
    "webp_moving": _Rate(_efforts(0.060, 0.085, 0.130), 0.17, 0.0),
    "jpg": _Rate(_efforts(0.047, 0.047, 0.047), 0.25, 0.6, 1.25),
    "jpg_full_colour": _Rate(_efforts(0.075, 0.075, 0.075), 0.4, 0.3),
    "png": _Rate(_efforts(0.46, 0.80, 1.35), -0.12, -0.7, 1.0, 0.38),
    "avif": _Rate(_efforts(0.066, 0.39, 2.4), 0.16, -0.2, 1.1),
    "avif_moving": _Rate(_efforts(0.035, 0.035, 0.035), 0.2, 0.0),
}

# Bytes a pixel that ordinary uploads have; detail is counted from here, and no further than so.
_ORDINARY = {
    ImageType.PNG: 1.2,
    ImageType.JPG: 0.15,
    ImageType.WEBP: 0.08,
    ImageType.AVIF: 0.1,
    ImageType.HEIC: 0.1,
}
_LOSSLESS = (ImageType.PNG,)
_DETAIL_RANGE = (0.15, 5.0)
_ORDINARY_QUALITY = 75

# Bytes of memory for a pixel of the result, the picture with it, and for an encoder as such.
_BYTES = {
    "webp": 13.5,
    "webp_large": 10.2,
    "webp_near_lossless": 36.0,
    "jpg": 8.0,
    "jpg_full_colour": 8.8,
    "png": 11.5,
    "png_large": 7.6,
    "avif": 38.0,
    "avif_large": 24.0,
    "webp_moving": 22.0,
    "avif_moving": 75.0,
}
# What alpha adds; measured with a soft alpha on one photograph of 6, 26 and 36 megapixels.
_ALPHA_BYTES = {"webp": 22.0, "webp_large": 15.0, "jpg": 5.0, "jpg_full_colour": 5.0}
_ALPHA_OTHERWISE = 3.0
_FRAME_BYTES = 1.5  # a pixel of each coded frame, all of which are kept
_FIXED_BYTES = {ImageType.WEBP: 1e6, ImageType.JPG: 1e6, ImageType.PNG: 10e6, ImageType.AVIF: 9e6}


def memory(picture: Picture, options: Options, effort: Effort) -> float:
    """Bytes while the result is encoded, the decoded picture with them."""
    name = _road(picture, options)
    if name == options.format.value and _is_large(picture, options.format, effort):
        name = f"{options.format.value}_large"
    a_pixel = _BYTES[name] + (_FRAME_BYTES * picture.frames if picture.frames > 1 else 0)
    if picture.alpha and name != "webp_near_lossless":  # which has four channels anyway
        a_pixel += _ALPHA_BYTES.get(name, _ALPHA_OTHERWISE)
    return _FIXED_BYTES[options.format] + a_pixel * picture.megapixels * 1e6


def seconds(picture: Picture, options: Options, effort: Effort) -> float:
    """CPU seconds for all frames of the result."""
    rate = _RATES[_road(picture, options)]
    a_megapixel = rate.seconds[_effort(picture, options.format, effort)]
    power = rate.lossless if picture.kind in _LOSSLESS else rate.lossy
    steps = (min(options.quality, WEBP_CEILING) - _ORDINARY_QUALITY) / 20
    factor: float = _detail(picture) ** power * rate.quality**steps * picture.scale**rate.scale
    return a_megapixel * factor * picture.megapixels * picture.frames


def _road(picture: Picture, options: Options) -> str:
    """The name in the tables above."""
    if picture.frames > 1:
        return f"{options.format.value}_moving"
    if options.format is ImageType.JPG and options.quality > JPEG_CEILING:
        return "jpg_full_colour"
    small = picture.megapixels <= WEBP_MOST_LOSSLESS
    if options.format is ImageType.WEBP and options.quality > WEBP_CEILING and small:
        return "webp_near_lossless"
    return options.format.value


def _is_large(picture: Picture, to: ImageType, effort: Effort) -> bool:
    """Whether the encoder saves memory for its size, or for little effort."""
    if to is ImageType.WEBP:
        return _effort(picture, to, effort) is Effort.FAST and picture.megapixels > 1
    most = {ImageType.AVIF: AVIF_MOST_FULL_COLOUR, ImageType.PNG: PNG_MOST_ALTERNATIVES}
    return picture.megapixels > most.get(to, float("inf"))


def _effort(picture: Picture, to: ImageType, effort: Effort) -> Effort:
    """The effort that is made in the end: large pictures get less."""
    if to is ImageType.AVIF and effort is Effort.SMALL and picture.megapixels > AVIF_MOST_SLOW:
        return Effort.BALANCED
    most = {ImageType.WEBP: WEBP_MOST_METHOD, ImageType.PNG: PNG_MOST_ALTERNATIVES}
    return Effort.FAST if picture.megapixels > most.get(to, float("inf")) else effort


def _detail(picture: Picture) -> float:
    """How much detail an upload has against ordinary ones, which count 1."""
    ordinary = _ORDINARY.get(picture.kind)
    if ordinary is None:
        return 1.0
    least, most = _DETAIL_RANGE
    return min(most, max(least, picture.bytes_a_pixel / ordinary))
