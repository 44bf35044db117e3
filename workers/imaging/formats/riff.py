"""The chunks that a WebP is made of: RFC 9649, section 2.3."""

import struct
from collections.abc import Iterator

FIRST = 12  # offset of the first chunk, behind "RIFF", the file's length and "WEBP"
FRAME_HEADER = 16  # bytes of an ANMF body before the chunks of its frame

# 100,000 frames, where counting stops, have up to three chunks each: ANMF, ALPH and VP8.
MAX_CHUNKS = 300_000


# Name, offsets of the start and end of the body, without padding. The end comes from the length
# field, so in a truncated file it is past the data. A tuple, since a class would double a walk's
# time.
Chunk = tuple[bytes, int, int]


def chunk(name: bytes, body: bytes) -> bytes:
    """A chunk as it is written: padded to an even length."""
    return name + struct.pack("<I", len(body)) + body + bytes(len(body) & 1)


def chunks(
    data: bytes, start: int = FIRST, end: int | None = None, *, into_frames: bool = False
) -> Iterator[Chunk]:
    """Each chunk from start to end, or up to where no further header fits.

    into_frames: a frame (ANMF) is followed by the chunks in it, not by its next neighbour.
    Raises ValueError after `MAX_CHUNKS` chunks.
    """
    end = len(data) if end is None else end
    at = start
    for _ in range(MAX_CHUNKS):
        if at + 8 > end:
            return
        name, length = struct.unpack_from("<4sI", data, at)
        yield name, at + 8, at + 8 + length
        at += 8 + (FRAME_HEADER if into_frames and name == b"ANMF" else length + (length & 1))
    raise ValueError("too many chunks")


def whole_chunks(
    data: bytes, start: int = FIRST, end: int | None = None
) -> Iterator[tuple[bytes, bytes]]:
    """Name and body of each chunk from start to end; ValueError where one is cut short."""
    end = len(data) if end is None else end
    for name, body_start, body_end in chunks(data, start, end):
        if body_end > end:
            raise ValueError("cut short")
        yield name, data[body_start:body_end]
