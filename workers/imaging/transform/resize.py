"""Scaling down into a box."""

from typing import Protocol

from PIL import Image

try:
    import cykooz_resizer as simd
except ImportError:  # no wheel for this machine
    simd = None

# Pillow first averages whole pixels down to this many times the target, then filters, which saves
# CPU. At 3 its documentation calls the result indistinguishable from filtering alone.
_REDUCING_GAP = 3.0

_SIMD_MODES = ("L", "RGB", "RGBA", "CMYK")


class Sized(Protocol):
    """What `resize` needs to know about a decoded image; see `decode.Source`."""

    @property
    def box(self) -> tuple[float, float, float, float]: ...
    @property
    def width(self) -> int: ...
    @property
    def height(self) -> int: ...
    @property
    def orientation(self) -> int: ...


def fit(width: int, height: int, max_width: int | None, max_height: int | None) -> tuple[int, int]:
    """The size in pixels that fits the box in proportion: never scaled up, never below 1.

    One side meets the box exactly, the other is rounded.
    """
    by_width = (max_width or width) / width
    by_height = (max_height or height) / height
    if min(by_width, by_height) >= 1:
        return width, height
    if by_width <= by_height:
        fitted_width = max_width or width
        return fitted_width, max(1, round(height * fitted_width / width))
    fitted_height = max_height or height
    return max(1, round(width * fitted_height / height)), fitted_height


def resize(
    image: Image.Image, source: Sized, max_width: int | None, max_height: int | None
) -> Image.Image:
    """The image scaled down by Lanczos to fit a box.

    image: as stored, not yet upright. max_width, max_height: the box for the upright image, in
    pixels. Colour is weighted by alpha, so that invisible colour does not bleed into edges.
    """
    if source.orientation >= 5:
        max_width, max_height = max_height, max_width
    target = fit(source.width, source.height, max_width, max_height)
    if target == image.size:
        return image
    if simd and image.mode in _SIMD_MODES:
        return _by_simd(image, target, source.box)
    return image.resize(
        target, Image.Resampling.LANCZOS, box=source.box, reducing_gap=_REDUCING_GAP
    )


def _by_simd(
    image: Image.Image, target: tuple[int, int], box: tuple[float, float, float, float]
) -> Image.Image:
    """The same as Pillow's Lanczos except for rounding, with much less CPU."""
    left, top, right, bottom = box
    scaled = Image.new(image.mode, target)
    scaled.info = image.info.copy()
    options = simd.ResizeOptions(
        resize_alg=simd.ResizeAlg.convolution(simd.FilterType.lanczos3),
        crop_box=simd.CropBox(left, top, right - left, bottom - top),
    )
    simd.Resizer().resize_pil(image, scaled, options)
    return scaled
