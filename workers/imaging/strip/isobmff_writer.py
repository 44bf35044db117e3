"""An AVIF or HEIC written from items that were read: ISO/IEC 14496-12 and HEIF, 23008-12."""

import struct

from workers.imaging.formats.heif_items import Still

_MAX_PROPERTIES = 127  # that an ipma of 8 bits can number


def box(name: bytes, *parts: bytes) -> bytes:
    """One box around these parts."""
    body = b"".join(parts)
    return struct.pack(">I4s", 8 + len(body), name) + body


def written(ftyp: bytes, still: Still) -> bytes:
    """A file of this ftyp box, one meta box and mdat, which holds equal data of items once."""
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
