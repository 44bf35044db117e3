"""AVIF, by libaom through pillow-avif-plugin."""

import math
import random
import time
from typing import Any, Literal

from PIL import Image
from pillow_avif import _avif

from shared.errors import ImageError
from shared.models import Effort, Encoding
from workers.imaging.encoding.content import smooth_share
from workers.imaging.encoding.encoded import Encoded
from workers.imaging.encoding.packed import packed
from workers.imaging.encoding.quality import QualityCurve, to_encoder_quality
from workers.imaging.encoding.settings import EncoderSettings

# Above this 4:2:0, which takes less memory. Below it 4:4:4, which is smaller
# at the same score and lets no colour bleed.
FULL_COLOUR_MAX_PIXELS = 32_000_000

# libaom's speeds, for smooth images and for others. From 7 on it chooses blocks by variance
# instead of by trial. That makes smooth images much larger, and these are cheap to encode at 6.
_MIN_SMOOTH_SHARE = 0.55
_SPEEDS = {Effort.FAST: (9, 9), Effort.BALANCED: (6, 7), Effort.SMALL: (5, 5)}

# Smooth images have curves of their own: at one encoder quality they score like others at up to
# 14 more (docs/quality.md).
_CURVES: dict[Effort, tuple[QualityCurve, QualityCurve]] = {
    Effort.FAST: ("avif_fast_smooth", "avif_fast"),
    Effort.BALANCED: ("avif_smooth", "avif"),
    Effort.SMALL: ("avif_small_smooth", "avif_small"),
}
SMALL_EFFORT_MAX_PIXELS = 16_000_000  # larger ones would not finish within a task's time limit

# Above this nothing is looked for elsewhere in the picture (intra block copy), which takes up to
# 60 bytes per pixel and saves bytes in screenshots, most of which are smaller.
BLOCK_COPY_MAX_PIXELS = 9_000_000

# CPU seconds per megapixel that no pixels were found to exceed, in full colour and at 4:2:0
# (docs/encoders.md). An image that may take more than `TRIED_SECONDS` is tried in part first.
MAX_SECONDS = {Effort.FAST: (0.8, 0.55), Effort.BALANCED: (6.0, 4.4), Effort.SMALL: (22.0, 16.0)}
TRIED_SECONDS = 36.0
_NEXT_EFFORT = {Effort.SMALL: Effort.BALANCED, Effort.BALANCED: Effort.FAST}
_TRIED_SHARE, _TILE_PIXELS, _MAX_TILES = 0.04, 64, 12  # tiles: in each direction

# Tuned to the score that our quality is measured by. Trellis quantisation costs CPU and saves no
# bytes at these speeds.
_ADVANCED = {"tune": "ssimulacra2", "disable-trellis-quant": "1"}

_MAX_ENCODER_QUALITY = 99  # 100 would be lossless, which libaom refuses together with a tuning

Subsampling = Literal["4:4:4", "4:2:0"]


def encode(image: Image.Image, settings: EncoderSettings) -> Encoded:
    """Encodes a still on one thread, so that each image uses one core. Closes the image.

    SVT-AV1 4.1 is not used: if permitted, it leaves its caller under real-time scheduling
    (SCHED_FIFO 99), which starves the rest of the machine.
    """
    wanted = effort_for(_pixels(image), settings.effort)
    effort = _affordable(image, settings.quality, wanted)
    speed, encoder_quality, subsampling = _how(image, settings.quality, effort)
    data = lossy(image, encoder_quality, speed, subsampling)
    return Encoded(data, Encoding.REENCODED, faster=effort is not wanted)


def subsampling_for(pixels: int) -> Subsampling:
    """4:4:4, or 4:2:0 for large images."""
    return "4:2:0" if pixels > FULL_COLOUR_MAX_PIXELS else "4:4:4"


def effort_for(pixels: int, effort: Effort) -> Effort:
    """The effort that is made at most for an image of so many pixels."""
    is_too_large = effort is Effort.SMALL and pixels > SMALL_EFFORT_MAX_PIXELS
    return Effort.BALANCED if is_too_large else effort


def max_seconds(pixels: int, effort: Effort) -> float:
    """CPU seconds of one encoding that no pixels were found to exceed."""
    return MAX_SECONDS[effort][subsampling_for(pixels) == "4:2:0"] * pixels / 1e6


def speed_and_curve(image: Image.Image, effort: Effort) -> tuple[int, QualityCurve]:
    """libaom's speed for an image in full colour, and the curve that belongs to it."""
    detailed = smooth_share(image) < _MIN_SMOOTH_SHARE
    return _SPEEDS[effort][detailed], _CURVES[effort][detailed]


def _how(image: Image.Image, quality: int, effort: Effort) -> tuple[int, float, Subsampling]:
    """libaom's speed, the encoder quality and the subsampling."""
    speed, curve = speed_and_curve(image, effort)
    subsampling = subsampling_for(_pixels(image))
    curve = "avif420" if subsampling == "4:2:0" else curve
    return speed, to_encoder_quality(quality, curve), subsampling


def _affordable(image: Image.Image, quality: int, wanted: Effort) -> Effort:
    """The effort, up to the one wanted, that takes no more than `TRIED_SECONDS` as it seems.

    What may take more with some pixels is tried with tiles from random places: nobody can make a
    picture that is easy there alone.
    """
    effort = wanted
    while effort in _NEXT_EFFORT and max_seconds(_pixels(image), effort) > TRIED_SECONDS:
        if _seconds_by_trial(image, *_how(image, quality, effort)) <= TRIED_SECONDS:
            break
        effort = _NEXT_EFFORT[effort]
    return effort


def _seconds_by_trial(
    image: Image.Image, speed: int, encoder_quality: float, subsampling: Subsampling
) -> float:
    """The CPU seconds that the whole image would take by what tiles of it take."""
    tiles = _tiles(image)
    pixels = _pixels(tiles)
    started = time.process_time()
    lossy(tiles, encoder_quality, speed, subsampling)
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
    image: Image.Image, encoder_quality: float, speed: int, subsampling: Subsampling
) -> bytes:
    """A still at libavif's own quality of 0 to 100. Grey images stay grey. Closes the image."""
    if image.mode == "LA":
        image = image.convert("RGBA")
    advanced = _ADVANCED
    if _pixels(image) > BLOCK_COPY_MAX_PIXELS:
        advanced = advanced | {"enable-intrabc": "0"}
    # Not through the plugin's `_save`, which keeps the image beside two copies. Its order of
    # arguments: size, subsampling, quantisers (-1: by quality), quality, speed, threads, codec,
    # range, tiles, alpha, tiling, then metadata.
    encoder: Any = _avif.AvifEncoder(
        *image.size,
        "4:0:0" if image.mode == "L" else subsampling,
        *(-1, -1, min(round(encoder_quality), _MAX_ENCODER_QUALITY), speed, 1, "aom", "full"),
        *(0, 0, False, False, b"", b"", 1, b""),
        tuple((name.encode(), value.encode()) for name, value in advanced.items()),
    )
    mode, size = image.mode, image.size
    pixels = packed(image)
    image.close()
    encoder.add(pixels, 0, *size, mode, True)
    data = encoder.finish()
    if data is None:
        raise ImageError("The image could not be encoded as AVIF")
    return bytes(data)
