"""What the meta box of an AVIF or HEIC says: items, properties and references.

HEIF, ISO/IEC 23008-12. Stricter than the probe: ValueError, LookupError or struct.error where
readers might differ, since what is not understood cannot be left out safely.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from workers.imaging.formats.isobmff import Entry, Fields, Location, entry, locations, whole_boxes

Property = tuple[bytes, bytes, bool]  # type, body, whether a reader must know it

_MAX_USES = 400_000  # of properties by items
_MAX_TIMES = 2  # times the file's length that all items may have together


@dataclass(frozen=True)
class Item:
    """A coded picture, or a rule to assemble one.

    at: offset of its first byte in the file.
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


def single(boxes: Iterable[tuple[bytes, bytes]], *names: bytes) -> dict[bytes, bytes]:
    """The bodies of these boxes; ValueError where one comes twice, since readers take either."""
    found: dict[bytes, bytes] = {}
    for name, body in boxes:
        if name in names and found.setdefault(name, body) is not body:
            raise ValueError("a second box")
    return found


def read(data: bytes, meta: bytes) -> Still:
    """What the body of a meta box says, with the items' data taken from the whole file."""
    parts = (b"pitm", b"iloc", b"iinf", b"iref", b"iprp", b"idat")
    found = single(whole_boxes(meta[4:]), *parts)
    primary = _primary(found[b"pitm"])
    places = dict(_places(found[b"iloc"], data, found.get(b"idat", b"")))
    properties = _properties(found[b"iprp"])
    items = {
        number: Item(kind, hidden, places[number][1], places[number][0], properties.get(number, ()))
        for number, kind, hidden in _entries(found[b"iinf"])
        if number in places
    }
    return Still(primary, items, tuple(_references(found.get(b"iref", bytes(4)))))


def primary_properties(meta: bytes) -> tuple[Property, ...]:
    """The properties of the primary item, by the body of a meta box."""
    found = single(whole_boxes(meta[4:]), b"pitm", b"iprp")
    return _properties(found[b"iprp"]).get(_primary(found[b"pitm"]), ())


def _primary(pitm: bytes) -> int:
    fields = Fields(pitm)
    return fields.read(2 if fields.read(4) >> 24 == 0 else 4)


def _entries(iinf: bytes) -> Iterator[Entry]:
    """What each infe box of HEIF, which has version 2 or 3, says of its item."""
    for name, body in whole_boxes(iinf[6 if iinf[0] == 0 else 8 :]):
        if name == b"infe" and body[0] in (2, 3):
            item, protected = entry(Fields(body))
            if protected:
                raise ValueError("protected")
            yield item


def _places(iloc: bytes, data: bytes, idat: bytes) -> Iterator[tuple[int, tuple[int, bytes]]]:
    """Number, first offset and data of each item."""
    left = _MAX_TIMES * len(data)
    for place in locations(Fields(iloc)):
        left -= sum(length for _, length in place.extents)
        if place.method > 1 or place.elsewhere or left < 0:
            raise ValueError("not where data can be")
        first = next((at for at, _ in place.extents if at), 0)
        yield place.number, (first, b"".join(_parts(place, idat if place.method else data)))


def _parts(place: Location, data: bytes) -> Iterator[bytes]:
    """The bytes of each extent; ValueError where one is empty or reaches past the data."""
    for at, length in place.extents:
        part = data[at : at + length]
        if len(part) != length or not length:
            raise ValueError("cut short")
        yield part


def _properties(iprp: bytes) -> dict[int, tuple[Property, ...]]:
    """The properties of each item, in order; several ipma boxes may share the items."""
    boxes = [*whole_boxes(iprp)]
    listed = [*whole_boxes(single(boxes, b"ipco")[b"ipco"])]
    left = _MAX_USES
    result: dict[int, tuple[Property, ...]] = {}
    for body in (body for name, body in boxes if name == b"ipma"):
        for number, uses in _uses(Fields(body)):
            left -= len(uses)
            if left < 0 or number in result:
                raise ValueError("too many properties")
            result[number] = tuple(
                (*listed[place - 1], essential) for place, essential in uses if place
            )
    return result


def _uses(ipma: Fields) -> Iterator[tuple[int, list[tuple[int, bool]]]]:
    """Each item of an ipma box: its properties' places in ipco, and whether they are essential."""
    flags = ipma.read(4)
    wide = 2 if flags & 1 else 1
    essential = 0x8000 if wide == 2 else 0x80
    for _ in range(ipma.read(4)):
        number = ipma.read(2 if flags >> 24 == 0 else 4)
        marks = [ipma.read(wide) for _ in range(ipma.read(1))]
        yield number, [(mark & ~essential, bool(mark & essential)) for mark in marks]


def _references(iref: bytes) -> Iterator[tuple[bytes, int, tuple[int, ...]]]:
    wide = 2 if iref[0] == 0 else 4
    for name, body in whole_boxes(iref[4:]):
        fields = Fields(body)
        source = fields.read(wide)
        yield name, source, tuple(fields.read(wide) for _ in range(fields.read(2)))
