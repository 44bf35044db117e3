"""JPEGs by hand: ITU-T T.81, with scans that cost a full pass and next to no bytes."""

import struct

from tests.workers.imaging.planting import segment

SOI, EOI = b"\xff\xd8", b"\xff\xd9"
_QUANTISATION = segment(0xDB, b"\0" + b"\1" * 64)
_ALL_BLOCKS = 0x7FFF  # the most blocks that one end-of-band run can pass over


def huffman(kind: int, *symbols: int) -> bytes:
    """A table with a code of eight bits, 0 and up, for each symbol; kind: 0x00 DC, 0x10 AC."""
    counts = bytearray(16)
    counts[7] = len(symbols)
    return segment(0xC4, bytes((kind,)) + counts + bytes(symbols))


def frame(marker: int, width: int, height: int, components: int = 1) -> bytes:
    """SOF of 8 bits without subsampling."""
    each = b"".join(bytes((1 + n, 0x11, 0)) for n in range(components))
    return segment(marker, struct.pack(">BHHB", 8, height, width, components) + each)


def scan(component: int, low: int, high: int, bits: bytes, step: int = 0) -> bytes:
    """One component's coefficients from low to high; step: Ah and Al of section G.1.1.1.2."""
    return segment(0xDA, bytes((1, 1 + component, 0, low, high, step))) + bits


def passing(side: int) -> bytes:
    """Entropy-coded bits of a band in which no block of a square picture has anything."""
    left = (side // 8) ** 2
    bits = ""
    while left:  # EOB14: 16,384 and a number of 14 bits, section G.1.2.2
        run = min(left, _ALL_BLOCKS)
        size = run.bit_length() - 1
        bits += f"{size:08b}" + (f"{run - (1 << size):0{size}b}" if size else "")
        left -= run
    bits += "1" * (-len(bits) % 8)
    return int(bits, 2).to_bytes(len(bits) // 8, "big").replace(b"\xff", b"\xff\0")


def progressive(side: int, scans: int) -> bytes:
    """A grey square whose every scan refines all coefficients of all blocks by nothing."""
    tables = huffman(0, 0) + huffman(0x10, *(size << 4 for size in range(15)))
    head = SOI + _QUANTISATION + frame(0xC2, side, side) + tables
    flat = bytes((side // 8) ** 2)  # a code of eight zeros a block: no difference
    return head + scan(0, 0, 0, flat) + scan(0, 1, 63, passing(side), 0x10) * scans + EOI


def sequential(side: int, scans: int) -> bytes:
    """A picture of three components in scans of one, each scan again and again."""
    tables = huffman(0, 0) + huffman(0x10, 0)
    head = SOI + _QUANTISATION + frame(0xC0, side, side, 3) + tables
    flat = bytes(2 * (side // 8) ** 2)  # no difference, and end of block
    return head + b"".join(scan(n % 3, 0, 63, flat) for n in range(scans)) + EOI
