"""GIF to whole frames, composed as browsers compose them.

Pillow decodes each frame's pixels, and no more than that: its own composition fills with the
background colour what browsers leave transparent (around a small first frame, and after
disposal 2 where no colour is transparent), and hands a frame that names no disposal the one
before it.
"""

import io
import struct
from collections.abc import Iterator
from dataclasses import dataclass

from PIL import Image

from shared.models import Probe
from workers.imaging.animation.frames import Animation, Frame

# GIF89a, section 23, disposal methods. 4 is not defined there; encoders that took the field for
# single bits write it for 3, and browsers follow.
_CLEAR = 2
_RESTORE = (3, 4)

_LOOPING = (b"NETSCAPE2.0", b"ANIMEXTS1.0")
_NOTHING = (0, 0, 0, 0)

_Box = tuple[int, int, int, int]  # left, top, right, bottom in pixels


@dataclass(frozen=True)
class _Control:
    """A graphic control extension: what it says of the one frame that follows it."""

    ms: int = 0
    disposal: int = 0
    transparent: int | None = None


@dataclass(frozen=True)
class _Cel:
    """One image block. table: its colours, its own or the file's; start, end: its LZW data."""

    box: _Box
    control: _Control
    interlaced: bool
    table: bytes
    start: int
    end: int


@dataclass
class _Walk:
    """What a walk over the blocks has found so far."""

    cels: list[_Cel]
    plays: int = 1  # a file that says nothing is played once
    control: _Control = _Control()


def read(data: bytes, probe: Probe) -> Animation:
    """The animation in a whole GIF file.

    The canvas is the logical screen, grown to hold the first frame; later frames are cut at its
    edges. Raises ValueError, IndexError or struct.error where the blocks make no sense or are
    more than the probe found.
    """
    walk = _walk(data)
    if not 1 <= len(walk.cels) <= probe.frames:
        raise ValueError("not the frames that the header said")
    wide, high = struct.unpack_from("<HH", data, 6)
    _, _, right, bottom = walk.cels[0].box
    size = max(wide, right), max(high, bottom)
    opaque = _is_opaque(data, walk.cels, size)
    frames = _composed(data, walk.cels, size, "RGB" if opaque else "RGBA")
    return Animation(*size, walk.plays, opaque, 1, frames)


def _walk(data: bytes) -> _Walk:
    """GIF89a, sections 18 to 27. A missing trailer is no damage, as for browsers."""
    colours, at = _table(data, 13, data[10])
    walk = _Walk([])
    while at < len(data) and data[at] != 0x3B:
        if data[at] == 0x2C:
            at = _image(data, at + 1, colours, walk)
        elif data[at] == 0x21:
            at = _extension(data, at + 1, walk)
        else:
            raise ValueError("not a block")
    return walk


def _table(data: bytes, at: int, flags: int) -> tuple[bytes, int]:
    """The colour table that a descriptor's flags announce, and where it ends."""
    end = at + (3 << (flags & 7) + 1 if flags & 0x80 else 0)
    return data[at:end], end


def _image(data: bytes, at: int, colours: bytes, walk: _Walk) -> int:
    """Notes one image block; where the next block starts."""
    left, top, wide, high, flags = struct.unpack_from("<HHHHB", data, at)
    own, start = _table(data, at + 9, flags)
    end = _behind(data, start + 1)  # the first byte is LZW's code size
    box = left, top, left + wide, top + high
    walk.cels.append(_Cel(box, walk.control, bool(flags & 0x40), own or colours, start, end))
    walk.control = _Control()
    return end


def _extension(data: bytes, at: int, walk: _Walk) -> int:
    """Notes how the next frame is shown or how often all are; where the next block starts."""
    label, length = data[at], data[at + 1]
    if label == 0xF9 and length >= 4:
        flags, delay, transparent = struct.unpack_from("<BHB", data, at + 2)
        walk.control = _Control(delay * 10, flags >> 2 & 7, transparent if flags & 1 else None)
    if label == 0xFF and data[at + 2 : at + 2 + length] in _LOOPING and data[at + 13] >= 3:
        kind, repeats = struct.unpack_from("<BH", data, at + 14)
        if kind & 7 == 1:
            # The number counts what follows the first time; libwebp's gif2webp reads it so.
            walk.plays = repeats + 1 if repeats else 0
    return _behind(data, at + 1)


def _behind(data: bytes, at: int) -> int:
    """Where a chain of sub-blocks ends."""
    while length := data[at]:
        at += 1 + length
    return at + 1


def _is_opaque(data: bytes, cels: list[_Cel], size: tuple[int, int]) -> bool:
    """Whether no frame shows anything through: each hole is covered before it is seen.

    `hole` is the part of the canvas that may hold nothing, at first all of it.
    """
    hole: _Box | None = (0, 0, *size)
    for cel in cels:
        before = hole
        if hole and not (_holds(cel.box, hole) and _is_filled(data, cel)):
            return False
        if cel.control.disposal == _CLEAR:
            hole = cel.box
        else:
            hole = before if cel.control.disposal in _RESTORE else None
    return True


def _holds(outer: _Box, inner: _Box) -> bool:
    starts = outer[0] <= inner[0] and outer[1] <= inner[1]
    return starts and outer[2] >= inner[2] and outer[3] >= inner[3]


def _is_filled(data: bytes, cel: _Cel) -> bool:
    """Whether a frame has no transparent pixel; many name such a colour and do not use it."""
    if cel.control.transparent is None:
        return True
    picture = _decoded(data, cel)
    return picture is not None and picture.getchannel("A").getextrema() == (255, 255)


def _composed(data: bytes, cels: list[_Cel], size: tuple[int, int], mode: str) -> Iterator[Frame]:
    canvas = Image.new("RGBA", size, _NOTHING)
    for cel in cels:
        # Pillow cuts what it pastes at the edges of the canvas.
        before = canvas.crop(cel.box) if cel.control.disposal in _RESTORE else None
        picture = _decoded(data, cel)
        if picture is not None:
            canvas.paste(picture, cel.box[:2], picture)
        yield Frame(canvas.convert(mode) if mode != "RGBA" else canvas.copy(), cel.control.ms)
        if before is not None:
            canvas.paste(before, cel.box)
        elif cel.control.disposal == _CLEAR:
            canvas.paste(_NOTHING, cel.box)


def _decoded(data: bytes, cel: _Cel) -> Image.Image | None:
    """One frame's own pixels as RGBA, alone in a file of its own; None if it has none."""
    left, top, right, bottom = cel.box
    if right == left or bottom == top:
        return None
    colours = max(1, (len(cel.table) // 3 - 1).bit_length())
    flags = 0x80 | colours - 1 if cel.table else 0
    file = b"GIF89a" + struct.pack("<HHBBB", right - left, bottom - top, flags, 0, 0) + cel.table
    if cel.control.transparent is not None:
        file += struct.pack("<BBBBHBB", 0x21, 0xF9, 4, 1, 0, cel.control.transparent, 0)
    file += struct.pack("<BHHHHB", 0x2C, 0, 0, right - left, bottom - top, cel.interlaced << 6)
    file += data[cel.start : cel.end] + b";"
    image = Image.open(io.BytesIO(file), formats=["GIF"])
    return image.convert("RGBA")
