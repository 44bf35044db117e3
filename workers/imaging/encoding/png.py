"""PNG, lossless to the pixel, by oxipng."""

import oxipng
from PIL import Image

from shared.models import Effort, Encoding
from workers.imaging.encoding.encoded import Encoded
from workers.imaging.encoding.packed import packed

# oxipng's levels, 0 to 6. On 23 photographs and graphics 1 takes 1 % more bytes than 2 for half
# the CPU, and three of them are larger than libpng's best; 3 saves nothing for twice it.
_LEVELS = {Effort.FAST: 1, Effort.BALANCED: 2, Effort.SMALL: 4}

# From here on 2 would take 20 s of CPU and more, and memory for its alternatives.
_MOST_PIXELS = 24_000_000

_COLOURS = {
    "L": oxipng.ColorType.grayscale,
    "LA": oxipng.ColorType.grayscale_alpha,
    "RGB": oxipng.ColorType.rgb,
    "RGBA": oxipng.ColorType.rgba,
}


def encode(image: Image.Image, quality: int, effort: Effort) -> Encoded:  # noqa: ARG001
    """Reduced to palette, grey or fewer bits where no pixel changes, then filtered and deflated.

    `quality` says nothing here. What stands under full transparency is kept too. The picture is
    taken over and closed. oxipng tries alternatives in threads of its own, as many as
    RAYON_NUM_THREADS says: set it to 1 for the process, so that one image is one core.
    """
    level = level_for(image.width * image.height, effort)
    size, colour, pixels = image.size, _COLOURS[image.mode], packed(image)
    image.close()
    raw = oxipng.RawImage(*size, colour, 8, pixels)
    del pixels  # it has a copy of its own
    return Encoded(raw.create_optimized_png(level=level), Encoding.LOSSLESS)


def level_for(pixels: int, effort: Effort) -> int:
    """oxipng's level for a picture of so many pixels."""
    return _LEVELS[Effort.FAST if pixels > _MOST_PIXELS else effort]
