"""Properties of an image that the encoders' settings depend on."""

import math
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import reduce

from PIL import Image, ImageChops

_SAMPLED_PIXELS = 1_000_000  # in bands over the whole height
_BAND_ROWS = 32

_COMPARED_PIXELS = 128  # of each row and column that is looked for again
_TRANSPOSE = Image.Transpose.TRANSPOSE
_MAX_PALETTE = 256

_SMOOTH_STEP = 2  # of 255, in luma: a step between neighbours that nobody sees

# A pixel bleeds if averaging with its neighbours moves its chroma by this much (of 255); an image
# bleeds from this share of such pixels on. Photographs have fewer, coloured text on a plain
# background has more.
_BLEEDING_STEP = 32
_MIN_BLEEDING_SHARE = 0.003

# Bleeding shows on plain backgrounds, so only images with this share of flat pixels are checked,
# and by fewer pixels, because this check costs four times the others. A decoded JPEG of letters has
# noise in its background, but so many bleeding pixels that few of them tell.
_MIN_FLAT_SHARE = 0.4
_BLEEDING_SAMPLE_PIXELS = 250_000
_QUICK_SAMPLE_PIXELS = 30_000
_MIN_BLEEDING_SHARE_ANYWHERE = 0.05


@dataclass(frozen=True)
class Steps:
    """The shares, 0 to 1, of pixels by how far their luma is from their left neighbour's.

    flat: exactly the same; mostly below 0.5 in photographs, above 0.7 in screenshots and drawings.
    smooth: about the same; below 0.5 in photographs full of detail, above it in skies, portraits
    and drawings.
    """

    flat: float
    smooth: float


def steps_of(image: Image.Image) -> Steps:
    """The steps between neighbours in a sample of the image."""
    luma = sample(image).convert("L")
    if luma.width < 2:
        return Steps(1.0, 1.0)
    left = luma.crop((0, 0, luma.width - 1, luma.height))
    right = luma.crop((1, 0, luma.width, luma.height))
    histogram = ImageChops.difference(left, right).histogram()
    total = sum(histogram)
    return Steps(histogram[0] / total, sum(histogram[: _SMOOTH_STEP + 1]) / total)


def bleeds(image: Image.Image, steps: Steps | None = None) -> bool:
    """Whether colour at half the resolution (4:2:0) would show, as in red letters on white.

    steps: those of the image, where they are known.
    """
    if image.mode in ("L", "LA"):
        return False
    if _bleeding_share(image, _QUICK_SAMPLE_PIXELS) > _MIN_BLEEDING_SHARE_ANYWHERE:
        return True
    if (steps or steps_of(image)).flat < _MIN_FLAT_SHARE:
        return False
    return _bleeding_share(image, _BLEEDING_SAMPLE_PIXELS) > _MIN_BLEEDING_SHARE


def repeated_share(image: Image.Image) -> float:
    """The share, 0 to 1, of pixels that equal the one to the left or the one above in all bands.

    Mostly below 0.5 in photographs, above 0.6 in drawings, text and screenshots; low in dithers.
    """
    if min(image.size) < 2:
        return 1.0
    here, left, above = _neighbours(image)
    changes = (_most_changed(here, other) for other in (left, above))
    histogram = ImageChops.darker(*changes).histogram()
    return histogram[0] / sum(histogram)


def distinct_share(image: Image.Image) -> float:
    """The share, above 0 to 1, of an image that is left without its repeated rows and columns.

    1 in photographs; tiles and pixels that were doubled repeat. Rows and columns are compared by
    the middle of them.
    """
    width, height = image.size
    left, top = (max(0, side - _COMPARED_PIXELS) // 2 for side in image.size)
    columns = image.crop((0, top, width, min(height, top + _COMPARED_PIXELS)))
    rows = image.crop((left, 0, min(width, left + _COMPARED_PIXELS), height))
    return _distinct_row_share(rows) * _distinct_row_share(columns.transpose(_TRANSPOSE))


def lossless_bits(image: Image.Image) -> float:
    """About the bits per pixel that a lossless coder takes which knows no repetitions.

    image: RGB or RGBA, at least 2 pixels wide and high. The entropy of its colours if these are
    few, or of what is left of each band after green is subtracted from red and blue, and the mean
    of the pixels to the left and above from each pixel; the smaller of both.
    """
    red, green, blue, *alpha = image.split()
    others = [ImageChops.subtract_modulo(band, green) for band in (red, blue)]
    by_bands = sum(_residual_bits(band) for band in (green, *others, *alpha))
    colours = image.getcolors(_MAX_PALETTE)
    if colours is None:
        return by_bands
    return min(by_bands, _entropy(int(count) for count, _ in colours))


def sample(
    image: Image.Image, pixels: int = _SAMPLED_PIXELS, band_rows: int = _BAND_ROWS
) -> Image.Image:
    """About that many pixels of an image, in bands of rows over its height, or all of it."""
    bands = max(1, pixels // (image.width * band_rows))
    if image.height <= bands * band_rows:
        return image
    sampled = Image.new(image.mode, (image.width, bands * band_rows))
    for band in range(bands):
        top = (image.height - band_rows) * band // max(1, bands - 1)
        rows = image.crop((0, top, image.width, top + band_rows))
        sampled.paste(rows, (0, band * band_rows))
    return sampled


def _bleeding_share(image: Image.Image, pixels: int) -> float:
    colours = sample(image, pixels)
    colours = (colours if colours.mode == "RGB" else colours.convert("RGB")).convert("YCbCr")
    chroma = colours.getchannel("Cb"), colours.getchannel("Cr")
    changes = [ImageChops.difference(channel, _halved(channel)) for channel in chroma]
    histogram = ImageChops.lighter(*changes).histogram()
    return sum(histogram[_BLEEDING_STEP:]) / sum(histogram)


def _neighbours(image: Image.Image) -> Iterator[Image.Image]:
    """The image without its first row and column, then the pixels to the left and above."""
    width, height = image.size
    for left, top in ((1, 1), (0, 1), (1, 0)):
        yield image.crop((left, top, left + width - 1, top + height - 1))


def _most_changed(one: Image.Image, other: Image.Image) -> Image.Image:
    """For each pixel the difference in the band where it is the largest."""
    return reduce(ImageChops.lighter, ImageChops.difference(one, other).split())


def _residual_bits(band: Image.Image) -> float:
    here, left, above = _neighbours(band)
    residual = ImageChops.subtract_modulo(here, Image.blend(left, above, 0.5))
    return _entropy(residual.histogram())


def _entropy(counts: Iterable[int]) -> float:
    """Bits per symbol, from how often each occurs (Shannon, 1948)."""
    counts = [count for count in counts if count]
    total = sum(counts)
    return math.log2(total) - sum(count * math.log2(count) for count in counts) / total


def _distinct_row_share(image: Image.Image) -> float:
    pixels = image.tobytes()
    row = len(pixels) // image.height
    return len({pixels[at : at + row] for at in range(0, len(pixels), row)}) / image.height


def _halved(channel: Image.Image) -> Image.Image:
    """A channel reduced to half the resolution and scaled up again."""
    return channel.reduce(2).resize(channel.size, Image.Resampling.BILINEAR)
