"""Properties of an image that the encoders' settings depend on."""

from collections.abc import Sequence
from itertools import accumulate

from PIL import Image, ImageChops

_SAMPLED_PIXELS = 1_000_000  # in bands over the whole height
_BAND_ROWS = 32

_SMOOTH_STEP = 2  # of 255, in luma: a step between neighbours that nobody sees

# A pixel bleeds if averaging with its neighbours moves its chroma by this much (of 255); an image
# bleeds from this share of such pixels on. Photographs have fewer, coloured text on a plain
# background has more.
_BLEEDING_STEP = 32
_MIN_BLEEDING_SHARE = 0.003

# Bleeding shows on plain backgrounds, so only images with this share of flat pixels are checked,
# and by fewer pixels, because this check costs four times the others.
_MIN_FLAT_SHARE = 0.4
_BLEEDING_SAMPLE_PIXELS = 250_000


def flat_share(image: Image.Image) -> float:
    """The share, 0 to 1, of pixels with exactly the luma of their left neighbour.

    Mostly below 0.5 in photographs, above 0.8 in screenshots and flat drawings.
    """
    return _step_shares(image)[0]


def smooth_share(image: Image.Image) -> float:
    """The share, 0 to 1, of pixels with about the luma of their left neighbour.

    Below 0.5 in photographs full of detail, above it in skies, portraits and drawings.
    """
    return _step_shares(image)[_SMOOTH_STEP]


def bleeds(image: Image.Image) -> bool:
    """Whether colour at half the resolution (4:2:0) would show, as in red letters on white."""
    if image.mode in ("L", "LA") or flat_share(image) < _MIN_FLAT_SHARE:
        return False
    chroma = sample(image, _BLEEDING_SAMPLE_PIXELS).convert("RGB").convert("YCbCr").split()[1:]
    changes = [ImageChops.difference(channel, _halved(channel)) for channel in chroma]
    histogram = ImageChops.lighter(*changes).histogram()
    return sum(histogram[_BLEEDING_STEP:]) > _MIN_BLEEDING_SHARE * sum(histogram)


def sample(image: Image.Image, pixels: int = _SAMPLED_PIXELS) -> Image.Image:
    """About that many pixels of an image, in bands of rows over its height, or all of it."""
    bands = max(1, pixels // (image.width * _BAND_ROWS))
    if image.height <= bands * _BAND_ROWS:
        return image
    sampled = Image.new(image.mode, (image.width, bands * _BAND_ROWS))
    for band in range(bands):
        top = (image.height - _BAND_ROWS) * band // max(1, bands - 1)
        rows = image.crop((0, top, image.width, top + _BAND_ROWS))
        sampled.paste(rows, (0, band * _BAND_ROWS))
    return sampled


def _step_shares(image: Image.Image) -> Sequence[float]:
    """For each step in luma, the share of pixels that differ from the left by no more than it."""
    luma = sample(image).convert("L")
    if luma.width < 2:
        return [1.0] * 256
    left = luma.crop((0, 0, luma.width - 1, luma.height))
    right = luma.crop((1, 0, luma.width, luma.height))
    histogram = ImageChops.difference(left, right).histogram()
    return [count / sum(histogram) for count in accumulate(histogram)]


def _halved(channel: Image.Image) -> Image.Image:
    """A channel reduced to half the resolution and scaled up again."""
    return channel.reduce(2).resize(channel.size, Image.Resampling.BILINEAR)
