"""PNG, lossless, by oxipng."""

import oxipng
from PIL import Image

from shared.models import Effort, Encoding
from workers.imaging.encoding.encoded import Encoded
from workers.imaging.encoding.packed import packed
from workers.imaging.encoding.settings import EncoderSettings

_LEVELS = {Effort.FAST: 1, Effort.BALANCED: 2, Effort.SMALL: 4}  # oxipng's, 0 to 6

# Above this always the fast level: higher ones take 20 s of CPU and more, and memory to compare
# alternatives.
SLOW_LEVEL_MAX_PIXELS = 24_000_000

# Above this the level that tries nothing, since the fast one takes up to 0.6 s per megapixel.
FAST_LEVEL_MAX_PIXELS = 64_000_000
_NO_TRIALS_LEVEL = 0

_COLOUR_TYPES = {
    "L": oxipng.ColorType.grayscale,
    "LA": oxipng.ColorType.grayscale_alpha,
    "RGB": oxipng.ColorType.rgb,
    "RGBA": oxipng.ColorType.rgba,
}


def encode(image: Image.Image, settings: EncoderSettings) -> Encoded:
    """Reduced to a palette, to grey or to fewer bits if no pixel changes, then compressed.

    Ignores the quality. Keeps the colour of fully transparent pixels. Closes the image.
    oxipng uses as many threads as RAYON_NUM_THREADS says: set it to 1 for the process, so that
    each image uses one core.
    """
    level = level_for(image.width * image.height, settings.effort)
    size, colour_type, pixels = image.size, _COLOUR_TYPES[image.mode], packed(image)
    image.close()
    raw = oxipng.RawImage(*size, colour_type, 8, pixels)
    del pixels  # `raw` holds a copy
    return Encoded(raw.create_optimized_png(level=level), Encoding.LOSSLESS)


def level_for(pixels: int, effort: Effort) -> int:
    """oxipng's level for an image of that many pixels."""
    if pixels > FAST_LEVEL_MAX_PIXELS:
        return _NO_TRIALS_LEVEL
    return _LEVELS[Effort.FAST if pixels > SLOW_LEVEL_MAX_PIXELS else effort]
