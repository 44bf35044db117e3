"""AVIF, by libaom through the libavif of pillow-avif-plugin."""

import math
import random
import time
from collections.abc import Mapping
from dataclasses import dataclass

from PIL import Image

from shared.models import Effort, Encoding
from workers.imaging.encoding import libavif
from workers.imaging.encoding.content import Steps, bleeds, steps_of
from workers.imaging.encoding.encoded import Encoded
from workers.imaging.encoding.libavif import Subsampling
from workers.imaging.encoding.planes import colour_planes, plane
from workers.imaging.encoding.quality import QualityCurve, to_encoder_quality
from workers.imaging.encoding.settings import EncoderSettings

# Above this 4:2:0 in any case, which takes less memory.
FULL_COLOUR_MAX_PIXELS = 32_000_000
# Up to this quality 4:2:0 takes as few bytes at the same score, and less CPU; above it 4:4:4. Where
# colours would bleed, and in drawings, it is 4:4:4 at any quality: a drawing in 4:2:0 may end near
# a score of 60 whatever its bytes.
_HALF_COLOUR_MAX_QUALITY = 60
_DRAWING_FLAT_SHARE = 0.6

_SPEEDS = {Effort.FAST: 9, Effort.BALANCED: 6, Effort.SMALL: 5}  # libaom's

# Smooth images have curves of their own: at one encoder quality they score like others at up to
# 14 more (docs/quality.md).
_MIN_SMOOTH_SHARE = 0.55
_CURVES: dict[tuple[Effort, Subsampling], tuple[QualityCurve, QualityCurve]] = {
    (Effort.FAST, "4:2:0"): ("avif_fast_420_smooth", "avif_fast_420"),
    (Effort.FAST, "4:4:4"): ("avif_fast_444_smooth", "avif_fast_444"),
    (Effort.BALANCED, "4:2:0"): ("avif_420_smooth", "avif_420"),
    (Effort.BALANCED, "4:4:4"): ("avif_444_smooth", "avif_444"),
    (Effort.SMALL, "4:2:0"): ("avif_small_420_smooth", "avif_small_420"),
    (Effort.SMALL, "4:4:4"): ("avif_small_444_smooth", "avif_small_444"),
}

SMALL_EFFORT_MAX_PIXELS = 16_000_000  # larger ones would not finish within a task's time limit

# Above this nothing is looked for elsewhere in the picture (intra block copy), which takes up to
# 60 bytes per pixel and saves bytes in screenshots, most of which are smaller.
BLOCK_COPY_MAX_PIXELS = 9_000_000

# CPU seconds per megapixel that no pixels were found to exceed, in full colour and at 4:2:0
# (docs/encoders.md). An image that may take more than `TRIED_SECONDS` is tried in part first.
MAX_SECONDS = {Effort.FAST: (1.15, 0.55), Effort.BALANCED: (6.0, 4.4), Effort.SMALL: (9.0, 8.0)}
TRIED_SECONDS = 36.0
_NEXT_EFFORT = {Effort.SMALL: Effort.BALANCED, Effort.BALANCED: Effort.FAST}
_TRIED_SHARE, _TILE_PIXELS, _MAX_TILES = 0.04, 64, 12  # tiles: in each direction

# libaom's options, tuned to the score that our quality is measured by. Trellis quantisation saves
# bytes at speed 9 alone. Smaller blocks than these cost CPU and save nothing; speed 5 with square
# blocks alone has its bytes at a third of its CPU.
_OPTIONS = {
    Effort.FAST: {"min-partition-size": "16"},
    Effort.BALANCED: {"min-partition-size": "8", "disable-trellis-quant": "1"},
    Effort.SMALL: {
        "min-partition-size": "8",
        "disable-trellis-quant": "1",
        **{f"enable-{kind}-partitions": "0" for kind in ("rect", "ab", "1to4")},
    },
}

_NO_OPTIONS: Mapping[str, str] = {}

_MAX_ENCODER_QUALITY = 99  # 100 would be lossless, which libaom refuses together with a tuning


@dataclass(frozen=True)
class Way:
    """How an image is encoded, and the quality curve that belongs to it."""

    effort: Effort
    subsampling: Subsampling
    curve: QualityCurve


def encode(image: Image.Image, settings: EncoderSettings) -> Encoded:
    """Encodes a still on one thread, so that each image uses one core. Closes the image.

    SVT-AV1 4.1 is not used: if permitted, it leaves its caller under real-time scheduling
    (SCHED_FIFO 99), which starves the rest of the machine.
    """
    steps = steps_of(image)
    subsampling = subsampling_for(image, settings.quality, steps)
    wanted = effort_for(_pixels(image), settings.effort)
    way = _affordable(image, settings.quality, way_for(wanted, subsampling, steps), steps)
    data = lossy(image, to_encoder_quality(settings.quality, way.curve), way)
    return Encoded(data, Encoding.REENCODED, faster=way.effort is not wanted)


