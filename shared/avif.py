"""The size of an AVIF: of what its boxes say and of the AV1 in it, the largest.

The boxes are those of ISO/IEC 14496-12 and of HEIF, ISO/IEC 23008-12. They may name a size
smaller than that of the frames they lead to, and a decoder allocates for the frames.
"""

import struct
from collections.abc import Iterator

from shared import av1

# Boxes that hold boxes, and the bytes before the first of those.
_PARENTS = {
    b"meta": 4,
    b"iinf": 6,  # in version 0, with a count of 16 bits; else 8
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

_Span = tuple[int, int]  # start, end
_Group = dict[bytes, list[_Span]]  # the boxes below one meta or stbl, by type


def measure(data: bytes) -> tuple[int, int, int]:
    """Width, height and frames: the largest of all item, track and AV1 frame sizes.

    Grids and their tiles are included. Frames are the samples of the longest track, for image
    sequences; of its AV1 the first sample is read. Raises ValueError, IndexError or
    struct.error where boxes or AV1 are damaged or have no picture.
    """
    sizes: list[av1.Size] = []
    frames = 1
    groups: list[_Group] = [{}]
    for name, start, end in _boxes(data):
        if name in (b"meta", b"stbl"):
            groups.append({})
        groups[-1].setdefault(name, []).append((start, end))
        if name == b"ispe":
            sizes.append(struct.unpack_from(">II", data, start + 4))
        elif name == b"av01":
            sizes.append(struct.unpack_from(">HH", data, start + 24))
        elif name == b"tkhd":
            wide, high = struct.unpack_from(">II", data, end - 8)
            sizes.append((wide >> 16, high >> 16))
        elif name == b"stsz":
            frames = max(frames, struct.unpack_from(">I", data, start + 8)[0])
    sizes += _frame_sizes(data, groups)
    return max(wide for wide, _ in sizes), max(high for _, high in sizes), frames


def _boxes(data: bytes) -> Iterator[tuple[bytes, int, int]]:
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


def _frame_sizes(data: bytes, groups: list[_Group]) -> Iterator[av1.Size]:
    """The sizes in the AV1 of all items, first samples and configurations, and of grids."""
    budget = av1.Budget()
    pictures = 0
    for group in groups:
        for start, end in group.get(b"av1C", ()):
            # configOBUs, AV1 Codec ISO Media File Format Binding 2.3; mostly none
            yield av1.largest_frame(data[start + 4 : end], budget) or (0, 0)
        for kind, piece in (*_items(data, group), *_first_sample(data, group)):
            size = _grid_size(piece) if kind == b"grid" else av1.largest_frame(piece, budget)
            if size is None:
                raise ValueError("no sequence header")
            yield size
            pictures += 1
    if not pictures:
        raise ValueError("no picture")


def _only(group: _Group, name: bytes) -> _Span | None:
    """The one box of a type; where there are more, readers differ in which they take."""
    spans = group.get(name, [])
    if len(spans) > 1:
        raise ValueError("a second box")
    return spans[0] if spans else None


class _Fields:
    """The numbers in a box, one behind the other; ValueError past its end."""

    def __init__(self, data: bytes, span: _Span) -> None:
        self._data = data
        self._at, self._end = span

    def read(self, size: int) -> int:
        start = self._at
        self._at += size
        if self._at > self._end:
            raise ValueError("cut short")
        return int.from_bytes(self._data[start : self._at], "big")


def _items(data: bytes, group: _Group) -> Iterator[tuple[bytes, av1.Buffer]]:
    """Type and data of each AV1 and grid item; equal data once, and empty data never."""
    kinds = {_item_kind(data, span) for span in group.get(b"infe", ())}
    located = _only(group, b"iloc")
    if located is None:
        return
    low, high = _only(group, b"idat") or (0, 0)
    seen = set()
    left = _MAX_SHARED * len(data)
    for item, method, extents in _locations(_Fields(data, located)):
        length = sum(size for _, size in extents)
        for kind in (b"av01", b"grid"):
            if (item, kind) not in kinds or not length or (kind, method, extents) in seen:
                continue
            seen.add((kind, method, extents))
            left -= length
            if left < 0 or method > 1:  # no decoder builds items of other items (2)
                raise ValueError("not where data can be")
            start, end = (low, high) if method else (0, len(data))
            view = memoryview(data)[start:end]
            parts = [view[offset : offset + size] for offset, size in extents]
            yield kind, parts[0] if len(parts) == 1 else b"".join(parts)


def _item_kind(data: bytes, span: _Span) -> tuple[int, bytes]:
    """Number and type of the item in an infe box, HEIF's being of version 2 or 3."""
    fields = _Fields(data, span)
    version = fields.read(4) >> 24
    number = fields.read(4 if version == 3 else 2)
    fields.read(2)
    return number, fields.read(4).to_bytes(4, "big")


def _locations(fields: _Fields) -> Iterator[tuple[int, int, tuple[_Span, ...]]]:
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


def _grid_size(piece: av1.Buffer) -> av1.Size:
    """ImageGrid of HEIF, 6.6.2.3: the canvas that its tiles are copied to."""
    width, height = struct.unpack_from(">II" if piece[1] & 1 else ">HH", piece, 4)
    return width, height


def _first_sample(data: bytes, group: _Group) -> Iterator[tuple[bytes, av1.Buffer]]:
    """The first sample of an AV1 track: it opens the first chunk (stco or co64, and stsz)."""
    if b"av01" not in group or b"stsd" not in group:
        return
    spans = [_only(group, name) for name in (b"stsz", b"stco", b"co64")]
    sizes, *chunks = spans
    [(chunk, width)] = [(span, size) for span, size in zip(chunks, (4, 8), strict=True) if span]
    if sizes is None:
        raise ValueError("no sizes of samples")
    fields = _Fields(data, sizes)
    fields.read(4)
    length = fields.read(4)
    count = fields.read(4)
    if not length and count:
        length = fields.read(4)
    fields = _Fields(data, chunk)
    fields.read(8)
    start = fields.read(width)
    yield b"av01", memoryview(data)[start : start + length]
