"""The width and height that a file's header says: as it is shown, so turned by its orientation.

Only a few kilobytes are read, and no pixel is decoded.
"""

import errno
import io
import struct
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

from fluximage.command.header import type_of

MAX_SEGMENTS = 2000
MAX_META_BYTES = 4 * 1024 * 1024
SIDEWAYS = (5, 6, 7, 8)  # Exif 3.0, 4.6.4, Orientation


class UnknownHeaderError(Exception):
    """The dimensions cannot be read; the text says why."""


@dataclass(frozen=True)
class Dimensions:
    """A type of the service, and pixels."""

    format: str
    width: int
    height: int


def read(path: Path) -> Dimensions:
    """Raises UnknownHeaderError, or OSError where the file cannot be read."""
    with path.open("rb") as file:
        kind = type_of(file.read(64))
        if kind is None:
            raise UnknownHeaderError("it is no image that the service reads")
        file.seek(0)
        try:
            width, height = _READERS[kind](file)
        except (struct.error, IndexError, ValueError, OverflowError) as error:
            raise UnknownHeaderError(f"its {kind} header is damaged") from error
        except OSError as error:
            if error.errno != errno.EINVAL:  # of a place that no file has
                raise
            raise UnknownHeaderError(f"its {kind} header is damaged") from error
    if width < 1 or height < 1:
        raise UnknownHeaderError(f"its {kind} header says {width} × {height} pixels")
    return Dimensions(kind, width, height)


def _unpack(layout: str, file: BinaryIO) -> tuple[int, ...]:
    return struct.unpack(layout, file.read(struct.calcsize(layout)))


def _turned(size: tuple[int, int], orientation: int) -> tuple[int, int]:
    return size[::-1] if orientation in SIDEWAYS else size


def _jpg(file: BinaryIO) -> tuple[int, int]:
    """ITU T.81, B.1 and B.2.2: segments up to the frame header."""
    file.seek(2)
    orientation = 1
    for _ in range(MAX_SEGMENTS):
        marker = _marker(file)
        (length,) = _unpack(">H", file)
        after = file.tell() + length - 2
        if 0xC0 <= marker <= 0xCF and marker not in (0xC4, 0xC8, 0xCC):
            _, height, width = _unpack(">BHH", file)
            return _turned((width, height), orientation)
        if marker == 0xE1 and file.read(6) == b"Exif\0\0":
            orientation = _orientation(file.read(length - 8))
        file.seek(after)
    raise IndexError


def _marker(file: BinaryIO) -> int:
    """The next marker; fill bytes may stand before it."""
    first, marker = _unpack("BB", file)
    while marker == 0xFF:
        (marker,) = _unpack("B", file)
    if first != 0xFF or marker in (0xD9, 0xDA):
        raise IndexError
    return marker


def _png(file: BinaryIO) -> tuple[int, int]:
    """PNG third edition, 11.2.1; the orientation, 11.3.4.3, stands before or after the pixels."""
    file.seek(16)
    size = _unpack(">II", file)
    file.seek(33)
    orientation = 1
    for _ in range(MAX_SEGMENTS):
        head = file.read(8)
        if len(head) < 8 or head[4:] == b"IEND":
            break
        length = struct.unpack(">I", head[:4])[0]
        if head[4:] == b"eXIf":
            orientation = _orientation(file.read(min(length, MAX_META_BYTES)))
            break
        file.seek(length + 4, 1)
    return _turned((size[0], size[1]), orientation)


def _webp(file: BinaryIO) -> tuple[int, int]:
    """RFC 9649, 2.5 to 2.7: the canvas, or the size in the one bitstream."""
    head = file.read(30)
    if head[12:16] == b"VP8X":
        sides = (int.from_bytes(head[24:27], "little"), int.from_bytes(head[27:30], "little"))
        return _turned((sides[0] + 1, sides[1] + 1), _webp_orientation(file, head[20]))
    if head[12:16] == b"VP8L":
        bits = struct.unpack_from("<I", head, 21)[0]
        return (bits & 0x3FFF) + 1, (bits >> 14 & 0x3FFF) + 1
    width, height = struct.unpack_from("<HH", head, 26)
    return width & 0x3FFF, height & 0x3FFF


def _webp_orientation(file: BinaryIO, flags: int) -> int:
    if not flags & 0x08:
        return 1
    for _ in range(MAX_SEGMENTS):
        head = file.read(8)
        if len(head) < 8:
            break
        length = struct.unpack("<I", head[4:])[0]
        if head[:4] == b"EXIF":
            return _orientation(file.read(min(length, MAX_META_BYTES)).removeprefix(b"Exif\0\0"))
        file.seek(length + length % 2, 1)
    return 1


def _gif(file: BinaryIO) -> tuple[int, int]:
    """GIF89a, 18: the logical screen."""
    file.seek(6)
    width, height = _unpack("<HH", file)
    return width, height


def _bmp(file: BinaryIO) -> tuple[int, int]:
    """BITMAPCOREHEADER has 12 bytes and 16-bit sides; a negative height is stored from the top."""
    file.seek(14)
    if _unpack("<I", file)[0] == 12:
        width, height = _unpack("<HH", file)
    else:
        width, height = _unpack("<ii", file)
    return width, abs(height)


