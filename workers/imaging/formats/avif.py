"""The size of an AVIF: the largest that its boxes or the AV1 in it name.

The boxes (`isobmff`) may name a size smaller than that of the frames they lead to, and a
decoder allocates for the frames.
"""

import struct
from collections.abc import Iterator

from workers.imaging.formats import av1
from workers.imaging.formats.isobmff import Fields, Group, grid_size, items, only, walk
from workers.imaging.formats.measured import Measured

# Times the largest picture's pixels that all frames together may have: four layers, and as many of
# alpha. Thousands that are never shown fit into the bytes of one, and a decoder makes them all.
_MAX_TIMES = 8
_SMALL = 1_000_000  # pixels that may be decoded at any size


def measure(data: bytes) -> Measured:
    """The largest of all item, track and AV1 frame sizes, grids and their tiles included.

    In an image sequence, frames are the samples of the longest track; the AV1 of its first sample
    is read. Raises ValueError, IndexError or struct.error where boxes or AV1 are damaged or have
    no picture.
    """
    sizes: list[av1.Size] = []
    frames = 1
    groups: list[Group] = [{}]
    for name, start, end, _ in walk(data):
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
    budget = av1.Budget()
    sizes += _frame_sizes(data, groups, budget)
    width, height = max(wide for wide, _ in sizes), max(high for _, high in sizes)
    if budget.pixels > _MAX_TIMES * max(width * height, _SMALL):
        raise ValueError("too many frames in a still")
    return Measured(width, height, frames)


def _frame_sizes(data: bytes, groups: list[Group], budget: av1.Budget) -> Iterator[av1.Size]:
    """The sizes in the AV1 of all items, first samples and configurations, and those of grids."""
    pictures = 0
    for group in groups:
        for start, end in group.get(b"av1C", ()):
            # configOBUs, AV1 Codec ISO Media File Format Binding, 2.3; mostly there are none
            yield av1.largest_frame(data[start + 4 : end], budget) or (0, 0)
        for kind, piece in (*items(data, group, (b"av01", b"grid")), *_first_sample(data, group)):
            size = grid_size(piece) if kind == b"grid" else av1.largest_frame(piece, budget)
            if size is None:
                raise ValueError("no sequence header")
            yield size
            pictures += 1
    if not pictures:
        raise ValueError("no picture")


def _first_sample(data: bytes, group: Group) -> Iterator[tuple[bytes, av1.Buffer]]:
    """The first sample of an AV1 track: it opens the first chunk (stco or co64, and stsz)."""
    if b"av01" not in group or b"stsd" not in group:
        return
    spans = [only(group, name) for name in (b"stsz", b"stco", b"co64")]
    sizes, *chunks = spans
    [(chunk, width)] = [(span, size) for span, size in zip(chunks, (4, 8), strict=True) if span]
    if sizes is None:
        raise ValueError("no sizes of samples")
    fields = Fields(data, sizes)
    fields.read(4)
    length = fields.read(4)
    count = fields.read(4)
    if not length and count:
        length = fields.read(4)
    fields = Fields(data, chunk)
    fields.read(8)
    start = fields.read(width)
    yield b"av01", memoryview(data)[start : start + length]
