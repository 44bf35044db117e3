"""The picture of a TIFF in a mode of Pillow, whatever its layout.

Pillow's own reader knows some layouts, and reads others wrongly. Here its libtiff decompresses, and
what the samples mean follows TIFF 6.0 where it is clear, and else libtiff, ImageMagick and libvips.
"""

import math
import struct
from functools import lru_cache
from typing import Any

from PIL import Image, ImageChops

from workers.imaging.colour.convert import float_to_8_bits, to_plain, to_srgb
from workers.imaging.decoding.tiff_bytes import samples_of
from workers.imaging.decoding.tiff_pieces import Column, Pieces
from workers.imaging.formats import tiff
from workers.imaging.formats.tiff import (
    ALPHA,
    ALPHA_ASSOCIATED,
    CMYK,
    FLOAT,
    GREY,
    GREY_INVERTED,
    ICC_LAB,
    JPEG,
    LAB,
    PALETTE,
    RGB,
    SIGNED,
    YCBCR,
    Picture,
)

_PROFILE, _COLOUR_MAP = 34675, 320
_BAND_BYTES = 4_000_000  # of rows that are taken apart at one time

# Modes and raw modes of Pillow by bits and samples together, where nothing is lost by them. `N` is
# the byte order of this machine, which libtiff returns.
_DIRECT = {
    (1, 1): ("1", "1"),
    (8, 1): ("L", "L"),
    (8, 2): ("LA", "LA"),
    (8, 3): ("RGB", "RGB"),
    (8, 4): ("RGBA", "RGBA"),
    (16, 1): ("I;16", "I;16N"),
    (16, 3): ("RGB", "RGB;16N"),
    (16, 4): ("RGBA", "RGBA;16N"),
}
_LABS = (LAB, ICC_LAB)
_MODES = {RGB: "RGB", YCBCR: "YCbCr", CMYK: "CMYK", LAB: "LAB", ICC_LAB: "LAB"}
_MAX_INDEX_BITS = 8


def open_tiff(data: bytes) -> tuple[Image.Image, int]:
    """The picture, not yet upright, and its orientation as in EXIF.

    L, LA, P, RGB, RGBA, CMYK or LAB, with its ICC profile in `info`. CMYK and L*a*b* with alpha are
    converted to sRGB here, as Pillow has no mode for them. Raises UnsupportedImageError,
    ValueError, IndexError or struct.error.
    """
    picture = tiff.picture(data)
    layers = _layers(Pieces(data, picture), picture)
    image = _image(layers, picture)
    return image, picture.orientation


def _layers(pieces: Pieces, picture: Picture) -> list[Image.Image]:
    """The samples as they are stored, with 8 bits: in one image, or in one for each sample."""
    layers: list[Image.Image] = []
    direct = _direct_modes(picture)
    for column in pieces.columns():
        if direct:
            image = pieces.read(column, *direct)
            image = image.convert("L") if image.mode == "1" else image
            _paste(layers, column.plane, image, column, picture)
        else:
            _paste_bands(layers, pieces, column, picture)
    for n, layer in enumerate(layers):
        layers[n] = _by_table(layer, picture) if layer.mode == "I;16" else layer
    return layers


def _direct_modes(picture: Picture) -> tuple[str, str] | None:
    if picture.photometric == YCBCR and not picture.planar:
        return "RGB", "RGB" if picture.compression == JPEG else "RGBX"
    wide = picture.bits == 16 and picture.format in (SIGNED, FLOAT)
    if picture.predictor == 3 or (wide and (picture.format == SIGNED or picture.together > 1)):
        return None
    mode, raw = _DIRECT.get((picture.bits, picture.together), (None, None))
    if mode is None or raw is None:
        return None
    if mode == "RGBA" and picture.photometric == CMYK:
        return "CMYK", raw.replace("RGBA", "CMYK")
    if picture.photometric == RGB and picture.extra == (ALPHA_ASSOCIATED,):
        return mode, raw.replace("RGBA", "RGBa")
    return mode, raw


def _by_table(image: Image.Image, picture: Picture) -> Image.Image:
    """Each of 65,536 values of 16 bits to 8 bits, which Pillow does for its mode I alone."""
    table = _halves() if picture.format == FLOAT else _upper_bits()
    return image.convert("I").point(table, "L")


