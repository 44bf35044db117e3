"""PNG, lossless to the pixel, by oxipng."""

import oxipng
from PIL import Image

from shared.models import Effort, Encoding
from workers.imaging.encoded import Encoded

MAX_SIDE = 2**31 - 1  # pixels, PNG third edition, 11.2.1

# 1 of 6: smaller than Pillow's best and a third of its CPU; 2 saves 2 % more for twice the CPU.
_LEVEL = 1

_COLOURS = {
    "L": oxipng.ColorType.grayscale,
    "LA": oxipng.ColorType.grayscale_alpha,
    "RGB": oxipng.ColorType.rgb,
    "RGBA": oxipng.ColorType.rgba,
}


def encode(image: Image.Image, quality: int, effort: Effort) -> Encoded:  # noqa: ARG001
    """Reduced to palette, grey or fewer bits where no pixel changes, then filtered and deflated.

    `quality` says nothing here. What stands under full transparency is kept too. oxipng tries
    alternatives in threads of its own, as many as RAYON_NUM_THREADS says: set it to 1 for the
    process, so that one image is one core.
    """
    raw = oxipng.RawImage(image.width, image.height, _COLOURS[image.mode], 8, image.tobytes())
    return Encoded(raw.create_optimized_png(level=_LEVEL), Encoding.LOSSLESS)
