"""The blocks of a GIF and its size: GIF89a, sections 18 to 27."""

import struct
from collections.abc import Iterator
from typing import NamedTuple

from workers.imaging.formats.measured import MAX_FRAMES, Measured

IMAGE, EXTENSION = 0x2C, 0x21  # the byte that a block begins with
_TRAILER = 0x3B
_SCREEN_END = 13  # offset behind the logical screen descriptor

# Blocks and sub-blocks in one file. A GIF of 20 MB in full sub-blocks has 80,000, and Pillow reads
# each again; 100,000 frames, where counting stops, have 200,000 at least.
MAX_BLOCKS = 300_000


class Block(NamedTuple):
    """An image or an extension. start: offset of its first byte, which is its `kind`.

    chain: offset of its sub-blocks, each a length and as many bytes; end: offset behind them.
    """

    kind: int
    start: int
    chain: int
    end: int


def blocks(data: bytes) -> Iterator[Block]:
    """Each block up to the trailer or the end of the data; a missing trailer is no damage.

    data: a file that begins with the signature. Raises ValueError for what is not a block and
    after `MAX_BLOCKS`, and IndexError where a block breaks off.
    """
    at = _SCREEN_END + table_size(data[10])
    left = MAX_BLOCKS
    while at < len(data) and data[at] != _TRAILER:
        start, kind = at, data[at]
        if kind == IMAGE:
            at += 11 + table_size(data[at + 9])  # with the byte that opens the LZW data
        elif kind == EXTENSION:
            at += 2
        else:
            raise ValueError("not a block")
        chain, length = at, 1
        while length:
            length = data[at]
            at += 1 + length
            left -= 1
            if left < 0:
                raise ValueError("too many blocks")
        yield Block(kind, start, chain, at)


def table_size(flags: int) -> int:
    """Bytes in the colour table that a descriptor's flags announce."""
    return 3 << (flags & 7) + 1 if flags & 0x80 else 0


def measure(data: bytes) -> Measured:
    """The logical screen, grown by each frame that reaches past it, as decoders grow it.

    Raises ValueError, IndexError or struct.error where a block is damaged or breaks off.
    """
    width, height = struct.unpack_from("<HH", data, 6)
    frames = 0
    for kind, start, _, _ in blocks(data):
        if kind == IMAGE:
            left, top, wide, high = struct.unpack_from("<HHHH", data, start + 1)
            width, height = max(width, left + wide), max(height, top + high)
            frames += 1
        if frames == MAX_FRAMES:
            break
    return Measured(width, height, frames)
