"""JPEG, ITU-T T.81: marker segments and the entropy-coded data between them."""

import re
import struct

_SOI, _EOI, _SOS = 0xD8, 0xD9, 0xDA
_APP0, _APP14, _APP15, _COM = 0xE0, 0xEE, 0xEF, 0xFE

# DHT, DQT and DRI; SOF0 to SOF2: baseline, extended and progressive, all Huffman-coded. Browsers
# decode no other. DNL is not among them: decoders differ in whether they believe it.
_FRAMES = (0xC0, 0xC1, 0xC2)
_KEPT = (0xC4, 0xDB, 0xDD, *_FRAMES)

# Where a scan ends: a marker that is neither a stuffed zero nor a restart. Fill bytes before it are
# not looked for here: a search that starts anew at each of a million takes their square.
_SCAN_END = re.compile(rb"\xff[^\x00\xff\xd0-\xd7]")

# JFIF 1.02 and Adobe TN 5116: they stay as far as they tell which colours the components are. The
# first without its density and thumbnail, the second without versions and flags of its writer.
_JFIF = b"JFIF\0\1\1\0\0\1\0\1\0\0"
_ADOBE = b"Adobe\0\x64\0\0\0\0"


_MAX_SEGMENTS = 100_000  # a full 20 MB of tiny ones would take seconds


def strip(data: bytes) -> bytes:
    """From SOI to the first EOI, without APPn and COM; ValueError where that is not all.

    What follows the first EOI is no part of the picture: further pictures (MPF), gain maps,
    whatever a camera or a joker put there.
    """
    if data[:2] != bytes((0xFF, _SOI)):
        raise ValueError("no JPEG")
    out = [data[:2]]
    at = 2
    frames = 0
    for _ in range(_MAX_SEGMENTS):
        marker, at = _marker(data, at)
        if marker == _EOI:
            break
        length = struct.unpack_from(">H", data, at)[0]
        body = data[at + 2 : at + length]
        if length < 2 or len(body) != length - 2:
            raise ValueError("cut short")
        at += length
        frames += marker in _FRAMES
        out.append(_segment(marker, body))
        if marker == _SOS:
            end = _scan_end(data, at)
            out.append(data[at:end].rstrip(b"\xff"))
            at = end
    else:
        raise ValueError("too many segments")
    if frames != 1:
        raise ValueError("not one picture")
    return b"".join(out) + bytes((0xFF, _EOI))


def _marker(data: bytes, at: int) -> tuple[int, int]:
    """The marker there, after any fill bytes, and where it ends."""
    if data[at] != 0xFF:
        raise ValueError("not a marker")
    while data[at] == 0xFF:
        at += 1
    return data[at], at + 1


def _segment(marker: int, body: bytes) -> bytes:
    """A segment as it goes into the file, empty if it does not."""
    if marker == _APP0 and body.startswith(b"JFIF\0") and len(body) >= 14:
        body = _JFIF
    elif marker == _APP14 and body.startswith(b"Adobe") and len(body) >= 12:
        body = _ADOBE + body[11:12]
    elif _APP0 <= marker <= _APP15 or marker == _COM:
        return b""
    elif marker != _SOS and marker not in _KEPT:
        raise ValueError("a marker that is not for every decoder")
    return struct.pack(">BBH", 0xFF, marker, 2 + len(body)) + body


def _scan_end(data: bytes, at: int) -> int:
    found = _SCAN_END.search(data, at)
    if found is None:
        raise ValueError("no end of image")
    return found.start()
