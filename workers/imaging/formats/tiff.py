"""The size of a TIFF, and whether what its first directory asks for is read and bounded.

TIFF 6.0 (Adobe, 1992), section 2, and BigTIFF, whose counts and offsets have 64 bits.
"""

import struct
from collections.abc import Iterator
from typing import NamedTuple

from shared.errors import UnsupportedImageError

# What scanners, cameras and editors write: none, CCITT's three, LZW, JPEG, Deflate by both of its
# numbers, PackBits. Each other is one more decoder that hostile files would reach, and no browser
# or camera asks for it: JPEG as it was before 1995, LZMA, Zstandard, WebP, SGI's, ThunderScan.
_PACKINGS = {1, 2, 3, 4, 5, 7, 8, 32773, 32946}

# libtiff writes a line to stderr for each row of these that is damaged: of a million rows 61 MB.
_FAXES = (2, 3, 4)
_MAX_FAX_ROWS = 65_535

_WIDTH, _HEIGHT, _PACKING = 256, 257, 259
_STRIPS, _TILES, _TILE_WIDTH, _TILE_HEIGHT = 273, 324, 322, 323
_SIDES = (_WIDTH, _HEIGHT, _TILE_WIDTH, _TILE_HEIGHT)
_SHORT, _LONG, _LONG8 = 3, 4, 16

# Pillow reads each in Python, in some 5 µs. A raw photograph or a map has 100 tags; 16,384 rows in
# strips of one, or 100 megapixels in tiles of 64 x 64, make 25,000 pieces.
_MAX_TAGS = 4_096
_MAX_PIECES = 65_536
_MAX_FRAMES = 100_000  # counting stops here; far above any limit worth setting


class _Entry(NamedTuple):
    """A tag, how many values it has, and the first, 0 if that is no whole number of 16 bits."""

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


def measure(data: bytes, width: int, height: int) -> tuple[int, int, int]:
    """Width, height and frames: of what is given and of a tile the larger, and the chain's length.

    A tile is decoded whole, and one far larger than its picture is a bomb. Raises
    UnsupportedImageError for a packing that is not read, and ValueError, IndexError or
    struct.error where the first directory breaks off or goes on without end.
    """
    big = data[2:4] in (b"+\0", b"\0+")
    order = "<" if data[:2] == b"II" else ">"
    layout = _Layout(order, *(struct.Struct(order + code) for code in ("QQ" if big else "HI")))
    seen: set[int] = set()
    at = layout.offsets.unpack_from(data, 8 if big else 4)[0]
    while at and at not in seen and at + layout.counts.size <= len(data):
        first = at + layout.counts.size
        behind = first + layout.counts.unpack_from(data, at)[0] * layout.entry_size
        if behind > len(data) or len(seen) == _MAX_FRAMES:
            break
        if not seen:
            wide, high = _first(data, range(first, behind, layout.entry_size), layout)
            width, height = max(width, wide), max(height, high)
        seen.add(at)
        whole = behind + layout.offsets.size <= len(data)
        at = layout.offsets.unpack_from(data, behind)[0] if whole else 0
    return width, height, len(seen)


def _first(data: bytes, starts: range, layout: _Layout) -> tuple[int, int]:
    """The largest sides that the first directory names, once it is found to be bounded."""
    if len(starts) > _MAX_TAGS:
        raise ValueError("too many tags")
    sides = dict.fromkeys(_SIDES, 0)
    fax = False
    for tag, values, value in _entries(data, starts, layout):
        if tag == _PACKING and value not in _PACKINGS:
            raise UnsupportedImageError(
                "This TIFF is packed in a way that is not read; "
                "none, CCITT, LZW, JPEG, Deflate and PackBits are"
            )
        fax = fax or (tag == _PACKING and value in _FAXES)
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
