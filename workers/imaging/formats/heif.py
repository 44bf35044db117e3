"""The size of a HEIC: the largest that its boxes or the HEVC in it name.

The boxes (`isobmff`) may name a size smaller than that of the pictures they lead to, and
a decoder allocates for the pictures.
"""

import struct
from collections.abc import Iterator

from shared.errors import UnsupportedImageError
from workers.imaging.formats import hevc
from workers.imaging.formats.derived import check_work
from workers.imaging.formats.isobmff import (
    Buffer,
    Entry,
    Fields,
    Group,
    Size,
    entries,
    grid_size,
    items,
    locations,
    only,
    walk,
)
from workers.imaging.formats.measured import Measured

_CODED, _DERIVED = b"hvc1", (b"grid", b"iovl")
_PICTURES = (_CODED, *_DERIVED, b"iden")
_OTHERS = {b"av01", b"avc1", b"vvc1", b"evc1", b"jpeg", b"j2k1"}
_UNMEASURED = {b"unci", b"tili", b"mski"}  # libheif may decode these; their size is not read here

# Bytes. Profiles and metadata are copied for each picture that stands on its own; a phone's
# file has one such, with less than 2 MB, and a burst of 20 hardly more.
_MAX_COPIES = 200_000_000


def measure(data: bytes) -> Measured:
    """The largest of all item and HEVC sizes, before any cropping.

    Grids, overlays and their tiles are included. Frames are the samples of the longest track,
    although the still beside the tracks is what is read. Raises UnsupportedImageError if there is
    no HEVC-coded still, and ValueError, IndexError or struct.error where boxes or HEVC are damaged.
    """
    group: Group = {}  # all boxes: two tables of items are one too many, wherever they stand
    for name, start, end, _ in walk(data):
        group.setdefault(name, []).append((start, end))
    if b"mini" in group:  # ISO/IEC 23008-12, Amd 2: items without boxes of their own
        raise ValueError("a box that is not read")
    known = entries(data, group)
    _check_kinds(group, known)
    _check_copies(data, group, known)
    sizes = [struct.unpack_from(">II", data, start + 4) for start, _ in group.get(b"ispe", ())]
    sizes += _picture_sizes(data, group)
    samples = [struct.unpack_from(">I", data, start + 8)[0] for start, _ in group.get(b"stsz", ())]
    width, height = max(wide for wide, _ in sizes), max(high for _, high in sizes)
    check_work(data, group, width * height)
    return Measured(width, height, max((1, *samples)))


def _check_kinds(group: Group, known: set[Entry]) -> None:
    kinds = {item.kind for item in known}
    if kinds & _UNMEASURED or (_CODED not in kinds and (kinds & _OTHERS or b"moov" in group)):
        raise UnsupportedImageError(
            "This HEIF file has no still picture coded with HEVC, the only coding that is supported"
        )


def _check_copies(data: bytes, group: Group, known: set[Entry]) -> None:
    """Refuse a file whose profiles and metadata would be copied without end."""
    located = only(group, b"iloc")
    if located is None:
        raise ValueError("no items")
    aside = {item.number for item in known if item.kind not in _PICTURES}
    alone = sum(1 for item in known if item.kind in _PICTURES and not item.hidden)
    extra = sum(end - start for start, end in group.get(b"colr", ()))
    for number, _, _, extents in locations(Fields(data, located)):
        if number in aside:
            extra += sum(size for _, size in extents)
    if (alone + 1) * extra > _MAX_COPIES:  # the primary item counts even if it is hidden
        raise ValueError("too much beside the pictures")


def _picture_sizes(data: bytes, group: Group) -> Iterator[Size]:
    """The sizes in all configurations and items, and of what is derived from items."""
    budget = hevc.new_budget()
    coded = 0
    for start, end in group.get(b"hvcC", ()):
        yield from hevc.configured(memoryview(data)[start:end], budget)
    for kind, piece in items(data, group, (_CODED, *_DERIVED)):
        if kind == _CODED:
            yield from hevc.picture(piece, budget)
            coded += 1
        else:
            yield grid_size(piece) if kind == b"grid" else _overlay_size(piece)
    if not coded:
        raise ValueError("no picture")


def _overlay_size(piece: Buffer) -> Size:
    """Width and height of the canvas that pictures are placed on: HEIF, 6.6.2.2."""
    width, height = struct.unpack_from(">II" if piece[1] & 1 else ">HH", piece, 10)
    return width, height