def _tiff(file: BinaryIO) -> tuple[int, int]:
    """TIFF 6.0, section 2; BigTIFF has the same with longer numbers."""
    tags = _tags(file)
    return _turned((tags.get(256, 0), tags.get(257, 0)), tags.get(274, 1))


def _orientation(exif: bytes) -> int:
    try:
        return _tags(io.BytesIO(exif)).get(274, 1)
    except (struct.error, IndexError, ValueError, OverflowError, OSError):
        return 1


def _tags(file: BinaryIO) -> dict[int, int]:
    """The first directory's tags of one short or long number."""
    start = file.tell()
    order = "<" if file.read(2) == b"II" else ">"
    big = _unpack(f"{order}H", file)[0] == 43
    number, entry = ("Q", "HHQ") if big else ("I", "HHI")
    if big:
        file.read(4)
    file.seek(start + _unpack(order + number, file)[0])
    (amount,) = _unpack(order + ("Q" if big else "H"), file)
    tags = {}
    for _ in range(min(amount, MAX_SEGMENTS)):
        tag, kind, many = _unpack(order + entry, file)
        value = file.read(8 if big else 4)
        if many == 1 and kind in (3, 4, 16):
            layout = {3: "H", 4: "I", 16: "Q"}[kind]
            tags[tag] = int(struct.unpack_from(order + layout, value)[0])
    return tags


def _heif(file: BinaryIO) -> tuple[int, int]:
    """ISO/IEC 23008-12, 6.5: the properties of the primary item; in a sequence, of the track."""
    for kind, length in _boxes_of(file):
        if kind == b"meta":
            return _primary(file.read(min(length, MAX_META_BYTES))[4:])
        if kind == b"moov":
            return _track(file.read(min(length, MAX_META_BYTES)))
        file.seek(length, 1)
    raise IndexError


def _boxes_of(file: BinaryIO) -> Iterator[tuple[bytes, int]]:
    """Type and length of each box's content, which stands where the file is then."""
    for _ in range(MAX_SEGMENTS):
        length, kind = struct.unpack(">I4s", file.read(8))
        head = 8
        if length == 1:
            length, head = _unpack(">Q", file)[0], 16
        yield kind, (length - head if length else MAX_META_BYTES)


def _boxes(data: bytes) -> Iterator[tuple[bytes, bytes]]:
    at = 0
    while at + 8 <= len(data):
        length, kind = struct.unpack_from(">I4s", data, at)
        head = 8
        if length == 1:
            length, head = struct.unpack_from(">Q", data, at + 8)[0], 16
        length = length or len(data) - at
        if length < head:
            raise IndexError
        yield kind, data[at + head : at + length]
        at += length


def _primary(meta: bytes) -> tuple[int, int]:
    boxes = dict(_boxes(meta))
    pitm = boxes[b"pitm"] if b"pitm" in boxes else bytes(6)
    primary = struct.unpack_from(">H" if pitm[0] == 0 else ">I", pitm, 4)[0]
    inside = list(_boxes(boxes.get(b"iprp", b"")))
    properties = [one for kind, body in inside if kind == b"ipco" for one in _boxes(body)]
    size: tuple[int, int] | None = None
    for kind, body in inside:
        for index in _associated(body, primary) if kind == b"ipma" else ():
            name, content = properties[index - 1]
            if name == b"ispe":
                size = struct.unpack_from(">II", content, 4)
            elif name == b"clap" and size:
                size = _clean(content)
            elif name == b"irot" and size and content[0] % 2:
                size = size[::-1]
    if size is None:
        raise IndexError
    return size


def _clean(clap: bytes) -> tuple[int, int]:
    """ISO/IEC 14496-12, 12.1.4: width and height of the clean aperture, as fractions."""
    width, by_width, height, by_height = struct.unpack_from(">IIII", clap)
    if not by_width or not by_height:
        raise IndexError
    return width // by_width, height // by_height


def _associated(ipma: bytes, item: int) -> list[int]:
    """ISO/IEC 23008-12, 9.3: the numbers of the properties of one item, in their order."""
    version, long = ipma[0], ipma[3] & 1
    (entries,) = struct.unpack_from(">I", ipma, 4)
    at, number = 8, ">H" if version < 1 else ">I"
    for _ in range(entries):
        (found,) = struct.unpack_from(number, ipma, at)
        at += struct.calcsize(number)
        many, at = ipma[at], at + 1
        layout = f">{many}{'H' if long else 'B'}"
        indices = struct.unpack_from(layout, ipma, at)
        at += struct.calcsize(layout)
        if found == item:
            return [one & (0x7FFF if long else 0x7F) for one in indices if one]
    return []


def _track(moov: bytes) -> tuple[int, int]:
    """ISO/IEC 14496-12, 8.3.2: the track header's size, in 16.16 pixels."""
    for kind, trak in _boxes(moov):
        for inner, body in _boxes(trak) if kind == b"trak" else ():
            if inner == b"tkhd":
                width, height = struct.unpack_from(">II", body, 88 if body[0] == 1 else 76)
                if width and height:
                    return width >> 16, height >> 16
    raise IndexError


_READERS = {
    "jpg": _jpg,
    "png": _png,
    "webp": _webp,
    "gif": _gif,
    "bmp": _bmp,
    "tiff": _tiff,
    "avif": _heif,
    "heic": _heif,
}
