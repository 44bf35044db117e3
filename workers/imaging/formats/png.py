"""The size and the alpha of a PNG: PNG, third edition."""

import struct

from shared.png_chunks import chunks
from workers.imaging.formats.measured import Measured

_HEADER = b"IHDR"
_HEADER_END = 26  # offset behind the colour type
_CHANNELS = {0: 1, 2: 3, 3: 1, 4: 2, 6: 4}  # of a colour type, 11.2.1
_WITH_ALPHA = (4, 6)  # colour types, section 11.2.1

# Of each Adam7 pass: first column and row, and the steps between columns and rows, 8.1.
_ADAM7 = (
    (0, 0, 8, 8),
    (4, 0, 8, 8),
    (0, 4, 4, 8),
    (2, 0, 4, 4),
    (0, 2, 2, 4),
    (1, 0, 2, 2),
    (0, 1, 1, 2),
)


def measure(data: bytes) -> Measured:
    """The size in IHDR, and the frames that acTL counts, which comes before any pixels.

    A file that is cut short behind its first pixels is measured, since only its decoder knows
    whether they are enough. Raises ValueError or struct.error for one that is cut short before.
    """
    if data[12:16] != _HEADER or len(data) < _HEADER_END:
        raise ValueError("no header")
    width, height = struct.unpack_from(">II", data, 16)
    frames, has_pixels, name = 1, False, b""
    for name, start, _ in chunks(data):
        if name == b"acTL" and not has_pixels:
            frames = max(1, struct.unpack_from(">I", data, start + 8)[0])
        has_pixels = has_pixels or name == b"IDAT"
    if not has_pixels and name != b"IEND":
        raise ValueError("cut short before the pixels")
    return Measured(width, height, frames)


def has_alpha(data: bytes) -> bool:
    """Whether the image may be transparent: by the colour type, or by tRNS before the pixels."""
    return data[25] in _WITH_ALPHA or b"tRNS" in data[: data.find(b"IDAT") + 1]


def raw_length(header: bytes) -> int:
    """Bytes of the filtered rows, 7.2: per row a filter byte and its pixels.

    header: the body of IHDR.
    """
    width, height, bits, colour, _, _, interlaced = struct.unpack(">IIBBBBB", header)
    passes = _ADAM7 if interlaced else ((0, 0, 1, 1),)
    total = 0
    for left, top, across, down in passes:
        columns, rows = -(-(width - left) // across), -(-(height - top) // down)
        if columns > 0 and rows > 0:
            total += rows * (1 + (columns * bits * _CHANNELS[colour] + 7) // 8)
    return total
