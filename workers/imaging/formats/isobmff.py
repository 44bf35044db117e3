"""The boxes that AVIF and HEIC are made of, and where in the file their items lie.

The boxes are those of ISO/IEC 14496-12, the items those of HEIF, ISO/IEC 23008-12. Nothing is
decoded. What is damaged or makes no sense raises ValueError, IndexError or struct.error; every
walk is linear in the file and ends at a cap.
"""

import struct
from collections.abc import Iterator
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
_MAX_BOXES = 200_000  # a grid has at most 65,536 tiles, each an item with its infe
_MAX_EXTENTS = 100_000  # items and their extents in one file
_MAX_SHARED = 2  # times the file's length may all items have together; equal ones count once


class Item(NamedTuple):
    """What an infe box says of its item; a hidden one is no picture of its own."""

    number: int
    kind: bytes
    hidden: bool


class Fields:
    """The numbers in a box, one behind the other; ValueError past its end."""

    def __init__(self, data: bytes, span: Span) -> None:
        self._data = data
        self._at, self._end = span

    def read(self, size: int) -> int:
        """The next number, of `size` bytes."""
        start = self._at
        self._at += size
        if self._at > self._end:
            raise ValueError("cut short")
        return int.from_bytes(self._data[start : self._at], "big")


def walk(data: bytes) -> Iterator[tuple[bytes, int, int]]:
    """Type, start and end of the body of each box, parents before their children."""
    todo = [(0, len(data))]
    for _ in range(_MAX_BOXES):
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
        # A box may be cut short with the file (mdat); what is here still tells the size.
        stop = min(at + length, end)
        yield name, body, stop
        todo.append((at + length, end))
        if name in _PARENTS:
            more = 2 if name == b"iinf" and data[body : body + 1] > b"\0" else 0
            todo.append((body + _PARENTS[name] + more, stop))
    raise ValueError("too many boxes")


def only(group: Group, name: bytes) -> Span | None:
    """The one box of a type; where there are more, readers differ in which they take."""
    spans = group.get(name, [])
    if len(spans) > 1:
        raise ValueError("a second box")
    return spans[0] if spans else None


def entries(data: bytes, group: Group) -> set[Item]:
    """All items that a meta names."""
    return {_entry(Fields(data, span)) for span in group.get(b"infe", ())}


def _entry(fields: Fields) -> Item:
    """The infe box, HEIF's being of version 2 or 3."""
    head = fields.read(4)
    number = fields.read(4 if head >> 24 == 3 else 2)
    fields.read(2)
    return Item(number, fields.read(4).to_bytes(4, "big"), bool(head & 1))


def items(data: bytes, group: Group, kinds: tuple[bytes, ...]) -> Iterator[tuple[bytes, Buffer]]:
    """Type and data of each item of these types; equal data once, and empty data never."""
    known = {(item.number, item.kind) for item in entries(data, group)}
    located = only(group, b"iloc")
    if located is None:
        return
    low, high = only(group, b"idat") or (0, 0)
    seen = set()
    left = _MAX_SHARED * len(data)
    for item, method, extents in locations(Fields(data, located)):
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


def locations(fields: Fields) -> Iterator[tuple[int, int, tuple[Span, ...]]]:
    """Item number, construction method, and offset and length of each extent, from iloc.

    Method 0 counts from the start of the file, 1 from that of idat's body.
    """
    version = fields.read(4) >> 24
    if version > 2:
        raise ValueError("a later version")
    sizes = fields.read(2)
    for_offset, for_length, for_base, for_index = (sizes >> shift & 15 for shift in (12, 8, 4, 0))
    left = _MAX_EXTENTS
    for _ in range(fields.read(4 if version == 2 else 2)):
        number = fields.read(4 if version == 2 else 2)
        method = fields.read(2) & 15 if version else 0
        fields.read(2)  # data_reference_index: decoders take this file
        base = fields.read(for_base)
        count = fields.read(2)
        left -= 1 + count
        if left < 0:
            raise ValueError("too many extents")
        extents = []
        for _ in range(count):
            fields.read(for_index if version else 0)
            extents.append((base + fields.read(for_offset), fields.read(for_length)))
        yield number, method, tuple(extents)


def grid_size(piece: Buffer) -> Size:
    """ImageGrid of HEIF, 6.6.2.3: the canvas that its tiles are copied to."""
    width, height = struct.unpack_from(">II" if piece[1] & 1 else ">HH", piece, 4)
    return width, height
