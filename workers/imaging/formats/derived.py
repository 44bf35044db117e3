"""Limits the decoding work of HEIC pictures that are derived from other pictures.

A grid or an overlay names the items that it is made of (dimg, ISO/IEC 23008-12, 6.4.7), and
may name a large one a thousand times for a small canvas: libheif then decodes it as often.
"""

from collections.abc import Mapping

from workers.imaging.formats.isobmff import Fields, Group, only

_MAX_TIMES = 8  # times the largest picture; a phone's grid with its gain map takes less than 4
_MAX_DEPTH = 8  # of pictures made of pictures; phones have 3
_MAX_NAMED = 100_000  # properties and inputs of all items together
_SMALL = 1_000_000  # pixels that may be decoded at any size

_Counts = dict[int, list[int]]  # by item


def check_work(data: bytes, group: Group, pixels: int) -> None:
    """Refuse a file for which far more is decoded than its largest picture.

    pixels: width times height of that picture. Raises ValueError, also where a picture is made of
    itself.
    """
    inputs = _inputs(data, group)
    if inputs:
        areas = _areas(data, group)
        costs: dict[int, int] = {}
        for item in inputs:
            _cost(item, inputs, areas, costs, pixels)


def _cost(
    item: int,
    inputs: Mapping[int, list[int]],
    areas: Mapping[int, int],
    costs: dict[int, int],
    pixels: int,
    depth: int = 0,
) -> int:
    """Pixels that are made for one item; one without a size of its own counts as the largest."""
    if item in costs:
        return costs[item]
    if depth > _MAX_DEPTH:
        raise ValueError("made of too many layers")
    cost = areas.get(item, pixels)
    for source in inputs.get(item, ()):
        cost += _cost(source, inputs, areas, costs, pixels, depth + 1)
    if cost > _MAX_TIMES * max(pixels, _SMALL):
        raise ValueError("made of too much")
    costs[item] = cost
    return cost


def _inputs(data: bytes, group: Group) -> _Counts:
    """What each derived item is made of, from the dimg boxes in iref."""
    found: _Counts = {}
    references = only(group, b"iref")
    if references is None:
        return found
    size = 4 if Fields(data, references).read(4) >> 24 else 2
    left = _MAX_NAMED
    for span in group.get(b"dimg", ()):
        fields = Fields(data, span)
        item, count = fields.read(size), fields.read(2)
        left -= 1 + count
        if left < 0:
            raise ValueError("too many inputs")
        found.setdefault(item, []).extend(fields.read(size) for _ in range(count))
    return found


def _areas(data: bytes, group: Group) -> dict[int, int]:
    """Width times height in each item's ispe; libheif refuses HEVC far larger than that."""
    sizes = _listed_sizes(data, group)
    found: dict[int, int] = {}
    left = _MAX_NAMED
    for span in group.get(b"ipma", ()):
        fields = Fields(data, span)
        head = fields.read(4)
        for _ in range(fields.read(4)):
            item = fields.read(4 if head >> 24 else 2)
            count = fields.read(1)
            left -= 1 + count
            if left < 0:
                raise ValueError("too many properties")
            for _ in range(count):
                number = fields.read(2) & 0x7FFF if head & 1 else fields.read(1) & 0x7F
                if number in sizes:
                    found[item] = max(found.get(item, 0), sizes[number])
    return found


def _listed_sizes(data: bytes, group: Group) -> dict[int, int]:
    """The area in each ispe by its place in ipco, counted from 1."""
    listed = only(group, b"ipco")
    if listed is None:
        return {}
    start, end = listed
    sizes = set(group.get(b"ispe", ()))
    found = {}
    number = 0
    edge = start
    for span in sorted(span for spans in group.values() for span in spans):
        if edge < span[0] <= end and span[1] <= end:  # a box behind the last, not within it
            number, edge = number + 1, span[1]
            if span in sizes:
                fields = Fields(data, span)
                fields.read(4)
                found[number] = fields.read(4) * fields.read(4)
    return found
