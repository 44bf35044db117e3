"""Boxes of ISO/IEC 14496-12 and HEIF, ISO/IEC 23008-12: read, and written anew."""

import struct
from collections.abc import Iterator
from dataclasses import dataclass

Property = tuple[bytes, bytes, bool]  # type, body, whether a reader must know it

_MAX_PROPERTIES = 127  # that an ipma of 8 bits can number
_MAX_BOXES = 100_000  # in one box; a grid has at most 65,536 tiles
_MAX_USES = 400_000  # of properties by items
_MAX_TIMES = 2  # the file's length, that all items may have together


@dataclass(frozen=True)
class Item:
    """A coded picture, or a rule to put one together.

    at: where its first byte stood in the file.
    """

    kind: bytes
    hidden: bool
    data: bytes
    at: int
    properties: tuple[Property, ...]


@dataclass(frozen=True)
class Still:
    """The items of one meta box; references: (type, from, to)."""

    primary: int
    items: dict[int, Item]
    references: tuple[tuple[bytes, int, tuple[int, ...]], ...]


class Fields:
    """The numbers in a box, one behind the other; ValueError past its end."""

    def __init__(self, body: bytes) -> None:
        self._body = body
        self._at = 0

    def read(self, size: int) -> int:
        return int.from_bytes(self.take(size), "big")

    def take(self, size: int) -> bytes:
        self._at += size
        if self._at > len(self._body):
            raise ValueError("cut short")
        return self._body[self._at - size : self._at]


def split(data: bytes) -> Iterator[tuple[bytes, bytes]]:
    """Type and body of each box; ValueError unless they fill the data."""
    at = 0
    for _ in range(_MAX_BOXES):
        if at >= len(data):
            return
        length, name = struct.unpack_from(">I4s", data, at)
        head = 8
        if length == 1:
            length, head = struct.unpack_from(">Q", data, at + 8)[0], 16
        length = length or len(data) - at
        if length < head or at + length > len(data):
            raise ValueError("cut short")
        yield name, data[at + head : at + length]
        at += length
    raise ValueError("too many boxes")


def single(boxes: Iterator[tuple[bytes, bytes]], *names: bytes) -> dict[bytes, bytes]:
    """The bodies of these boxes; where one comes twice, readers differ in which they take."""
    found: dict[bytes, bytes] = {}
    for name, body in boxes:
        if name in names and found.setdefault(name, body) is not body:
            raise ValueError("a second box")
    return found


def box(name: bytes, *parts: bytes) -> bytes:
    body = b"".join(parts)
    return struct.pack(">I4s", 8 + len(body), name) + body


def read(data: bytes, meta: bytes) -> Still:
    """What the body of a meta box says, with the items' data from the whole file."""
    parts = (b"pitm", b"iloc", b"iinf", b"iref", b"iprp", b"idat")
    found = single(split(meta[4:]), *parts)
    primary = _primary(found[b"pitm"])
    places = dict(_locations(Fields(found[b"iloc"]), data, found.get(b"idat", b"")))
    properties = _properties(found[b"iprp"])
    items = {
        number: Item(kind, hidden, places[number][1], places[number][0], properties.get(number, ()))
        for number, kind, hidden in _infos(found[b"iinf"])
        if number in places
    }
    return Still(primary, items, tuple(_references(found.get(b"iref", bytes(4)))))


def primary_properties(meta: bytes) -> tuple[Property, ...]:
    """The properties of the primary item, by the body of a meta box."""
    found = single(split(meta[4:]), b"pitm", b"iprp")
    return _properties(found[b"iprp"]).get(_primary(found[b"pitm"]), ())


def _primary(pitm: bytes) -> int:
    fields = Fields(pitm)
    return fields.read(2 if fields.read(4) >> 24 == 0 else 4)


def _infos(iinf: bytes) -> Iterator[tuple[int, bytes, bool]]:
    """Number, type and hiddenness of each item; infe is of version 2 or 3 in HEIF."""
    for name, body in split(iinf[6 if iinf[0] == 0 else 8 :]):
        if name == b"infe" and body[0] in (2, 3):
            fields = Fields(body)
            flags = fields.read(4)
            number = fields.read(2 if flags >> 24 == 2 else 4)
            if fields.read(2):
                raise ValueError("protected")
            yield number, fields.take(4), bool(flags & 1)


