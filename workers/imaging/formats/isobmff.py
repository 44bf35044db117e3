"""The boxes that AVIF and HEIC are made of, and where in the file their items lie.

The boxes are those of ISO/IEC 14496-12, the items those of HEIF, ISO/IEC 23008-12. Nothing is
decoded. What is damaged or makes no sense raises ValueError, IndexError or struct.error. Every
walk is linear in the file and ends at a cap.
"""

import struct
from collections.abc import Iterator, Mapping
from typing import NamedTuple

Buffer = bytes | memoryview
Size = tuple[int, int]  # width, height
Span = tuple[int, int]  # start, end
Group = dict[bytes, list[Span]]  # the boxes below one meta or stbl, by type

# Boxes that hold boxes, and the bytes before the first of those.
_PARENTS = {
    b"meta": 4,
    b"iinf": 6,  # in version 0, with a count of 16 bits; else 8
    b"iref": 4,
    b"iprp": 0,
    b"ipco": 0,
    b"moov": 0,
    b"trak": 0,
    b"mdia": 0,
    b"minf": 0,
    b"stbl": 0,
    b"stsd": 8,
    b"av01": 78,  # VisualSampleEntry
}

# A grid has at most 65,536 tiles, each an item with its infe; its alpha may have as many.
MAX_BOXES = 200_000
_MAX_EXTENTS = 100_000  # items and their extents in one file
_MAX_SHARED = 2  # times the file's length that all items may have together; equal ones count once
_ALPHA_HEAD = 65_536  # bytes that are searched for alpha


# Type, offsets of the start and end of the body, and whether it is cut: by its length field it ends
# later than what encloses it. A tuple, since a class would double a walk's time.
Box = tuple[bytes, int, int, bool]


class Entry(NamedTuple):
    """What an infe box says of its item; a hidden one is no picture of its own."""

    number: int
    kind: bytes
    hidden: bool


class Location(NamedTuple):
    """Where iloc says that an item lies: the offset and length of each extent.

    method: 0 counts from the start of the file, 1 from that of idat's body. elsewhere: whether the
    data is said to be in another file; decoders look into this one all the same.
    """

    number: int
    method: int
    elsewhere: bool
    extents: tuple[Span, ...]


class Fields:
    """The numbers in a box, read one after the other; ValueError past its end."""

    def __init__(self, data: bytes, span: Span | None = None) -> None:
        self._data = data
        self._at, self._end = span or (0, len(data))

    def read(self, size: int) -> int:
        """The next number, of `size` bytes."""
        return int.from_bytes(self.take(size), "big")

    def take(self, size: int) -> bytes:
        """The next `size` bytes."""
        start = self._at
        self._at += size
        if self._at > self._end:
            raise ValueError("cut short")
        return self._data[start : self._at]


def walk(data: bytes, parents: Mapping[bytes, int] = _PARENTS) -> Iterator[Box]:
    """Each box, parents before the boxes in them.

    parents: the boxes to go into, and the bytes in each before its first box. A box may be cut
    short with the file (mdat), since what is there still tells the size. Raises ValueError after
    `MAX_BOXES` boxes, where the end of each box that was gone into counts too.
    """
    todo = [(0, len(data))]
    for _ in range(MAX_BOXES):
        if not todo:
            return
        at, end = todo.pop()
        if at + 8 > end:
            continue
        length, name = struct.unpack_from(">I4s", data, at)
        body = at + 8
        if length == 1:
            length = struct.unpack_from(">Q", data, body)[0]
            body += 8
        elif length == 0:
            length = end - at
        if at + length < body:
            raise ValueError("a box shorter than its header")
        stop = min(at + length, end)
        yield name, body, stop, at + length > end
        todo.append((at + length, end))
        if name in parents:
            more = 2 if name == b"iinf" and data[body : body + 1] > b"\0" else 0
            todo.append((body + parents[name] + more, stop))
    raise ValueError("too many boxes")


def whole_boxes(data: bytes) -> Iterator[tuple[bytes, bytes]]:
    """Type and body of each outermost box; ValueError unless they fill the data."""
    end = 0
    for name, start, end, cut in walk(data, {}):
        if cut:
            raise ValueError("cut short")
        yield name, data[start:end]
    if end != len(data):
        raise ValueError("cut short")


def only(group: Group, name: bytes) -> Span | None:
    """The one box of a type, or None; ValueError if there are more, since readers take either."""
    spans = group.get(name, [])
    if len(spans) > 1:
        raise ValueError("a second box")
    return spans[0] if spans else None


def entries(data: bytes, group: Group) -> set[Entry]:
    """All items that a meta box names."""
    return {entry(Fields(data, span))[0] for span in group.get(b"infe", ())}


def entry(fields: Fields) -> tuple[Entry, bool]:
    """What an infe box says, and whether its item is protected; in HEIF it has version 2 or 3."""
    head = fields.read(4)
    number = fields.read(4 if head >> 24 == 3 else 2)
    protected = fields.read(2) != 0
    return Entry(number, fields.take(4), bool(head & 1)), protected


def items(data: bytes, group: Group, kinds: tuple[bytes, ...]) -> Iterator[tuple[bytes, Buffer]]:
    """Type and data of each item of these types: equal data once, and empty data never."""
    known = {(item.number, item.kind) for item in entries(data, group)}
    located = only(group, b"iloc")
    if located is None:
        return
    low, high = only(group, b"idat") or (0, 0)
    seen = set()
    left = _MAX_SHARED * len(data)
    for item, method, _, extents in locations(Fields(data, located)):
        length = sum(size for _, size in extents)
        for kind in kinds:
            if (item, kind) not in known or not length or (kind, method, extents) in seen:
                continue
            seen.add((kind, method, extents))
            left -= length
            if left < 0 or method > 1:  # no decoder builds items of other items (2)
                raise ValueError("not where data can be")
            start, end = (low, high) if method else (0, len(data))
            view = memoryview(data)[start:end]
            parts = [view[offset : offset + size] for offset, size in extents]
            yield kind, parts[0] if len(parts) == 1 else b"".join(parts)


def locations(fields: Fields) -> Iterator[Location]:
    """The place of each item, by the fields of an iloc box."""
    version = fields.read(4) >> 24
    if version > 2:
        raise ValueError("a later version")
    sizes = fields.read(2)
    for_offset, for_length, for_base, for_index = (sizes >> shift & 15 for shift in (12, 8, 4, 0))
    left = _MAX_EXTENTS
    for _ in range(fields.read(4 if version == 2 else 2)):
        number = fields.read(4 if version == 2 else 2)
        method = fields.read(2) & 15 if version else 0
        elsewhere = fields.read(2) != 0  # data_reference_index
        base = fields.read(for_base)
        count = fields.read(2)
        left -= 1 + count
        if left < 0:
            raise ValueError("too many extents")
        extents = []
        for _ in range(count):
            fields.read(for_index if version else 0)
            extents.append((base + fields.read(for_offset), fields.read(for_length)))
        yield Location(number, method, elsewhere, tuple(extents))


def grid_size(piece: Buffer) -> Size:
    """Width and height of the canvas that a grid's tiles are copied to: HEIF, 6.6.2.3."""
    width, height = struct.unpack_from(">II" if piece[1] & 1 else ">HH", piece, 4)
    return width, height


def has_alpha(data: bytes) -> bool:
    """Whether the image may be transparent: by the name of an auxiliary picture (HEIF, 6.9).

    Only the head of the file is searched, where the boxes before the pixels are.
    """
    head = data[:_ALPHA_HEAD]
    return b":auxiliary:alpha\0" in head or b":auxid:1\0" in head
