"""PNG, third edition: the chunks that hold pixels."""

import struct
import zlib

from shared.png_chunks import SIGNATURE, body, whole_chunks
from workers.imaging.formats.png_rows import inflated, raw_length

_KEPT = (b"IHDR", b"PLTE", b"tRNS", b"IDAT", b"IEND")
_ANIMATION = (b"acTL", b"fcTL", b"fdAT")  # 11.3.6; an animation is more than its first picture

# 11.3.2.6: primaries and transfer of sRGB, RGB in full range. Any other is a profile in four bytes,
# and browsers apply it.
_SRGB_CODES = b"\1\x0d\0\1"

_PALETTE = 3
_TRANSPARENCY = {0: (2,), 2: (6,), _PALETTE: range(1, 257)}  # bytes of tRNS, 11.3.1.1


def strip(data: bytes) -> bytes:
    """IHDR, PLTE, tRNS, IDAT and IEND, each once; ValueError where these are not the picture.

    The compressed pixels are inflated once to count them: neither behind the stream nor in it may
    be more than the picture needs, or it could carry anything.
    """
    found: dict[bytes, list[bytes]] = {}
    for name, start, end in whole_chunks(data):
        if name in _ANIMATION or (name == b"cICP" and body(data, start, end) != _SRGB_CODES):
            raise ValueError("more than one picture, or colours of another space")
        if name in _KEPT:
            found.setdefault(name, []).append(body(data, start, end))
        elif not name[0] & 0x20:
            raise ValueError("a critical chunk that is unknown")
    if any(len(bodies) > 1 for name, bodies in found.items() if name != b"IDAT"):
        raise ValueError("one chunk too many")
    header = found[b"IHDR"][0]
    colour = struct.unpack(">IIBBBBB", header)[3]
    out = [SIGNATURE, _chunk(b"IHDR", header)]
    if colour == _PALETTE:  # for other colour types a palette is only a suggestion
        out.append(_chunk(b"PLTE", found[b"PLTE"][0]))
    clear = found.get(b"tRNS", [b""])[0]
    if len(clear) in _TRANSPARENCY.get(colour, ()):
        out.append(_chunk(b"tRNS", clear))
    pixels = _exactly(b"".join(found[b"IDAT"]), raw_length(header))
    return b"".join((*out, _chunk(b"IDAT", pixels), _chunk(b"IEND", b"")))


def depth(data: bytes) -> int:
    """Bits per channel, 1 to 16, by the header; `data` is a PNG that decodes."""
    return data[24]


def _chunk(name: bytes, content: bytes) -> bytes:
    checksum = zlib.crc32(content, zlib.crc32(name))
    return struct.pack(">I4s", len(content), name) + content + struct.pack(">I", checksum)


def _exactly(stream: bytes, length: int) -> bytes:
    """The zlib stream without what follows it; ValueError unless it inflates to that length."""
    found = inflated(stream, length + 1)
    if not found.ended or found.length != length:
        raise ValueError("not as many pixels as the header says, or cut short")
    return stream[: found.used]
