"""Colour spaces given by code points in HEIC and AVIF: the nclx colr box, ISO/IEC 14496-12, 12.1.5.

The code points are those of PNG's cICP (ITU-T H.273), and are handled in the same way.
"""

import struct

from workers.imaging.colour.cicp import PRIMARIES, TRANSFERS, Codes
from workers.imaging.formats.heif_items import primary_properties
from workers.imaging.formats.isobmff import whole_boxes

_BT709, _SRGB = 1, 13  # primaries and transfer of sRGB
_RGB, _FULL_RANGE = 0, 1

# The camera curves of BT.709, BT.601 and BT.2020. Video encoders write them for pictures whose
# curve is sRGB's, and browsers read them as sRGB's.
_CAMERAS = (1, 6, 14, 15)

# The path from an image sequence's moov box to the colours of a picture: each box, and its bytes
# before the boxes in it. ISO/IEC 14496-12, 8.3 to 8.5, and 12.1.3 for av01.
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
    """What an nclx box says of pixels that a decoder has converted to RGB in full range.

    A code point that is unspecified or unknown is replaced by sRGB's.
    """
    if transfer in _CAMERAS or transfer not in TRANSFERS:
        transfer = _SRGB
    return primaries if primaries in PRIMARIES else _BT709, transfer, _RGB, _FULL_RANGE


def codes_in_avif(data: bytes) -> Codes | None:
    """The code points that the boxes of an AVIF file give for the picture that libavif decodes.

    None if there are none. An embedded profile takes precedence: the caller checks that. Code
    points that are only in the AV1 bitstream are not read. data: the whole file.
    """
    try:
        colours = _of_track(data) if data[8:12] == b"avis" else _of_primary(data)
        return next((codes_of(*struct.unpack_from(">HH", body, 4)) for body in colours), None)
    except (ValueError, LookupError, StopIteration, struct.error):
        return None


def _of_primary(data: bytes) -> list[bytes]:
    """The nclx boxes of the primary item; a grid has one of its own."""
    meta = next(body for name, body in whole_boxes(data) if name == b"meta")
    properties = primary_properties(meta)
    return [body for name, body, _ in properties if name == b"colr" and body[:4] == b"nclx"]


def _of_track(data: bytes) -> list[bytes]:
    """The nclx boxes of all AV1 tracks: the first is of the pictures, since alpha has none."""
    found = [next(body for name, body in whole_boxes(data) if name == b"moov")]
    wanted = [name for name, _ in _TO_COLOURS[1:]] + [b"colr"]
    for (_, head), inner in zip(_TO_COLOURS, wanted, strict=True):
        found = [body for box in found for name, body in whole_boxes(box[head:]) if name == inner]
    return [body for body in found if body[:4] == b"nclx"]