def subsampling_for(image: Image.Image, quality: int, steps: Steps) -> Subsampling:
    """4:2:0 where it costs less or the image is large, else 4:4:4, as in drawings."""
    if _pixels(image) > FULL_COLOUR_MAX_PIXELS:
        return "4:2:0"
    is_drawing = steps.flat > _DRAWING_FLAT_SHARE and image.mode not in ("L", "LA")
    is_full = quality > _HALF_COLOUR_MAX_QUALITY or is_drawing or bleeds(image, steps)
    return "4:4:4" if is_full else "4:2:0"


def effort_for(pixels: int, effort: Effort) -> Effort:
    """The effort that is made at most for an image of so many pixels."""
    is_too_large = effort is Effort.SMALL and pixels > SMALL_EFFORT_MAX_PIXELS
    return Effort.BALANCED if is_too_large else effort


def max_seconds(pixels: int, effort: Effort) -> float:
    """CPU seconds of one encoding that no pixels were found to exceed."""
    return MAX_SECONDS[effort][pixels > FULL_COLOUR_MAX_PIXELS] * pixels / 1e6


def way_for(effort: Effort, subsampling: Subsampling, steps: Steps) -> Way:
    """The way for an image with such steps, with that effort and resolution of colour."""
    detailed = steps.smooth < _MIN_SMOOTH_SHARE
    return Way(effort, subsampling, _CURVES[effort, subsampling][detailed])


def _affordable(image: Image.Image, quality: int, wanted: Way, steps: Steps) -> Way:
    """The way, with up to the effort wanted, that takes no more than `TRIED_SECONDS` as it seems.

    What may take more with some pixels is tried with tiles from random places: nobody can make a
    picture that is easy there alone.
    """
    way = wanted
    while way.effort in _NEXT_EFFORT and max_seconds(_pixels(image), way.effort) > TRIED_SECONDS:
        if _seconds_by_trial(image, quality, way) <= TRIED_SECONDS:
            break
        way = way_for(_NEXT_EFFORT[way.effort], way.subsampling, steps)
    return way


def _seconds_by_trial(image: Image.Image, quality: int, way: Way) -> float:
    """The CPU seconds that the whole image would take by what tiles of it take."""
    tiles = _tiles(image)
    pixels = _pixels(tiles)
    started = time.process_time()
    lossy(tiles, to_encoder_quality(quality, way.curve), way)
    return (time.process_time() - started) * _pixels(image) / pixels


def tried_pixels(pixels: int) -> int:
    """The pixels that are tried of an image of so many."""
    return (_tiles_in_a_row(pixels) * _TILE_PIXELS) ** 2


def _tiles_in_a_row(pixels: int) -> int:
    return max(1, min(_MAX_TILES, round(math.sqrt(_TRIED_SHARE * pixels) / _TILE_PIXELS)))


def _tiles(image: Image.Image) -> Image.Image:
    """A square of tiles from random places."""
    count = _tiles_in_a_row(_pixels(image))
    tiles = Image.new(image.mode, (count * _TILE_PIXELS, count * _TILE_PIXELS))
    chance = random.SystemRandom()
    for index in range(count**2):
        left, top = (chance.randint(0, max(0, side - _TILE_PIXELS)) for side in image.size)
        tile = image.crop((left, top, left + _TILE_PIXELS, top + _TILE_PIXELS))
        tiles.paste(tile, (index % count * _TILE_PIXELS, index // count * _TILE_PIXELS))
    return tiles


def _pixels(image: Image.Image) -> int:
    return image.width * image.height


def lossy(
    image: Image.Image, encoder_quality: float, way: Way, more: Mapping[str, str] = _NO_OPTIONS
) -> bytes:
    """A still at libavif's own quality of 0 to 100. Grey images stay grey. Closes the image.

    more: libaom's options for a trial, over ours.
    """
    options = {"tune": "ssimulacra2"} | _OPTIONS[way.effort] | dict(more)
    if _pixels(image) > BLOCK_COPY_MAX_PIXELS:
        options["enable-intrabc"] = "0"
    if _pixels(image) > FULL_COLOUR_MAX_PIXELS:
        options["disable-trellis-quant"] = "1"  # it costs most on noise, and their bound is near
    size, is_grey = image.size, image.mode in ("L", "LA")
    planes = colour_planes(image, half_colour=way.subsampling == "4:2:0")
    alpha = plane(image, "A") if "A" in image.getbands() else None
    image.close()
    subsampling: Subsampling = "4:0:0" if is_grey else way.subsampling
    quality = min(round(encoder_quality), _MAX_ENCODER_QUALITY)
    speed = _SPEEDS[way.effort]
    return libavif.encode(size, subsampling, planes, alpha, quality, speed, options)
