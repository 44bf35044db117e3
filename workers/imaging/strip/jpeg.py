"""JPEG, ITU-T T.81: marker segments and the entropy-coded data between them."""

import struct

from workers.imaging.formats.jpeg import END, SCAN, segments

_SOI = b"\xff\xd8"
_APP0, _APP14, _APP15, _COM = 0xE0, 0xEE, 0xEF, 0xFE

# DHT, DQT and DRI; SOF0 to SOF2: baseline, extended and progressive, all Huffman-coded. Browsers
# decode no other. DNL is not among them: decoders differ in whether they believe it.
_FRAMES = (0xC0, 0xC1, 0xC2)
_KEPT = (0xC4, 0xDB, 0xDD, *_FRAMES)

# JFIF 1.02 and Adobe TN 5116: they stay as far as they tell which colours the components are. The
# first without its density and thumbnail, the second without versions and flags of its writer.
_JFIF = b"JFIF\0\1\1\0\0\1\0\1\0\0"
_ADOBE = b"Adobe\0\x64\0\0\0\0"


def strip(data: bytes) -> bytes:
    """From SOI to the first EOI, without APPn and COM; ValueError for anything unusual.

    What follows the first EOI is no part of the picture: further pictures (MPF), gain maps, or
    anything else that was appended.
    """
    if data[:2] != _SOI:
        raise ValueError("no JPEG")
    out = [_SOI]
    at, frames = 2, 0
    in_scan = False
    for marker, start, end in segments(data, reserved=True):
        between = data[at:start].rstrip(b"\xff")  # fill bytes may stand before any marker
        if between and not in_scan:
            raise ValueError("not a marker")
        out.append(between)
        if marker == END:
            break
        if end < start + 4 or end > len(data):
            raise ValueError("cut short")
        frames += marker in _FRAMES
        out.append(_segment(marker, data[start + 4 : end]))
        at, in_scan = end, marker == SCAN
    else:
        raise ValueError("no end of image")
    if frames != 1:
        raise ValueError("not one picture")
    return b"".join(out) + bytes((0xFF, END))


def _segment(marker: int, body: bytes) -> bytes:
    """A segment as it is written, empty if it is left out."""
    if marker == _APP0 and body.startswith(b"JFIF\0") and len(body) >= 14:
        body = _JFIF
    elif marker == _APP14 and body.startswith(b"Adobe") and len(body) >= 12:
        body = _ADOBE + body[11:12]
    elif _APP0 <= marker <= _APP15 or marker == _COM:
        return b""
    elif marker != SCAN and marker not in _KEPT:
        raise ValueError("a marker that is not for every decoder")
    return struct.pack(">BBH", 0xFF, marker, 2 + len(body)) + body
