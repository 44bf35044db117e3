"""PNG, third edition: the chunks that hold pixels."""

import struct
import zlib
from collections.abc import Iterator

_SIGNATURE = b"\x89PNG\r\n\x1a\n"
_KEPT = (b"IHDR", b"PLTE", b"tRNS", b"IDAT", b"IEND")
_ANIMATION = (b"acTL", b"fcTL", b"fdAT")  # 11.3.6; an animation is more than its first picture

# 11.3.2.6: primaries and transfer of sRGB, RGB in full range. Any other is a profile in a few
# bytes, and browsers go by it.
_SRGB_CODES = b"\1\x0d\0\1"

_CHANNELS = {0: 1, 2: 3, 3: 1, 4: 2, 6: 4}  # of a colour type, 11.2.1
_PALETTE = 3
_TRANSPARENCY = {0: (2,), 2: (6,), _PALETTE: range(1, 257)}  # bytes of tRNS, 11.3.1.1

# First column and row, and steps between columns and rows of Adam7's passes, 8.1.
_ADAM7 = (
    (0, 0, 8, 8),
    (4, 0, 8, 8),
    (0, 4, 4, 8),
    (2, 0, 4, 4),
    (0, 2, 2, 4),
    (1, 0, 2, 2),
    (0, 1, 1, 2),
)

_MAX_CHUNKS = 100_000  # a full 20 MB of empty ones would take seconds
_PIECE = 1 << 16  # bytes inflated and dropped at a time, so that a bomb needs no memory


def strip(data: bytes) -> bytes:
    """IHDR, PLTE, tRNS, IDAT and IEND, each once; ValueError where these are not the picture.

    The pixels' bytes are inflated once to count them: neither behind the compressed stream nor
    in it may stand more than the picture needs.
    """
    found: dict[bytes, list[bytes]] = {}
    for name, body in _chunks(data):
        if name in _ANIMATION or (name == b"cICP" and body != _SRGB_CODES):
            raise ValueError("more than one picture, or colours of another space")
        if name in _KEPT:
            found.setdefault(name, []).append(body)
        elif not name[0] & 0x20:
            raise ValueError("a critical chunk that is unknown")
    if any(len(bodies) > 1 for name, bodies in found.items() if name != b"IDAT"):
        raise ValueError("a chunk too many")
    header = found[b"IHDR"][0]
    colour = struct.unpack(">IIBBBBB", header)[3]
    out = [_SIGNATURE, _chunk(b"IHDR", header)]
    if colour == _PALETTE:  # elsewhere a palette is a mere suggestion
        out.append(_chunk(b"PLTE", found[b"PLTE"][0]))
    clear = found.get(b"tRNS", [b""])[0]
    if len(clear) in _TRANSPARENCY.get(colour, ()):
        out.append(_chunk(b"tRNS", clear))
    pixels = _exactly(b"".join(found[b"IDAT"]), _raw_length(header))
    return b"".join((*out, _chunk(b"IDAT", pixels), _chunk(b"IEND", b"")))


def depth(data: bytes) -> int:
    """Bits of a channel, 1 to 16, by the header; `data` is a PNG that decodes."""
    return data[24]


def _chunks(data: bytes) -> Iterator[tuple[bytes, bytes]]:
    """Type and body of each chunk to IEND; what follows is no part of the picture."""
    at = len(_SIGNATURE)
    for _ in range(_MAX_CHUNKS):
        length, name = struct.unpack_from(">I4s", data, at)
        start, at = at + 8, at + 12 + length
        if at > len(data):
            raise ValueError("cut short")
        yield name, data[start : at - 4]
        if name == b"IEND":
            return
    raise ValueError("too many chunks")


def _chunk(name: bytes, body: bytes) -> bytes:
    return struct.pack(">I4s", len(body), name) + body + struct.pack(">I", _crc(name, body))


def _crc(name: bytes, body: bytes) -> int:
    return zlib.crc32(body, zlib.crc32(name))


def _raw_length(header: bytes) -> int:
    """Bytes of the filtered rows, 7.2: each row a filter byte and its pixels."""
    width, height, bits, colour, _, _, interlaced = struct.unpack(">IIBBBBB", header)
    passes = _ADAM7 if interlaced else ((0, 0, 1, 1),)
    total = 0
    for left, top, across, down in passes:
        columns, rows = -(-(width - left) // across), -(-(height - top) // down)
        if columns > 0 and rows > 0:
            total += rows * (1 + (columns * bits * _CHANNELS[colour] + 7) // 8)
    return total


def _exactly(stream: bytes, length: int) -> bytes:
    """The zlib stream without what follows it; ValueError unless it inflates to that length."""
    inflating = zlib.decompressobj()
    left, given = length, 0
    rest = b""
    try:
        while not inflating.eof and left >= 0:
            if not rest:
                rest = stream[given : given + _PIECE]
                given += len(rest)
                if not rest:
                    raise ValueError("cut short")
            left -= len(inflating.decompress(rest, _PIECE))
            rest = inflating.unconsumed_tail
    except zlib.error as error:
        raise ValueError("damaged") from error
    if left:
        raise ValueError("not as many pixels as the header says")
    return stream[: given - len(inflating.unused_data)]
