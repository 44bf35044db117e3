"""The size of a TIFF, and whether what its first directory asks for is supported and bounded.

TIFF 6.0 (Adobe, 1992), section 2, and BigTIFF, whose counts and offsets have 64 bits.
"""

import struct
from collections.abc import Iterator
from typing import NamedTuple

from shared.errors import UnsupportedImageError
from workers.imaging.formats.measured import MAX_FRAMES, Measured

# What scanners, cameras and editors write: none, CCITT's three, LZW, JPEG, Deflate by both of its
# numbers, PackBits. Any other is one more decoder that hostile files would reach, and no browser
# or camera needs it: JPEG as it was before 1995, LZMA, Zstandard, WebP, SGI's, ThunderScan.
_COMPRESSIONS = {1, 2, 3, 4, 5, 7, 8, 32773, 32946}

# libtiff writes a line to stderr for each damaged row of these: 61 MB for a million rows.
_FAXES = (2, 3, 4)
_MAX_FAX_ROWS = 65_535

_WIDTH, _HEIGHT, _COMPRESSION = 256, 257, 259
_STRIPS, _TILES, _TILE_WIDTH, _TILE_HEIGHT = 273, 324, 322, 323
_SIDES = (_WIDTH, _HEIGHT, _TILE_WIDTH, _TILE_HEIGHT)
_SHORT, _LONG, _LONG8 = 3, 4, 16

# Pillow reads each in Python, in some 5 µs. A raw photograph or a map has 100 tags; 16,384 rows in
# strips of one have 16,384 pieces, 100 megapixels in tiles of 64 x 64 have 25,000.
_MAX_TAGS = 4_096
_MAX_PIECES = 65_536


class _Entry(NamedTuple):
    """A tag, how many values it has, and the first; 0 if that is no integer of 16 bits or more."""

    tag: int
    values: int
    value: int


class _Layout(NamedTuple):
    """How numbers are stored: byte order, and the structs of counts and of offsets."""

    order: str
    counts: struct.Struct
    offsets: struct.Struct

    @property
    def entry_size(self) -> int:
        return 4 + 2 * self.offsets.size


def measure(data: bytes) -> Measured:
    """The larger of the picture and its tiles, and the number of directories in the chain.

    A tile is decoded whole, and one far larger than its picture is a bomb. Raises
    UnsupportedImageError for a compression that is not supported, and ValueError, IndexError or
    struct.error where the first directory breaks off or goes on without end.
    """
    big = data[2:4] in (b"+\0", b"\0+")
    order = "<" if data[:2] == b"II" else ">"
    layout = _Layout(order, *(struct.Struct(order + code) for code in ("QQ" if big else "HI")))
    seen: set[int] = set()
    width = height = 0
    at = layout.offsets.unpack_from(data, 8 if big else 4)[0]
    while at and at not in seen and at + layout.counts.size <= len(data):
        first = at + layout.counts.size
        behind = first + layout.counts.unpack_from(data, at)[0] * layout.entry_size
        if behind > len(data) or len(seen) == MAX_FRAMES:
            break
        if not seen:
            width, height = _first(data, range(first, behind, layout.entry_size), layout)
        seen.add(at)
        whole = behind + layout.offsets.size <= len(data)
        at = layout.offsets.unpack_from(data, behind)[0] if whole else 0
    return Measured(width, height, len(seen))


def _first(data: bytes, starts: range, layout: _Layout) -> tuple[int, int]:
    """The largest sides that the first directory names; ValueError if it asks for too much."""
    if len(starts) > _MAX_TAGS:
        raise ValueError("too many tags")
    sides = dict.fromkeys(_SIDES, 0)
    fax = False
    for tag, values, value in _entries(data, starts, layout):
        if tag == _COMPRESSION and value not in _COMPRESSIONS:
            raise UnsupportedImageError(
                "This TIFF has a compression that is not supported. Supported are no compression, "
                "CCITT, LZW, JPEG, Deflate and PackBits"
            )
        fax = fax or (tag == _COMPRESSION and value in _FAXES)
        if tag in (_STRIPS, _TILES) and values > _MAX_PIECES:
            raise ValueError("too many strips or tiles")
        if tag in sides:
            sides[tag] = max(sides[tag], value)
    if fax and sides[_HEIGHT] > _MAX_FAX_ROWS:
        raise ValueError("too many rows of a fax")
    return max(sides[_WIDTH], sides[_TILE_WIDTH]), max(sides[_HEIGHT], sides[_TILE_HEIGHT])


def _entries(data: bytes, starts: range, layout: _Layout) -> Iterator[_Entry]:
    for at in starts:
        tag, kind = struct.unpack_from(layout.order + "HH", data, at)
        count = layout.offsets.unpack_from(data, at + 4)[0]
        field = at + 4 + layout.offsets.size
        value = 0
        if kind == _SHORT:
            value = struct.unpack_from(layout.order + "H", data, field)[0]
        elif kind in (_LONG, _LONG8):
            value = layout.offsets.unpack_from(data, field)[0]
        yield _Entry(tag, count, value)
