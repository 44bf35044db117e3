"""PNG, lossless, by oxipng."""

from typing import Any

import oxipng
from PIL import Image

from shared.models import Effort, Encoding
from workers.imaging.encoding.encoded import Encoded
from workers.imaging.encoding.packed import packed
from workers.imaging.encoding.settings import EncoderSettings

# oxipng's levels, 0 to 6. Fast is its level 1 with two filters to compare and a quicker libdeflate.
_OPTIONS: dict[Effort, dict[str, Any]] = {
    Effort.FAST: {
        "level": 1,
        "filter": ["none", "entropy"],
        "deflate": oxipng.Deflaters.libdeflater(8),
    },
    Effort.BALANCED: {"level": 2},
    Effort.SMALL: {"level": 4},
}

# Above this always the fast effort: higher ones take 20 s of CPU and more, and memory to compare
# alternatives.
SLOW_LEVEL_MAX_PIXELS = 24_000_000

# Above this the level that tries nothing, since fast takes up to 0.6 s per megapixel.
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
    options = _options_for(image.width * image.height, settings.effort)
    size, colour_type, pixels = image.size, _COLOUR_TYPES[image.mode], packed(image)
    image.close()
    raw = oxipng.RawImage(*size, colour_type, 8, pixels)
    del pixels  # `raw` holds a copy
    return Encoded(raw.create_optimized_png(**options), Encoding.LOSSLESS)


def _options_for(pixels: int, effort: Effort) -> dict[str, Any]:
    if pixels > FAST_LEVEL_MAX_PIXELS:
        return {"level": _NO_TRIALS_LEVEL}
    return _OPTIONS[Effort.FAST if pixels > SLOW_LEVEL_MAX_PIXELS else effort]
