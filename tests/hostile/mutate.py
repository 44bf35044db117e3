"""Files broken at random, by what breaks decoders: lengths, order, ends, and parts of others."""

import re
import struct
import zlib
from collections.abc import Callable, Iterator
from itertools import pairwise
from random import Random

Span = tuple[int, int]  # start and end of a part

_NUMBERS = (0, 1, 2, 0x7F, 0x80, 0xFF, 0x7FFF, 0x8000, 0xFFFF, 0x7FFFFFFF, 0x80000000, 0xFFFFFFFF)
_MOST_MUTATIONS = 4
_MOST_BYTES = 200_000  # of a broken file; cost has tests of its own
_PNG, _MARKER = b"\x89PNG\r\n\x1a\n", re.compile(rb"\xff[\x01-\xfe]")


def broken(random: Random, files: list[bytes]) -> bytes:
    """One of the files with one to four things wrong with it, most often in its front."""
    data = random.choice(files)
    for _ in range(random.randint(1, _MOST_MUTATIONS)):
        data = random.choice(_MUTATIONS)(random, data, random.choice(files))
    if random.random() < 0.7:  # or nothing behind a checksum would ever be reached
        data = repaired(data)
    return data[:_MOST_BYTES]


def repaired(data: bytes) -> bytes:
    """A PNG with right checksums and a RIFF with its right length; others as they are."""
    if data[:4] == b"RIFF":
        return data[:4] + struct.pack("<I", max(0, len(data) - 8)) + data[8:]
    if data[:8] != _PNG:
        return data
    out = bytearray(data)
    for start, end in _chunks_of_png(data):
        struct.pack_into(">I", out, end - 4, zlib.crc32(data[start + 4 : end - 4]))
    return bytes(out)


def parts(data: bytes) -> list[Span]:
    """The chunks, boxes or segments that a file is made of; none for GIF, TIFF and BMP."""
    if data[:8] == _PNG:
        return list(_chunks_of_png(data))
    if data[:4] == b"RIFF":
        return list(_chunks_of_riff(data))
    if data[4:8] == b"ftyp":
        return list(_boxes(data, 0, len(data)))
    if data[:2] == b"\xff\xd8":
        starts = [found.start() for found in _MARKER.finditer(data)][:200]
        return list(pairwise(starts))
    return []


def _chunks_of_png(data: bytes) -> Iterator[Span]:
    at = 8
    while at + 12 <= len(data):
        end = at + 12 + struct.unpack_from(">I", data, at)[0]
        if end > len(data):
            return
        yield at, end
        at = end


def _chunks_of_riff(data: bytes) -> Iterator[Span]:
    at = 12
    while at + 8 <= len(data):
        length = struct.unpack_from("<I", data, at + 4)[0]
        yield at, min(len(data), at + 8 + length + (length & 1))
        at += 8 + length + (length & 1)


def _boxes(data: bytes, at: int, end: int) -> Iterator[Span]:
    """Boxes, and those within meta, iprp and its like: whatever looks like a box."""
    while at + 8 <= end:
        length, name = struct.unpack_from(">I4s", data, at)
        if length < 8 or at + length > end:
            return
        yield at, at + length
        head = {b"meta": 12, b"iprp": 8, b"ipco": 8, b"iinf": 14, b"iref": 12, b"moov": 8}.get(name)
        if head:
            yield from _boxes(data, at + head, at + length)
        at += length


def _place(random: Random, data: bytes) -> int:
    """Somewhere, every other time in the first 200 bytes."""
    near = random.random() < 0.5
    return random.randrange(max(1, min(len(data), 200) if near else len(data)))


def _flip(random: Random, data: bytes, _: bytes) -> bytes:
    out = bytearray(data)
    for _n in range(random.randint(1, 8)):
        if out:
            out[_place(random, data)] ^= 1 << random.randrange(8)
    return bytes(out)


def _number(random: Random, data: bytes, _: bytes) -> bytes:
    """Another number in place of one of 1, 2, 4 or 8 bytes: an extreme, or one nearby."""
    size, order = random.choice((1, 2, 4, 8)), random.choice(("big", "little"))
    at = _place(random, data)
    now = int.from_bytes(data[at : at + size], order)  # type: ignore[arg-type] # one of the two
    other = random.choice(_NUMBERS) if random.random() < 0.6 else now + random.randint(-16, 16)
    raw = (other % (1 << 8 * size)).to_bytes(size, order)  # type: ignore[arg-type] # as above
    return data[:at] + raw + data[at + size :]


def _cut(random: Random, data: bytes, _: bytes) -> bytes:
    return data[: _place(random, data)] if random.random() < 0.3 else data[: -random.randint(1, 99)]


def _drop(random: Random, data: bytes, _: bytes) -> bytes:
    at = _place(random, data)
    return data[:at] + data[at + random.randint(1, 64) :]


def _repeat(random: Random, data: bytes, _: bytes) -> bytes:
    at, length = _place(random, data), random.randint(1, 64)
    return data[:at] + data[at : at + length] * random.choice((2, 3, 50)) + data[at + length :]


def _noise(random: Random, data: bytes, _: bytes) -> bytes:
    at, length = _place(random, data), random.randint(1, 32)
    over = random.choice((0, length))
    return data[:at] + random.randbytes(length) + data[at + over :]


def _splice(random: Random, data: bytes, other: bytes) -> bytes:
    return data[: _place(random, data)] + other[_place(random, other) :]


def _graft(random: Random, data: bytes, other: bytes) -> bytes:
    """A part of another file, or of this, before, behind or in place of a part."""
    mine, theirs = parts(data), parts(other)
    if not mine or not theirs:
        return _splice(random, data, other)
    source, spans = random.choice(((data, mine), (other, theirs)))
    low, high = random.choice(spans)
    start, end = random.choice(mine)
    return data[:start] + source[low:high] + data[random.choice((start, end)) :]


def _swap(random: Random, data: bytes, _: bytes) -> bytes:
    mine = parts(data)
    if len(mine) < 2:
        return data
    (a, b), (c, d) = sorted(random.sample(mine, 2))
    return data if b > c else data[:a] + data[c:d] + data[b:c] + data[a:b] + data[d:]


def _lose(random: Random, data: bytes, _: bytes) -> bytes:
    mine = parts(data)
    if not mine:
        return data
    start, end = random.choice(mine)
    return data[:start] + data[end:]


_MUTATIONS: tuple[Callable[[Random, bytes, bytes], bytes], ...] = (
    _flip,
    _flip,
    _number,
    _number,
    _number,
    _cut,
    _drop,
    _repeat,
    _noise,
    _splice,
    _graft,
    _swap,
    _lose,
)
