"""A watermark: scaled to the picture, placed, and laid over it."""

import struct
from dataclasses import dataclass
from functools import lru_cache

from PIL import Image

from shared.errors import CorruptImageError, ImageError
from shared.imagetype import WATERMARK_MAX_SIDE, ImageType
from shared.models import Position, Probe, Watermark
from workers.imaging.colour.convert import to_plain, to_srgb
from workers.imaging.decoding.decode import decode
from workers.imaging.transform.resize import fit

# Part of the picture's shorter side that stays free around the mark: enough not to touch the
# edge, little enough to read as a corner. By the shorter side it looks alike on all four.
_MARGIN = 0.02


def lay(image: Image.Image, png: bytes, how: Watermark) -> Image.Image:
    """The picture under its watermark: RGB, or RGBA where the picture has alpha.

    image: upright sRGB in L, LA, RGB or RGBA. The mark gets `scale_percent` of the picture's
    width and keeps its own shape; where it would not fit within the margin it is made smaller.
    Raises ImageError if the PNG does not decode.
    """
    mark = fitted(png, how, image.size)
    return mark.over(image) if mark else image


@dataclass(frozen=True)
class Mark:
    """A mark made ready for pictures of one size, such as the frames of an animation.

    image: RGBA, its opacity in its alpha. at: left and top in pixels.
    """

    image: Image.Image
    at: tuple[int, int]

    def over(self, picture: Image.Image) -> Image.Image:
        """A picture of that size under the mark: RGB, or RGBA where the picture has alpha."""
        base = picture.convert("RGBA" if picture.mode.endswith("A") else "RGB")
        if base.mode == "RGBA":
            base.alpha_composite(self.image, self.at)
        else:
            base.paste(self.image, self.at, self.image)
        return base


def fitted(png: bytes, how: Watermark, size: tuple[int, int]) -> Mark | None:
    """The mark for pictures of a size in pixels; None if it is not to be seen.

    Raises ImageError if the PNG does not decode.
    """
    mark = _decoded(png)
    if how.opacity_percent == 0:
        return None
    margin = round(min(size) * _MARGIN)
    mark = _faded(_scaled(mark, size, margin, how.scale_percent), how.opacity_percent)
    return Mark(mark, _place(size, mark.size, margin, how.position))


@lru_cache(maxsize=2)
def _decoded(png: bytes) -> Image.Image:
    """The mark as RGBA in sRGB. A batch uses one mark for all; two are kept, at 64 MB at most."""
    try:
        width, height = struct.unpack_from(">II", png, 16)
        # No larger mark passes the API; the least of both keeps one from being decoded here.
        bound = Probe(
            ImageType.PNG, min(width, WATERMARK_MAX_SIDE), min(height, WATERMARK_MAX_SIDE), 1
        )
        source = decode(png, bound)
    except (CorruptImageError, struct.error):
        raise ImageError("The watermark could not be decoded") from None
    return to_srgb(to_plain(source.image)).convert("RGBA")


def _scaled(
    mark: Image.Image, base: tuple[int, int], margin: int, scale_percent: int
) -> Image.Image:
    """The mark at its share of the base's width, or less where height or margin ask for it."""
    wide = max(1, min(round(base[0] * scale_percent / 100), base[0] - 2 * margin))
    high = max(1, base[1] - 2 * margin)
    # Made large first and then fitted: `fit` never scales up, a small mark on a large picture is.
    size = fit(mark.width * 65535, mark.height * 65535, wide, high)
    return mark.resize(size, Image.Resampling.LANCZOS, reducing_gap=3.0)


def _faded(mark: Image.Image, opacity_percent: int) -> Image.Image:
    """The mark with its own alpha taken down to a share of it."""
    if opacity_percent < 100:
        table = [round(alpha * opacity_percent / 100) for alpha in range(256)]
        mark.putalpha(mark.getchannel("A").point(table))
    return mark


def _place(
    base: tuple[int, int], mark: tuple[int, int], margin: int, position: Position
) -> tuple[int, int]:
    """Left and top of the mark in pixels."""
    row, column = position.value
    across = {"L": margin, "C": (base[0] - mark[0]) // 2, "R": base[0] - mark[0] - margin}
    down = {"T": margin, "M": (base[1] - mark[1]) // 2, "B": base[1] - mark[1] - margin}
    return across[column], down[row]
