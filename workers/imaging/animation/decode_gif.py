"""GIF to whole frames, composed as browsers compose them.

Pillow only decodes each frame's pixels. Its own composition differs: it fills areas that browsers
leave transparent with the background colour (around a small first frame, and after disposal 2 where
no colour is transparent), and a frame without a disposal inherits that of the frame before.
"""

import io
import struct
from collections.abc import Iterator
from dataclasses import dataclass

from PIL import Image

from workers.imaging.animation.frames import Animation, Frame
from workers.imaging.formats.gif import IMAGE, Block, blocks, table_size
from workers.imaging.formats.probe import Probe

# GIF89a, section 23, disposal methods. 4 is not defined there, but encoders that took the field for
# single bits write it for 3, and browsers read it so.
_CLEAR = 2
_RESTORE = (3, 4)

_LOOPING = (b"NETSCAPE2.0", b"ANIMEXTS1.0")
_NOTHING = (0, 0, 0, 0)

_Box = tuple[int, int, int, int]  # left, top, right, bottom in pixels


@dataclass(frozen=True)
class _Control:
    """A graphic control extension, which applies to the one frame that follows it."""

    ms: int = 0
    disposal: int = 0
    transparent: int | None = None


@dataclass(frozen=True)
class _StoredFrame:
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

    stored: list[_StoredFrame]
    plays: int = 1  # a file that says nothing is played once
    control: _Control = _Control()


def read(data: bytes, probe: Probe) -> Animation:
    """The animation in a whole GIF file.

    The canvas is the logical screen, grown to hold the first frame; later frames are cut at its
    edges. Raises ValueError, IndexError or struct.error where the blocks make no sense or are
    more than the probe found.
    """
    walk = _walk(data)
    if not 1 <= len(walk.stored) <= probe.frames:
        raise ValueError("not the frames that the header said")
    wide, high = struct.unpack_from("<HH", data, 6)
    _, _, right, bottom = walk.stored[0].box
    width, height = size = max(wide, right), max(high, bottom)
    opaque = _is_opaque(data, walk.stored, size)
    frames = _composed(data, walk.stored, size, "RGB" if opaque else "RGBA")
    return Animation(width, height, walk.plays, orientation=1, frames=frames)


def _walk(data: bytes) -> _Walk:
    colours = _table(data, 13, data[10])
    walk = _Walk([])
    for block in blocks(data):
        if block.kind == IMAGE:
            walk.stored.append(_stored(data, block, colours, walk.control))
            walk.control = _Control()
        else:
            _read_extension(data, block, walk)
    return walk


def _table(data: bytes, at: int, flags: int) -> bytes:
    """The colour table that a descriptor's flags announce, empty if there is none."""
    return data[at : at + table_size(flags)]


def _stored(data: bytes, block: Block, colours: bytes, control: _Control) -> _StoredFrame:
    """The frame in an image block: GIF89a, section 20. colours: the file's table."""
    left, top, wide, high, flags = struct.unpack_from("<HHHHB", data, block.start + 1)
    box = left, top, left + wide, top + high
    table = _table(data, block.start + 10, flags) or colours
    start = block.chain - 1  # with LZW's code size
    return _StoredFrame(box, control, bool(flags & 0x40), table, start, block.end)


def _read_extension(data: bytes, block: Block, walk: _Walk) -> None:
    """Notes how the next frame is shown (section 23) or how often all frames are."""
    label, at, length = data[block.start + 1], block.chain + 1, data[block.chain]
    if label == 0xF9 and length >= 4:
        flags, delay, transparent = struct.unpack_from("<BHB", data, at)
        walk.control = _Control(delay * 10, flags >> 2 & 7, transparent if flags & 1 else None)
    if label == 0xFF and data[at : at + length] in _LOOPING and data[at + 11] >= 3:
        kind, repeats = struct.unpack_from("<BH", data, at + 12)
        if kind & 7 == 1:
            # The number counts what follows the first time; libwebp's gif2webp reads it so.
            walk.plays = repeats + 1 if repeats else 0


def _is_opaque(data: bytes, stored: list[_StoredFrame], size: tuple[int, int]) -> bool:
    """Whether no frame is transparent anywhere: each hole is covered before it is seen.

    `hole` is the part of the canvas that may still be empty, at first all of it.
    """
    hole: _Box | None = (0, 0, *size)
    for frame in stored:
        before = hole
        if hole and not (_contains(frame.box, hole) and _is_filled(data, frame)):
            return False
        if frame.control.disposal == _CLEAR:
            hole = frame.box
        else:
            hole = before if frame.control.disposal in _RESTORE else None
    return True


def _contains(outer: _Box, inner: _Box) -> bool:
    starts = outer[0] <= inner[0] and outer[1] <= inner[1]
    return starts and outer[2] >= inner[2] and outer[3] >= inner[3]


def _is_filled(data: bytes, frame: _StoredFrame) -> bool:
    """Whether a frame has no transparent pixel; many name such a colour without using it."""
    if frame.control.transparent is None:
        return True
    picture = _decoded(data, frame)
    return picture is not None and picture.getchannel("A").getextrema() == (255, 255)


def _composed(
    data: bytes, stored: list[_StoredFrame], size: tuple[int, int], mode: str
) -> Iterator[Frame]:
    canvas = Image.new("RGBA", size, _NOTHING)
    for frame in stored:
        # Pillow cuts what it pastes at the edges of the canvas.
        before = canvas.crop(frame.box) if frame.control.disposal in _RESTORE else None
        picture = _decoded(data, frame)
        if picture is not None:
            canvas.paste(picture, frame.box[:2], picture)
        yield Frame(canvas.convert(mode) if mode != "RGBA" else canvas.copy(), frame.control.ms)
        if before is not None:
            canvas.paste(before, frame.box)
        elif frame.control.disposal == _CLEAR:
            canvas.paste(_NOTHING, frame.box)


def _decoded(data: bytes, frame: _StoredFrame) -> Image.Image | None:
    """One frame's own pixels as RGBA, decoded from a file of their own; None if it has none."""
    left, top, right, bottom = frame.box
    if right == left or bottom == top:
        return None
    colours = max(1, (len(frame.table) // 3 - 1).bit_length())
    flags = 0x80 | colours - 1 if frame.table else 0
    file = b"GIF89a" + struct.pack("<HHBBB", right - left, bottom - top, flags, 0, 0) + frame.table
    if frame.control.transparent is not None:
        file += struct.pack("<BBBBHBB", 0x21, 0xF9, 4, 1, 0, frame.control.transparent, 0)
    file += struct.pack("<BHHHHB", 0x2C, 0, 0, right - left, bottom - top, frame.interlaced << 6)
    file += data[frame.start : frame.end] + b";"
    image = Image.open(io.BytesIO(file), formats=["GIF"])
    return image.convert("RGBA")