def _paste_bands(
    layers: list[Image.Image], pieces: Pieces, column: Column, picture: Picture
) -> None:
    """Takes a column apart from its bytes, some rows at a time."""
    row_bytes = -(-column.width * picture.together * picture.bits // 8)
    pieces_at_once = max(1, _BAND_BYTES // (row_bytes * picture.piece_height))
    rows_at_once = max(1, _BAND_BYTES // row_bytes)
    for first in range(0, picture.down, pieces_at_once):
        rows = range(first, min(first + pieces_at_once, picture.down))
        band = pieces.read_bytes(column, rows, row_bytes)
        for above in range(0, band.height, rows_at_once):
            part = band.crop((0, above, row_bytes, min(above + rows_at_once, band.height)))
            top = first * picture.piece_height + above
            for n, sample in enumerate(samples_of(part, column.width, picture)):
                _paste(layers, column.plane + n, sample, column, picture, top)


def _paste(
    layers: list[Image.Image],
    layer: int,
    image: Image.Image,
    column: Column,
    picture: Picture,
    top: int = 0,
) -> None:
    """Into the layer, which it makes first; the image itself, where that is all of it."""
    size = picture.width, picture.height
    if layer == len(layers):
        layers.append(image if image.size == size else Image.new(image.mode, size))
    if layers[layer] is not image:
        layers[layer].paste(image, (column.left, top))


@lru_cache(maxsize=1)
def _upper_bits() -> list[int]:
    return [int(value * 255 / 65535 + 0.5) for value in range(65536)]


@lru_cache(maxsize=1)
def _halves() -> list[int]:
    """By the bits of a half-precision number (IEEE 754): 0 to 1 as 0 to 255, the rest clipped."""
    values = struct.unpack("<65536e", struct.pack("<65536H", *range(65536)))
    return [0 if math.isnan(v) else round(255 * min(1, max(0, v))) for v in values]


def _image(layers: list[Image.Image], picture: Picture) -> Image.Image:
    """The samples as colours, with alpha if there is any."""
    profile = picture.directory.content(_PROFILE)
    info: dict[str | tuple[int, int], Any] = {"icc_profile": profile} if profile else {}
    image = layers[0] if len(layers) == 1 and _is_whole(picture) else None
    if image is None:
        bands = [band for layer in layers for band in layer.split()]
        colours, alpha = bands[: picture.colours], _alpha(bands[picture.colours :], picture)
        if alpha and ALPHA_ASSOCIATED in picture.extra and picture.photometric not in _LABS:
            colours = [_unmultiplied(band, alpha) for band in colours]
        image = _coloured(colours, picture)
        if alpha and image.mode not in ("L", "RGB"):
            image.info |= info
            image, info = to_srgb(to_plain(image)), {}
        if alpha:
            image.putalpha(alpha)
    image.info |= info
    return image


def _is_whole(picture: Picture) -> bool:
    """Whether one layer is the picture already."""
    if picture.photometric in (YCBCR, CMYK):
        return not picture.extra
    if picture.photometric != RGB:
        return False
    return not picture.extra or picture.extra in ((ALPHA,), (ALPHA_ASSOCIATED,))


def _alpha(extras: list[Image.Image], picture: Picture) -> Image.Image | None:
    """The sample that is alpha.

    One of unknown meaning beside grey or RGB is alpha too, as in ImageMagick and libvips, unless it
    is 0 everywhere. Beside inks or a palette, and where there are several, it is something else: a
    spot colour, a selection, infrared.
    """
    for extra, band in zip(picture.extra, extras, strict=True):
        if extra in (ALPHA, ALPHA_ASSOCIATED):
            return _scaled_indexes(band, picture) if picture.photometric == PALETTE else band
    if len(extras) != 1 or picture.photometric not in (GREY, GREY_INVERTED, RGB):
        return None
    return extras[0] if extras[0].getextrema() != (0, 0) else None


def _scaled_indexes(band: Image.Image, picture: Picture) -> Image.Image:
    """Alpha beside a palette, whose samples are all read as indexes, from 0 to 255."""
    top = (1 << picture.bits) - 1
    return band.point([(value & top) * 255 // top for value in range(256)])


def _unmultiplied(band: Image.Image, alpha: Image.Image) -> Image.Image:
    """A colour before it was multiplied by alpha."""
    return Image.merge("La", (band, alpha)).convert("LA").getchannel("L")


def _coloured(bands: list[Image.Image], picture: Picture) -> Image.Image:
    """The colours as L, P, RGB, CMYK or LAB."""
    photometric, first = picture.photometric, bands[0]
    if photometric == PALETTE:
        return _with_palette(first, picture)
    if first.mode == "F":
        first = float_to_8_bits(first, whole=picture.format != FLOAT)
    if photometric == GREY_INVERTED:
        return ImageChops.invert(first)
    if photometric == LAB:  # where a* and b* are signed; in Pillow they begin at 128, as in ICC's
        bands[1:] = [band.point([value ^ 128 for value in range(256)]) for band in bands[1:]]
    if photometric in (GREY, GREY_INVERTED):
        return first
    image = Image.merge(_MODES[photometric], bands)
    return image.convert("RGB") if photometric == YCBCR else image


def _with_palette(indexes: Image.Image, picture: Picture) -> Image.Image:
    """Raises ValueError if the colour map is too short."""
    size = 1 << picture.bits
    values = picture.directory.numbers(_COLOUR_MAP, 3 << _MAX_INDEX_BITS)[: 3 * size]
    if len(values) < 3 * size:
        raise ValueError("a colour map that is too short")
    # libtiff's rule: where none is above 255, the writer took them for 8 bits.
    shift = 8 if max(values) > 255 else 0
    colours = zip(*(values[n * size : (n + 1) * size] for n in range(3)), strict=True)
    image = indexes.point([value & size - 1 for value in range(256)])
    image.putpalette(bytes(value >> shift for colour in colours for value in colour))
    return image