def _locations(iloc: Fields, data: bytes, idat: bytes) -> Iterator[tuple[int, tuple[int, bytes]]]:
    """Number, first offset and data of each item, by offsets into the file or into idat."""
    version = iloc.read(4) >> 24
    sizes = iloc.read(2)
    for_offset, for_length, for_base, for_index = (sizes >> shift & 15 for shift in (12, 8, 4, 0))
    wide = 4 if version == 2 else 2
    left = _MAX_TIMES * len(data)
    for _ in range(iloc.read(wide)):
        number = iloc.read(wide)
        method = iloc.read(2) & 15 if version else 0
        elsewhere = iloc.read(2)
        base, parts, first = iloc.read(for_base), [], 0
        for _ in range(iloc.read(2)):
            iloc.read(for_index if version else 0)
            at, length = base + iloc.read(for_offset), iloc.read(for_length)
            parts.append((idat if method else data)[at : at + length])
            first = first or at
            left -= length
            if len(parts[-1]) != length or not length:
                raise ValueError("cut short")
        if version > 2 or method > 1 or elsewhere or left < 0:
            raise ValueError("not where data can be")
        yield number, (first, b"".join(parts))


def _properties(iprp: bytes) -> dict[int, tuple[Property, ...]]:
    """The properties of each item, in order."""
    found = single(split(iprp), b"ipco", b"ipma")
    all_ = [*split(found[b"ipco"])]
    ipma = Fields(found[b"ipma"])
    flags = ipma.read(4)
    wide = 2 if flags & 1 else 1
    essential = 0x8000 if wide == 2 else 0x80
    left = _MAX_USES
    result: dict[int, tuple[Property, ...]] = {}
    for _ in range(ipma.read(4)):
        number = ipma.read(2 if flags >> 24 == 0 else 4)
        uses = [ipma.read(wide) for _ in range(ipma.read(1))]
        left -= len(uses)
        if left < 0:
            raise ValueError("too many properties")
        result[number] = tuple(
            (*all_[(use & ~essential) - 1], bool(use & essential)) for use in uses if use
        )
    return result


def _references(iref: bytes) -> Iterator[tuple[bytes, int, tuple[int, ...]]]:
    wide = 2 if iref[0] == 0 else 4
    for name, body in split(iref[4:]):
        fields = Fields(body)
        source = fields.read(wide)
        yield name, source, tuple(fields.read(wide) for _ in range(fields.read(2)))


def written(ftyp: bytes, still: Still) -> bytes:
    """A file of this ftyp box, one meta box and mdat; equal data of items stands there once."""
    order = sorted(still.items, key=lambda number: still.items[number].at)
    pieces = list(dict.fromkeys(still.items[number].data for number in order))
    places: dict[bytes, int] = {}
    start = 0
    for _ in range(2):  # the second time with the right offsets
        at = start
        for piece in pieces:
            places[piece] = at
            at += len(piece)
        head = ftyp + _meta(still, places)
        start = len(head) + 8
    return head + box(b"mdat", *pieces)


def _meta(still: Still, places: dict[bytes, int]) -> bytes:
    numbers = sorted(still.items)
    count = struct.pack(">H", len(numbers))
    iloc, infos = [], []
    for number in numbers:
        item = still.items[number]
        iloc.append(struct.pack(">HHHII", number, 0, 1, places[item.data], len(item.data)))
        flags = 0x02000000 | item.hidden
        infos.append(box(b"infe", struct.pack(">IHH", flags, number, 0), item.kind, b"\0"))
    references = [
        box(name, struct.pack(f">HH{len(to)}H", source, len(to), *to))
        for name, source, to in still.references
    ]
    return box(
        b"meta",
        bytes(4),
        box(b"hdlr", bytes(8), b"pict", bytes(13)),
        box(b"pitm", bytes(4), struct.pack(">H", still.primary)),
        box(b"iloc", bytes(4), b"\x44\0", count, *iloc),
        box(b"iinf", bytes(4), count, *infos),
        *([box(b"iref", bytes(4), *references)] if references else []),
        _iprp(still),
    )


def _iprp(still: Still) -> bytes:
    every = [(name, body) for item in still.items.values() for name, body, _ in item.properties]
    distinct = list(dict.fromkeys(every))
    if len(distinct) > _MAX_PROPERTIES:
        raise ValueError("too many properties")
    uses = []
    for number, item in sorted(still.items.items()):
        marks = [
            1 + distinct.index((name, body)) | essential << 7
            for name, body, essential in item.properties
        ]
        uses.append(struct.pack(">HB", number, len(marks)) + bytes(marks))
    ipco = box(b"ipco", *(box(name, body) for name, body in distinct))
    ipma = box(b"ipma", bytes(4), struct.pack(">I", len(uses)), *uses)
    return box(b"iprp", ipco, ipma)
