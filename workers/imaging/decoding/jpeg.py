"""JPEG as libjpeg reads it.

Pillow parses and keeps each segment that it meets, refuses some that libjpeg passes over, and
refuses a file without EOI even if every pixel is there.
"""

import io
import re
from collections.abc import Iterator

from PIL import Image

from workers.imaging.decoding.digest import pixel_digest
from workers.imaging.formats.jpeg import END, SCAN, has_all_scans, segments

_QUANTISATION = 0xDB
_APPLICATIONS, _COMMENT = range(0xE0, 0xF0), 0xFE

# SOI, EOI and reserved markers. Pillow reads no length after them but looks for the next marker, so
# it would see segments that `segments` skips as their body; libjpeg refuses all of them.
_NO_SEGMENT = (0xC8, 0xD8, 0xD9, *range(0xF0, 0xFE))

# Application segments that are kept: marker, how the body begins, and the bytes from which on
# libjpeg takes it for that. Component colours, orientation and profile.
_JFIF, _EXIF, _PROFILE, _ADOBE = (
    (0xE0, b"JFIF\0", 14),
    (0xE1, b"Exif\0\0", 6),
    (0xE2, b"ICC_PROFILE\0", 14),
    (0xEE, b"Adobe", 12),
)
_PROFILE_NUMBER, _PROFILE_COUNT = 12, 13  # offsets in the body: ICC.1:2022, B.4

# All quantisation tables together; a file has four at most, and Pillow takes 8 µs per table.
_MAX_TABLE_BYTES = 65_535

_EOI = bytes((0xFF, END))

# Bits that a decoder would read instead of missing ones; several, since some may by chance mean
# the same as what was cut off. No byte is FF, and it is enough for the largest block. All but one
# of `UNENDED_TIMES` are spent on them.
_OTHER_BITS = (b"\x5a\x96" * 100, b"\xe1\xb7\xd3" * 66, b"\x33\xcc\x0f" * 66, b"\xfe\x7d" * 100)
_RESTART, _RESTART_NUMBERS = 0xD0, 8
_ANY_RESTART = re.compile(rb"\xff[\xd0-\xd7]")
_FILL = re.compile(rb"\xff{2,}")  # Pillow takes quadratic time for it, in each of several decodings


def without_unneeded_segments(data: bytes) -> bytes:
    """The file with only those segments before its first scan that are needed to show it.

    Only the first EXIF segment stays: Pillow joins all of them, in quadratic time. The profile
    comes first, since Pillow passes over one behind the frame header. Returns `data` itself if
    there is no scan. Raises ValueError for tables or segments without end, and for a marker that no
    decoder passes over.
    """
    kept: list[bytes] = []
    profile: list[bytes] = []
    exif = tables = 0
    for marker, start, end in segments(data):
        segment = data[start:end]
        if marker == SCAN:
            return b"".join((data[:2], *_whole(profile), *kept, data[start:]))
        if marker in _NO_SEGMENT:
            raise ValueError("not a segment of a JPEG")
        exif += _is(segment, _EXIF)
        tables += len(segment) if marker == _QUANTISATION else 0
        if tables > _MAX_TABLE_BYTES:
            raise ValueError("too many tables")
        if _is(segment, _PROFILE):
            profile.append(segment)
        elif _is_needed(segment) and not (_is(segment, _EXIF) and exif > 1):
            kept.append(segment)
    return data


def _is_needed(segment: bytes) -> bool:
    marker = segment[1]
    if marker in _APPLICATIONS or marker == _COMMENT:
        return any(_is(segment, known) for known in (_JFIF, _EXIF, _ADOBE))
    return True


def _is(segment: bytes, known: tuple[int, bytes, int]) -> bool:
    marker, name, least = known
    return segment[1] == marker and segment.startswith(name, 4) and len(segment) >= 4 + least


def _whole(profile: list[bytes]) -> list[bytes]:
    """The segments of a profile in order; none unless each is there once, as in libjpeg."""
    by_number = {segment[4 + _PROFILE_NUMBER]: segment for segment in profile}
    count = len(profile)
    if sorted(by_number) != [*range(1, count + 1)]:
        return []
    if any(segment[4 + _PROFILE_COUNT] != count for segment in profile):
        return []
    return [by_number[number] for number in sorted(by_number)]


def with_end(data: bytes) -> bytes:
    """The file with EOI if only that is missing; as it is if pixels are missing too.

    libjpeg reads zeros for missing bits. So the last scan is whole if other bits behind it change
    no pixel. Raises what Pillow raises.
    """
    if not has_all_scans(data):
        return data
    scan_at = max(end for marker, _, end in segments(data) if marker == SCAN)
    scan = _FILL.sub(b"\xff", data[scan_at:]).rstrip(b"\xff")
    given = data[:scan_at] + scan
    ended = given + _EOI
    seen = _digest(ended)
    same = all(_digest(given + more + _EOI) == seen for more in _continuations(scan))
    return ended if same else data


def _continuations(scan: bytes) -> Iterator[bytes]:
    """What might follow in a scan that is not whole: other bits, with the restarts that are due."""
    restarts = len(_ANY_RESTART.findall(scan))
    numbers = ((restarts + more) % _RESTART_NUMBERS for more in range(_RESTART_NUMBERS))
    markers = [bytes((0xFF, _RESTART + number)) for number in numbers]
    for bits in _OTHER_BITS:
        yield b"".join(bits + marker for marker in markers) + bits


def _digest(data: bytes) -> bytes:
    return pixel_digest(Image.open(io.BytesIO(data), formats=["JPEG"]))
