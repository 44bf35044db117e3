"""The watermark: scaled to the image, placed, and blended over it."""

import struct
from dataclasses import dataclass
from functools import lru_cache

from PIL import Image

from shared.errors import CorruptImageError, ImageError
from shared.imagetype import WATERMARK_MAX_SIDE, ImageType
from shared.models import Position, Watermark
from workers.imaging.colour.convert import to_plain, to_srgb
from workers.imaging.decoding.decode import decode
from workers.imaging.formats.probe import Probe
from workers.imaging.transform.resize import fit

# Free space around the watermark, as a share of the image's shorter side, so that it looks the
# same at all four edges.
_MARGIN_SHARE = 0.02


def apply_watermark(image: Image.Image, png: bytes, placement: Watermark) -> Image.Image:
    """The image with its watermark, in RGB, or in RGBA if the image has alpha.

    image: upright, sRGB, in L, LA, RGB or RGBA. The watermark keeps its proportions and is
    `scale_percent` of the image's width, or less if it would not fit inside the margin.
    Raises ImageError if the PNG does not decode.
    """
    overlay = make_overlay(png, placement, image.size)
    return overlay.apply(image) if overlay else image


@dataclass(frozen=True)
class Overlay:
    """A watermark prepared for images of one size, such as the frames of an animation.

    image: RGBA, with the opacity in its alpha. position: left and top in pixels.
    """

    image: Image.Image
    position: tuple[int, int]

    def apply(self, image: Image.Image) -> Image.Image:
        """An image of that size with the watermark, in RGB, or in RGBA if it has alpha."""
        base = image.convert("RGBA" if image.mode.endswith("A") else "RGB")
        if base.mode == "RGBA":
            base.alpha_composite(self.image, self.position)
        else:
            base.paste(self.image, self.position, self.image)
        return base


def make_overlay(png: bytes, placement: Watermark, size: tuple[int, int]) -> Overlay | None:
    """The watermark for images of a size in pixels; None if its opacity is 0.

    Raises ImageError if the PNG does not decode.
    """
    mark = _decoded(png)
    if placement.opacity_percent == 0:
        return None
    margin = round(min(size) * _MARGIN_SHARE)
    mark = _scaled(mark, size, margin, placement.scale_percent)
    mark = _with_opacity(mark, placement.opacity_percent)
    return Overlay(mark, _left_and_top(size, mark.size, margin, placement.position))


@lru_cache(maxsize=2)
def _decoded(png: bytes) -> Image.Image:
    """The watermark as RGBA in sRGB. Cached for the images of a batch: 64 MB each at most."""
    try:
        width, height = struct.unpack_from(">II", png, 16)
        # The API accepts no larger watermark; the bound keeps `decode` from decoding one.
        bound = Probe(
            ImageType.PNG, min(width, WATERMARK_MAX_SIDE), min(height, WATERMARK_MAX_SIDE), 1
        )
        source = decode(png, bound)
    except (CorruptImageError, struct.error):
        raise ImageError("The watermark could not be decoded") from None
    return to_srgb(to_plain(source.image)).convert("RGBA")


def _scaled(
    mark: Image.Image, base_size: tuple[int, int], margin: int, scale_percent: int
) -> Image.Image:
    """The watermark at its share of the base's width, or less to stay inside the margin."""
    share_width = round(base_size[0] * scale_percent / 100)
    max_width = max(1, min(share_width, base_size[0] - 2 * margin))
    max_height = max(1, base_size[1] - 2 * margin)
    # `fit` only scales down, and a small watermark must grow with a large image.
    size = fit(mark.width * 65535, mark.height * 65535, max_width, max_height)
    return mark.resize(size, Image.Resampling.LANCZOS, reducing_gap=3.0)


def _with_opacity(mark: Image.Image, opacity_percent: int) -> Image.Image:
    """The watermark with its alpha multiplied by the opacity."""
    if opacity_percent < 100:
        table = [round(alpha * opacity_percent / 100) for alpha in range(256)]
        mark.putalpha(mark.getchannel("A").point(table))
    return mark


def _left_and_top(
    base: tuple[int, int], mark: tuple[int, int], margin: int, position: Position
) -> tuple[int, int]:
    """Where the watermark is placed, in pixels. base, mark: their sizes."""
    row, column = position.value
    lefts = {"L": margin, "C": (base[0] - mark[0]) // 2, "R": base[0] - mark[0] - margin}
    tops = {"T": margin, "M": (base[1] - mark[1]) // 2, "B": base[1] - mark[1] - margin}
    return lefts[column], tops[row]
