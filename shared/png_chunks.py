"""The chunks that a PNG is made of: PNG, third edition, section 5."""

import struct
import zlib
from collections.abc import Iterator
from typing import NamedTuple

SIGNATURE = b"\x89PNG\r\n\x1a\n"

# Pillow takes 8 µs per chunk. A PNG of 20 MB whose encoder writes chunks of 512 bytes has 40,000.
MAX_CHUNKS = 50_000

_HEADER, _CHECKSUM = 8, 4  # bytes: length and type before the body, CRC-32 behind it


class Chunk(NamedTuple):
    """One chunk. start: offset of its length field; end: offset behind its checksum.

    `end` is what the length field says: in a file that is cut short it lies behind the data.
    """

    name: bytes
    start: int
    end: int

    @property
    def length(self) -> int:
        """Bytes of its body."""
        return self.end - self.start - _HEADER - _CHECKSUM


def chunks(data: bytes) -> Iterator[Chunk]:
    """Each chunk up to IEND, or up to where no further header fits into the data.

    data: a file that begins with the signature. Checksums are not compared. Raises ValueError
    after `MAX_CHUNKS` chunks.
    """
    at = len(SIGNATURE)
    for _ in range(MAX_CHUNKS):
        if at + _HEADER > len(data):
            return
        length, name = struct.unpack_from(">I4s", data, at)
        end = at + _HEADER + length + _CHECKSUM
        yield Chunk(name, at, end)
        if name == b"IEND":
            return
        at = end
    raise ValueError("too many chunks")


def whole_chunks(data: bytes) -> Iterator[Chunk]:
    """Each chunk as `chunks` returns it; ValueError where one is cut short or IEND is missing."""
    name = b""
    for chunk in chunks(data):
        if chunk.end > len(data):
            raise ValueError("cut short")
        yield chunk
        name = chunk.name
    if name != b"IEND":
        raise ValueError("no end")


def body(data: bytes, chunk: Chunk) -> bytes:
    """What a chunk holds between its type and its checksum."""
    return data[chunk.start + _HEADER : chunk.end - _CHECKSUM]


def is_intact(data: bytes, chunk: Chunk) -> bool:
    """Whether a whole chunk's type and body match its checksum (section 5.5)."""
    body_end = chunk.end - _CHECKSUM
    found = zlib.crc32(memoryview(data)[chunk.start + 4 : body_end])
    return found == int.from_bytes(data[body_end : chunk.end], "big")
