"""The chunks that a PNG is made of: PNG, third edition, section 5."""

import struct
import zlib
from collections.abc import Iterator

SIGNATURE = b"\x89PNG\r\n\x1a\n"

# Pillow takes 8 µs per chunk. A PNG of 20 MB whose encoder writes chunks of 512 bytes has 40,000.
MAX_CHUNKS = 50_000

_HEADER, _CHECKSUM = 8, 4  # bytes: length and type before the body, CRC-32 behind it
FRAMING = _HEADER + _CHECKSUM


# Name, offset of the length field, offset after the checksum. The end comes from the length field,
# so in a truncated file it is past the data. A tuple, since a class would double a walk's time.
Chunk = tuple[bytes, int, int]


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
        end = at + FRAMING + length
        yield name, at, end
        if name == b"IEND":
            return
        at = end
    raise ValueError("too many chunks")


def whole_chunks(data: bytes) -> Iterator[Chunk]:
    """Each chunk as `chunks` returns it; ValueError where one is cut short or IEND is missing."""
    name = b""
    for name, start, end in chunks(data):
        if end > len(data):
            raise ValueError("cut short")
        yield name, start, end
    if name != b"IEND":
        raise ValueError("no end")


def body(data: bytes, start: int, end: int) -> bytes:
    """The body of the chunk at these offsets."""
    return data[start + _HEADER : end - _CHECKSUM]


def is_intact(data: bytes, start: int, end: int) -> bool:
    """Whether the type and body of a whole chunk match its checksum (section 5.5)."""
    found = zlib.crc32(data[start + 4 : end - _CHECKSUM])
    return found == int.from_bytes(data[end - _CHECKSUM : end], "big")
