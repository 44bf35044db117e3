"""The properties of the picture that libavif decodes: the primary item, or the frames of a track.

Boxes of ISO/IEC 14496-12 and of HEIF, ISO/IEC 23008-12.
"""

import struct
from fractions import Fraction

from workers.imaging.formats.heif_items import primary_properties
from workers.imaging.formats.isobmff import Size, whole_boxes

Crop = tuple[int, int, int, int]  # left, top, right, bottom

# The path from an image sequence's moov box to the properties of its frames: each box, and its
# bytes before the boxes in it. ISO/IEC 14496-12, 8.3 to 8.5, and 12.1.3 for av01.
_TO_PROPERTIES = (
    (b"moov", 0),
    (b"trak", 0),
    (b"mdia", 0),
    (b"minf", 0),
    (b"stbl", 0),
    (b"stsd", 8),
    (b"av01", 78),
)


def properties_of(data: bytes) -> list[tuple[bytes, bytes]]:
    """Type and body of each property; those of all AV1 tracks in an image sequence.

    data: the whole file. Empty where the boxes make no sense.
    """
    try:
        return _of_tracks(data) if data[8:12] == b"avis" else _of_primary(data)
    except (ValueError, LookupError, StopIteration, struct.error):
        return []


def crop_of(data: bytes, size: Size) -> Crop | None:
    """The part of the picture that is to be shown, by its clap box; None for all of it.

    size: of the decoded picture, which irot and imir turn only after cropping (MIAF, ISO/IEC
    23000-22, 7.3.6.7). A clap whose edges are not whole pixels of the picture is passed over, as
    libavif and browsers do.
    """
    for name, body in properties_of(data):
        if name == b"clap" and len(body) >= 32:
            return _aperture(body, size)
    return None


def _aperture(body: bytes, size: Size) -> Crop | None:
    """ISO/IEC 14496-12, 12.1.4: two sides and how far their middle is from the picture's."""
    numbers = struct.unpack_from(">8i", body)
    if min(numbers[1::2]) <= 0:
        return None
    wide, high, right, down = map(Fraction, numbers[::2], numbers[1::2])
    left, top = right + (size[0] - wide) / 2, down + (size[1] - high) / 2
    edges = left, top, left + wide, top + high
    if any(edge.denominator != 1 for edge in edges):
        return None
    x1, y1, x2, y2 = map(int, edges)
    return (x1, y1, x2, y2) if 0 <= x1 < x2 <= size[0] and 0 <= y1 < y2 <= size[1] else None


def _of_primary(data: bytes) -> list[tuple[bytes, bytes]]:
    """A grid has properties of its own."""
    meta = next(body for name, body in whole_boxes(data) if name == b"meta")
    return [(name, body) for name, body, _ in primary_properties(meta)]


def _of_tracks(data: bytes) -> list[tuple[bytes, bytes]]:
    found = [next(body for name, body in whole_boxes(data) if name == b"moov")]
    inner_names = [name for name, _ in _TO_PROPERTIES[1:]]
    for (_, head), wanted in zip(_TO_PROPERTIES, inner_names, strict=False):
        found = [body for box in found for name, body in whole_boxes(box[head:]) if name == wanted]
    entry_head = _TO_PROPERTIES[-1][1]
    return [box for entry in found for box in whole_boxes(entry[entry_head:])]
