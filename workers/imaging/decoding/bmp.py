"""Bitmaps of every kind, as browsers show them. Pillow knows only some masks, and no alpha in V5.

The rows are unpacked by Pillow's raw decoder, channels by its tables.
"""

from functools import lru_cache

from PIL import Image

from shared.errors import UnsupportedImageError
from workers.imaging.colour.profile import MAX_BYTES
from workers.imaging.decoding.bmp_runs import unpacked
from workers.imaging.formats.bmp import (
    ALPHA_BIT_FIELDS,
    BIT_FIELDS,
    RGB,
    RLE4,
    RLE8,
    Header,
    header,
)

_RAW_MODES = {1: ("P", "P;1"), 2: ("P", "P;2"), 4: ("P", "P;4"), 8: ("P", "P"), 24: ("RGB", "BGR")}
_DEPTHS = {
    RGB: (1, 2, 4, 8, 16, 24, 32),
    RLE8: (8,),
    RLE4: (4,),
    BIT_FIELDS: (16, 24, 32),
    ALPHA_BIT_FIELDS: (16, 24, 32),
}

# Pixels that are split into channels at a time, which takes 12 bytes for each. Fewer rows would be
# slow in narrow pictures: Pillow takes 10 ms for each table.
_BAND_PIXELS = 1_000_000

_UPWARDS = -1  # orientation of the raw decoder
_WINDOW = 16  # bits of a pixel that a channel is looked up by


def open_bmp(data: bytes) -> Image.Image:
    """The decoded picture: P, RGB or RGBA, with an embedded profile in its `info`.

    Pixels that run-length encoding passes over are transparent. Raises ValueError or struct.error
    for damage, and UnsupportedImageError for a JPEG, PNG or fax inside a bitmap.
    """
    head = header(data)
    if head.bits not in _DEPTHS.get(head.packing, ()):
        raise UnsupportedImageError(
            f"This BMP image is packed in a way that is not supported "
            f"({head.bits} bits, compression {head.packing})"
        )
    if head.packing in (RLE8, RLE4):
        image = _from_runs(data, head)
    elif len(data) - head.pixels_at < head.height * _stride(head) - _filling(head):
        raise ValueError("cut short")
    elif head.bits in _RAW_MODES:
        image = _rows(data, head, *_RAW_MODES[head.bits], 0, head.height)
    else:
        image = _from_masks(data, head)
    if image.mode == "P":
        image.putpalette(_palette(data, head))
    at, length = head.profile
    if 0 < length <= MAX_BYTES:
        image.info["icc_profile"] = data[at : at + length]
    return image


def _palette(data: bytes, head: Header) -> bytes:
    """256 colours of red, green and blue; what is missing is black, as in browsers."""
    at, length = head.palette
    stored, step = data[at : at + length], head.colour_bytes
    colours = (stored[start : start + 3][::-1] for start in range(0, len(stored) - 2, step))
    return b"".join(colours).ljust(3 * 256, b"\0")


def _stride(head: Header) -> int:
    """Bytes of a row with what fills it up to whole words of 32 bits."""
    return (head.width * head.bits + 31) // 32 * 4


def _filling(head: Header) -> int:
    return _stride(head) - (head.width * head.bits + 7) // 8


def _rows(
    data: bytes, head: Header, mode: str, raw_mode: str, top: int, height: int
) -> Image.Image:
    """Rows of the picture from `top` on; the file may lack what fills up its last row."""
    stride = _stride(head)
    first = top if head.top_down else head.height - top - height
    start = head.pixels_at + first * stride
    rows = memoryview(data)[start : start + height * stride]
    whole = rows if len(rows) == height * stride else bytes(rows).ljust(height * stride, b"\0")
    orientation = 1 if head.top_down else _UPWARDS
    return Image.frombytes(mode, (head.width, height), whole, "raw", raw_mode, stride, orientation)


def _from_runs(data: bytes, head: Header) -> Image.Image:
    pixels, drawn = unpacked(data[head.pixels_at :], head)
    size, orientation = (head.width, head.height), 1 if head.top_down else _UPWARDS
    image = Image.frombytes("P", size, pixels, "raw", "P", 0, orientation)
    if 0 not in drawn:
        return image
    image.putpalette(_palette(data, head))
    image = image.convert("RGB")
    image.putalpha(Image.frombytes("L", size, drawn, "raw", "L", 0, orientation))
    return image


def _from_masks(data: bytes, head: Header) -> Image.Image:
    masks = [mask & (1 << head.bits) - 1 for mask in head.masks]
    channels = masks if masks[3] else masks[:3]
    image = Image.new("RGBA" if masks[3] else "RGB", (head.width, head.height))
    band_rows = max(1, _BAND_PIXELS // head.width)
    for top in range(0, head.height, band_rows):
        rows = min(band_rows, head.height - top)
        words = _words(data, head, top, rows)
        band = Image.merge(image.mode, [_channel(words, mask) for mask in channels])
        image.paste(band, (0, top))
    if masks[3] and head.packing == RGB and image.getchannel("A").getextrema() == (0, 0):
        return image.convert("RGB")  # the header is one with a mask of alpha, the pixels have none
    return image


def _words(data: bytes, head: Header, top: int, rows: int) -> list[Image.Image]:
    """The bytes of pixels as channels, the lowest first."""
    mode, raw_mode = ("LA", "LA") if head.bits == 16 else ("RGBA", "RGBA")
    return list(_rows(data, head, mode, raw_mode, top, rows).split())


def _channel(words: list[Image.Image], mask: int) -> Image.Image:
    """The bits of a mask scaled to 8; of more than 9 bits the lowest may not count.

    Raises ValueError for a mask with a gap.
    """
    if not mask:
        return Image.new("L", words[0].size)
    shift = (mask & -mask).bit_length() - 1
    count = mask.bit_length() - shift
    if mask >> shift != (1 << count) - 1:
        raise ValueError("a mask with a gap")
    if count == 8 and shift % 8 == 0:
        return words[shift // 8]
    low = max(0, (mask.bit_length() - 1) // 8 - 1)
    pair = Image.merge("LA", words[low : low + 2])
    window = Image.frombytes("I", pair.size, pair.tobytes(), "raw", "I;16")
    in_window = mask >> 8 * low
    return window.point(_table(in_window), "L")


@lru_cache(maxsize=8)
def _table(mask: int) -> list[int]:
    """The level, 0 to 255, of each value of 16 bits."""
    shift = (mask & -mask).bit_length() - 1
    top = mask >> shift
    levels = ((2 * 255 * value + top) // (2 * top) for value in range(top + 1))
    below = [level for level in levels for _ in range(1 << shift)]  # whatever the lower bits are
    return below * ((1 << _WINDOW) // len(below))
