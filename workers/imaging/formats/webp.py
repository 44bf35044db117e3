"""The size and the alpha of a WebP: RFC 9649."""

import struct

from workers.imaging.formats.measured import MAX_FRAMES, Measured
from workers.imaging.formats.riff import chunks

_SIZED = (b"VP8X", b"ANMF", b"VP8L", b"VP8 ")  # the chunks that name a size
_ALPHA = 0x10  # in the first byte of VP8X (section 2.7), and in the fifth of VP8L (section 3.4)
_ANIMATION = 0x02  # in the first byte of VP8X


def measure(data: bytes) -> Measured:
    """The largest size that the canvas, a frame or a bitstream names.

    A decoder may allocate for any of them. Raises ValueError or struct.error where none names a
    size or one that does breaks off.
    """
    sizes = []
    frames = 0
    for name, start, _ in chunks(data, into_frames=True):
        if name in _SIZED:
            sizes.append(_size(data, name, start))
        if name == b"ANMF":
            frames += 1
            if frames == MAX_FRAMES:
                break
    width, height = max(wide for wide, _ in sizes), max(high for _, high in sizes)
    return Measured(width, height, max(1, frames), composed=is_animation(data))


def _size(data: bytes, name: bytes, at: int) -> tuple[int, int]:
    """Width and height that a chunk with its body at this offset names."""
    if name == b"VP8X":
        return _u24(data, at + 4) + 1, _u24(data, at + 7) + 1
    if name == b"ANMF":
        return _u24(data, at + 6) + 1, _u24(data, at + 9) + 1
    if name == b"VP8L":
        bits = struct.unpack_from("<I", data, at + 1)[0]
        return (bits & 0x3FFF) + 1, (bits >> 14 & 0x3FFF) + 1
    wide, high = struct.unpack_from("<HH", data, at + 6)  # of VP8
    return wide & 0x3FFF, high & 0x3FFF  # the upper two bits are a scale for display


def _u24(data: bytes, at: int) -> int:
    return int.from_bytes(data[at : at + 3], "little")


def has_alpha(data: bytes) -> bool:
    """Whether the image may be transparent: by VP8X's flags, or by a still's VP8L in any case."""
    if _flags(data) & (_ALPHA | _ANIMATION):
        return bool(_flags(data) & _ALPHA)
    first = next((start for name, start, _ in chunks(data) if name == b"VP8L"), None)
    return first is not None and bool(data[first + 4] & _ALPHA)


def picture_in(data: bytes) -> tuple[int, int]:
    """Where a still's pixels start and end: alpha, if VP8X announces it, and the bitstream.

    These are the chunks that libwebp's demuxer hands to its decoder. Raises ValueError where there
    are none.
    """
    first = None
    for name, start, end in chunks(data):
        if name == b"ALPH" and first is None and _flags(data) & _ALPHA:
            first = start
        elif name in (b"VP8 ", b"VP8L"):
            return (first or start) - 8, min(end + (end - start & 1), len(data))
    raise ValueError("no picture")


def is_animation(data: bytes) -> bool:
    """Whether it is made of frames on a canvas, of which there may be only one: by VP8X's flags."""
    return bool(_flags(data) & _ANIMATION)


def _flags(data: bytes) -> int:
    """Those of VP8X; none without it."""
    return data[20] if data[12:16] == b"VP8X" else 0
