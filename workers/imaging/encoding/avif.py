"""AVIF, by libaom through pillow-avif-plugin."""

from typing import Any, Literal

from PIL import Image
from pillow_avif import _avif

from shared.errors import ImageError
from shared.models import Effort, Encoding
from workers.imaging.encoding.content import smooth_share
from workers.imaging.encoding.encoded import Encoded
from workers.imaging.encoding.packed import packed
from workers.imaging.encoding.quality import Scale, on_scale

# Beside 4:2:0 at equal SSIMULACRA2, 4:4:4 takes 3 % fewer bytes and a tenth more CPU, and no
# letter bleeds. But it takes 31 bytes of memory a pixel, not 20: of 50 megapixels 1.7 GB.
_MOST_FULL_COLOUR = 32_000_000  # pixels

# libaom's speeds by effort, for smooth pictures and for others. 7 chooses its blocks by variance
# and no longer by trial. In photographs full of detail that costs 1 to 3 % of bytes for half the
# CPU; in smooth ones 10 to 25 %, and these are cheap at 6. 5 saves 5 % for five times the CPU; at
# that price a large picture would not end within a task's time. 9 has a tenth of 6's CPU for a
# fifth more bytes: less CPU than WebP at method 4, and less bytes.
_SMOOTH = 0.55
_SPEEDS = {Effort.FAST: (9, 9), Effort.BALANCED: (6, 7), Effort.SMALL: (5, 5)}

# Smooth pictures look at a number as others do at one up to 14 higher (docs/quality.md): each have
# their scale.
_SCALES: dict[Effort, tuple[Scale, Scale]] = {
    Effort.FAST: ("avif_fast_smooth", "avif_fast"),
    Effort.BALANCED: ("avif_smooth", "avif"),
    Effort.SMALL: ("avif_small_smooth", "avif_small"),
}
_MOST_SLOW = 16_000_000  # pixels

# Tuned to the score by which quality is measured: 1 to 2 % fewer bytes than tune=iq, of which it
# is a variant. Without trellis quantisation a fifth less CPU at the same bytes. Of what else could
# be set at these speeds (partitions, transforms, filters, palettes, sharpness, delta-q), nothing
# saved both bytes and CPU.
_ADVANCED = {"tune": "ssimulacra2", "disable-trellis-quant": "1"}

_MOST_NUMBER = 99  # 100 would be lossless, which libaom refuses beside a tuning

Subsampling = Literal["4:4:4", "4:2:0"]


def encode(image: Image.Image, quality: int, effort: Effort) -> Encoded:
    """On one thread: one image is one core. The picture is taken over and closed.

    SVT-AV1 4.1 would have a third of the CPU at the bytes of speed 8, but leaves its caller under
    real-time scheduling (SCHED_FIFO 99) where it has the right to, and so starves the machine:
    not for a service.
    """
    subsampling: Subsampling = "4:4:4"
    speed, scale = way(image, effort)
    if image.width * image.height > _MOST_FULL_COLOUR:
        subsampling, scale = "4:2:0", "avif420"
    return Encoded(lossy(image, on_scale(quality, scale), speed, subsampling), Encoding.REENCODED)


def way(image: Image.Image, effort: Effort) -> tuple[int, Scale]:
    """libaom's speed for a picture, and the scale on which its number is then found."""
    if effort is Effort.SMALL and image.width * image.height > _MOST_SLOW:
        effort = Effort.BALANCED
    other = smooth_share(image) < _SMOOTH
    return _SPEEDS[effort][other], _SCALES[effort][other]


def lossy(image: Image.Image, number: float, speed: int, subsampling: Subsampling) -> bytes:
    """A still at `number` on libavif's scale of 0 to 100; grey stays grey."""
    if image.mode == "LA":
        image = image.convert("RGBA")
    # The plugin's `_save` keeps the picture beside two copies; this is what it hands them to.
    # Order of arguments as there: size, subsampling, quantisers (-1: by quality), quality, speed,
    # threads, codec, range, tiles, alpha, tiling, then metadata.
    encoder: Any = _avif.AvifEncoder(
        *image.size,
        "4:0:0" if image.mode == "L" else subsampling,
        *(-1, -1, min(round(number), _MOST_NUMBER), speed, 1, "aom", "full"),
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
