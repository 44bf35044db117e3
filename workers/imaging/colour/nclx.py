"""Colours told by numbers in HEIC and AVIF: the colr box of type nclx, ISO/IEC 14496-12, 12.1.5.

Its numbers are those of PNG's cICP (ITU-T H.273), and so is what becomes of them.
"""

import struct

from workers.imaging.colour.cicp import PRIMARIES, TRANSFERS, Codes
from workers.imaging.strip.boxes import primary_properties, split

_BT709, _SRGB = 1, 13  # primaries and transfer of sRGB
_RGB, _FULL_RANGE = 0, 1

# The camera curves of BT.709, BT.601 and BT.2020. Encoders of video write them for pictures whose
# curve is sRGB's, and browsers take them for that.
_CAMERAS = (1, 6, 14, 15)

# From an image sequence's film box to a picture's colours: the boxes on the way, and what stands in
# each before those that it holds. ISO/IEC 14496-12, 8.3 to 8.5, and 12.1.3 for av01.
_TO_COLOURS = (
    (b"moov", 0),
    (b"trak", 0),
    (b"mdia", 0),
    (b"minf", 0),
    (b"stbl", 0),
    (b"stsd", 8),
    (b"av01", 78),
)


def codes_of(primaries: int, transfer: int) -> Codes:
    """What an nclx box says of pixels that a decoder has brought to RGB in full range.

    A number that says nothing or makes no sense stands for sRGB's.
    """
    if transfer in _CAMERAS or transfer not in TRANSFERS:
        transfer = _SRGB
    return primaries if primaries in PRIMARIES else _BT709, transfer, _RGB, _FULL_RANGE


def codes_in_avif(data: bytes) -> Codes | None:
    """What a whole AVIF file says of the picture that libavif takes, None where no box does.

    A profile beside the numbers outranks them: that is for the caller to see. What nothing but
    the AV1 itself tells is not looked for.
    """
    try:
        colours = _of_track(data) if data[8:12] == b"avis" else _of_primary(data)
        return next((codes_of(*struct.unpack_from(">HH", body, 4)) for body in colours), None)
    except (ValueError, LookupError, StopIteration, struct.error):
        return None


def _of_primary(data: bytes) -> list[bytes]:
    """The nclx boxes of the primary item; a grid has its own."""
    meta = next(body for name, body in split(data) if name == b"meta")
    properties = primary_properties(meta)
    return [body for name, body, _ in properties if name == b"colr" and body[:4] == b"nclx"]


def _of_track(data: bytes) -> list[bytes]:
    """The nclx boxes of all AV1 tracks, that of the pictures first: their alpha has none."""
    found = [next(body for name, body in split(data) if name == b"moov")]
    wanted = [name for name, _ in _TO_COLOURS[1:]] + [b"colr"]
    for (_, head), inner in zip(_TO_COLOURS, wanted, strict=True):
        found = [body for box in found for name, body in split(box[head:]) if name == inner]
    return [body for body in found if body[:4] == b"nclx"]
