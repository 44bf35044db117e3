"""AVIF, by libaom through pillow-avif-plugin."""

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

# Above this 4:2:0, which takes 20 bytes per pixel instead of 31. Below it 4:4:4, which is smaller
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
    subsampling: Subsampling = "4:4:4"
    speed, curve = speed_and_curve(image, settings.effort)
    if image.width * image.height > FULL_COLOUR_MAX_PIXELS:
        subsampling, curve = "4:2:0", "avif420"
    encoder_quality = to_encoder_quality(settings.quality, curve)
    return Encoded(lossy(image, encoder_quality, speed, subsampling), Encoding.REENCODED)


def speed_and_curve(image: Image.Image, effort: Effort) -> tuple[int, QualityCurve]:
    """libaom's speed for an image, and the curve that belongs to it."""
    if effort is Effort.SMALL and image.width * image.height > SMALL_EFFORT_MAX_PIXELS:
        effort = Effort.BALANCED
    detailed = smooth_share(image) < _MIN_SMOOTH_SHARE
    return _SPEEDS[effort][detailed], _CURVES[effort][detailed]


def lossy(
    image: Image.Image, encoder_quality: float, speed: int, subsampling: Subsampling
) -> bytes:
    """A still at libavif's own quality of 0 to 100. Grey images stay grey. Closes the image."""
    if image.mode == "LA":
        image = image.convert("RGBA")
    # Not through the plugin's `_save`, which keeps the image beside two copies. Its order of
    # arguments: size, subsampling, quantisers (-1: by quality), quality, speed, threads, codec,
    # range, tiles, alpha, tiling, then metadata.
    encoder: Any = _avif.AvifEncoder(
        *image.size,
        "4:0:0" if image.mode == "L" else subsampling,
        *(-1, -1, min(round(encoder_quality), _MAX_ENCODER_QUALITY), speed, 1, "aom", "full"),
        *(0, 0, False, False, b"", b"", 1, b""),
        tuple((name.encode(), value.encode()) for name, value in _ADVANCED.items()),
    )
    mode, size = image.mode, image.size
    pixels = packed(image)
    image.close()
    encoder.add(pixels, 0, *size, mode, True)
    data = encoder.finish()
    if data is None:
        raise ImageError("The image could not be encoded as AVIF")
    return bytes(data)
