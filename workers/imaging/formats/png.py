"""The size and the alpha of a PNG: PNG, third edition."""

import struct

from shared.png_chunks import chunks
from workers.imaging.formats.measured import Measured

_HEADER = b"IHDR"
_HEADER_END = 26  # offset behind the colour type
_WITH_ALPHA = (4, 6)  # colour types, section 11.2.1


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
