"""WebP, RFC 9649: RIFF chunks, and frames that hold chunks of their own."""

import struct
from collections.abc import Iterator

from workers.imaging.formats.riff import FIRST, FRAME_HEADER, chunk, whole_chunks

_Chunk = tuple[bytes, bytes]  # name, body

_BITSTREAMS = (b"VP8 ", b"VP8L")
_ALPHA, _ANIMATION = 0x10, 0x02  # flags of VP8X, section 2.7.1.1
_FRAME_FLAGS = 0x03  # blending and disposal; the six bits above are reserved


def strip(data: bytes) -> bytes:
    """The bitstreams with what places them; ValueError where these are not one picture.

    A still without an alpha chunk needs no VP8X and is written in the simple layout. An animation
    keeps all its frames and their times.
    """
    length = struct.unpack_from("<I", data, 4)[0]
    if data[:4] != b"RIFF" or data[8:12] != b"WEBP" or 8 + length > len(data):
        raise ValueError("no WebP, or cut short")
    chunks = list(whole_chunks(data, FIRST, 8 + length))
    if not chunks or chunks[0][0] != b"VP8X":
        return _riff(chunks[:1])
    canvas = chunks[0][1]
    if len(canvas) < 10:
        raise ValueError("cut short")
    if canvas[0] & _ANIMATION:
        header = _canvas(canvas, _ALPHA | _ANIMATION)
        return _riff([header, *_animation(chunks[1:])])
    picture = _picture(chunks[1:])
    extended = len(picture) > 1
    return _riff([_canvas(canvas, _ALPHA), *picture] if extended else picture)


def _canvas(body: bytes, flags: int) -> _Chunk:
    """VP8X with only these of its flags; what is reserved is set to 0."""
    return b"VP8X", bytes((body[0] & flags, 0, 0, 0)) + body[4:10]


def _picture(chunks: list[_Chunk]) -> list[_Chunk]:
    """The bitstream of one picture, an alpha channel before a lossy one."""
    streams = [one for one in chunks if one[0] in _BITSTREAMS]
    alphas = [one for one in chunks if one[0] == b"ALPH"]
    if len(streams) != 1 or len(alphas) > 1:
        raise ValueError("not one picture")
    return (alphas if streams[0][0] == b"VP8 " else []) + streams


def _animation(chunks: list[_Chunk]) -> Iterator[_Chunk]:
    settings = [body for name, body in chunks if name == b"ANIM"]
    if len(settings) != 1 or len(settings[0]) < 6:
        raise ValueError("not one animation")
    yield b"ANIM", settings[0][:6]
    for name, body in chunks:
        if name == b"ANMF":
            picture = _joined(_picture(list(whole_chunks(body, FRAME_HEADER))))
            flags = bytes((body[FRAME_HEADER - 1] & _FRAME_FLAGS,))
            yield name, body[: FRAME_HEADER - 1] + flags + picture


def _riff(chunks: list[_Chunk]) -> bytes:
    if not any(name in (*_BITSTREAMS, b"ANMF") for name, _ in chunks):
        raise ValueError("no picture")
    body = b"WEBP" + _joined(chunks)
    return b"RIFF" + struct.pack("<I", len(body)) + body


def _joined(chunks: list[_Chunk]) -> bytes:
    return b"".join(chunk(name, body) for name, body in chunks)
