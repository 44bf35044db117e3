"""The bytes of a PNG's filtered rows, by its header and in its stream: third edition, section 7."""

import struct
import zlib
from typing import NamedTuple

_CHANNELS = {0: 1, 2: 3, 3: 1, 4: 2, 6: 4}  # of a colour type, 11.2.1

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

# Bytes that are read, and inflated and dropped, at a time: a bomb needs no memory, and zlib copies
# what it has not read yet.
_PIECE = 1 << 16


class Inflated(NamedTuple):
    """length: of what came out. used: bytes of the stream. ended: whether the stream is whole."""

    length: int
    used: int
    ended: bool


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


def inflated(stream: bytes, enough: int) -> Inflated:
    """Inflates a zlib stream to count its bytes, to its end or until there are `enough`.

    Raises ValueError if it is damaged.
    """
    inflating = zlib.decompressobj()
    length = given = 0
    rest = b""
    try:
        while length < enough and not inflating.eof:
            if not rest:
                rest = stream[given : given + _PIECE]
                given += len(rest)
            if not rest:
                length += len(inflating.flush())
                break
            length += len(inflating.decompress(rest, _PIECE))
            rest = inflating.unconsumed_tail
    except zlib.error as error:
        raise ValueError("damaged") from error
    return Inflated(length, given - len(inflating.unused_data), inflating.eof)
