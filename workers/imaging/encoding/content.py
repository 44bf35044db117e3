"""What a picture is made of, as far as an encoder's choices hang on it."""

from collections.abc import Sequence
from itertools import accumulate

from PIL import Image, ImageChops

_SAMPLED_PIXELS = 1_000_000  # looked at, in bands over the whole height
_BAND_ROWS = 32

# A step between neighbours that the eye takes for none (of 255, in luma).
_SMOOTH_STEP = 2

# By so much (of 255) may a pixel's chroma move for the neighbours it is averaged with before it
# is seen as a fringe; and the share of such pixels from which on a picture counts as bleeding.
# Photographs have at most 0.1 % of them, coloured text and lines on plain ground 0.7 % and more.
_FRINGE = 32
_BLEEDING_SHARE = 0.003

# Coloured lines show on plain ground, so fringes are looked for in pictures that have this share
# of it, a third of photographs and all drawings; and, for a look takes four times what other
# checks do, in fewer pixels of them.
_PLAIN_GROUND = 0.4
_FRINGE_PIXELS = 250_000


def flat_share(image: Image.Image) -> float:
    """The share, 0 to 1, of pixels with the very luma of their left neighbour.

    Photographs have 0.04 to 0.85, most below a half; screenshots and flat drawings above 0.8.
    """
    return _steps(image)[0]


def smooth_share(image: Image.Image) -> float:
    """The share, 0 to 1, of pixels that are about as light as their left neighbour.

    Below a half in photographs full of detail, above in skies, portraits and drawings.
    """
    return _steps(image)[_SMOOTH_STEP]


def bleeds(image: Image.Image) -> bool:
    """Whether colour at half the resolution (4:2:0) would show, as in red letters on white."""
    if image.mode in ("L", "LA") or flat_share(image) < _PLAIN_GROUND:
        return False
    chroma = sample(image, _FRINGE_PIXELS).convert("RGB").convert("YCbCr").split()[1:]
    seen = [ImageChops.difference(channel, _halved(channel)) for channel in chroma]
    histogram = ImageChops.lighter(*seen).histogram()
    return sum(histogram[_FRINGE:]) > _BLEEDING_SHARE * sum(histogram)


def sample(image: Image.Image, pixels: int = _SAMPLED_PIXELS) -> Image.Image:
    """About so many pixels of a picture, in bands of whole rows over its height; or all of it."""
    bands = max(1, pixels // (image.width * _BAND_ROWS))
    if image.height <= bands * _BAND_ROWS:
        return image
    taken = Image.new(image.mode, (image.width, bands * _BAND_ROWS))
    for band in range(bands):
        top = (image.height - _BAND_ROWS) * band // max(1, bands - 1)
        taken.paste(image.crop((0, top, image.width, top + _BAND_ROWS)), (0, band * _BAND_ROWS))
    return taken


def _steps(image: Image.Image) -> Sequence[float]:
    """By step in luma, the share of pixels that differ from the left neighbour by no more."""
    luma = sample(image).convert("L")
    if luma.width < 2:
        return [1.0] * 256
    left = luma.crop((0, 0, luma.width - 1, luma.height))
    right = luma.crop((1, 0, luma.width, luma.height))
    histogram = ImageChops.difference(left, right).histogram()
    return [count / sum(histogram) for count in accumulate(histogram)]


def _halved(channel: Image.Image) -> Image.Image:
    """A channel as it comes back from half the resolution."""
    return channel.reduce(2).resize(channel.size, Image.Resampling.BILINEAR)
