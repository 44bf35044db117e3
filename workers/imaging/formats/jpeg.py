"""The segments of a JPEG, and what its headers say: ITU-T T.81, annex B."""

import re
from collections.abc import Iterator
from typing import NamedTuple

from workers.imaging.formats.measured import Measured

SCAN, END = 0xDA, 0xD9
_FRAMES = {*range(0xC0, 0xD0)} - {0xC4, 0xC8, 0xCC}  # frame headers: SOF0 to SOF15, table B.1
_PROGRESSIVE = {0xC2, 0xC6, 0xCA, 0xCE}

_COEFFICIENTS = 64  # of a block

# A JPEG of 20 MB in full segments has 300; encoders write 10 to 24 scans, each with its tables.
MAX_SEGMENTS = 10_000

# A marker with a length, or SOI or EOI. Decoders pass over what else follows a byte FF, which is
# stuffing, a restart, filling or reserved, in a scan as before it. The search is linear: fill bytes
# are not part of the pattern, or it would start anew at each of a million.
_MARKER = re.compile(rb"\xff([\xc0-\xcf\xd8-\xfe])")
_MARKER_OR_RESERVED = re.compile(rb"\xff([\x01-\xcf\xd8-\xfe])")

# Bytes between segments, which are no part of any, before the frame header. No encoder writes them.
_MAX_STRAY_BYTES = 20_000

# A decoder visits all blocks in each scan, and a scan can have only 16 bytes. So the pixels of all
# scans are limited to what decodes in 2 s, but 25 scans of 100 megapixels are accepted: encoders
# write 10, for CMYK 24.
_USUAL_SCANS = 25
_MAX_SCANNED = 2_500_000_000  # pixels in all scans
_LEAST_SCANNED = 1_000_000  # pixels that one scan counts as, since its tables are made anew

# How often a file without EOI is decoded before its own turn, to see whether pixels are missing.
UNENDED_TIMES = 5


class Segment(NamedTuple):
    """One marker segment. start: offset of the FF of its marker; end: offset behind its body.

    `end` is what the two bytes behind the marker say, also for SOI and EOI, which have no length,
    and never before the end of these two, as in libjpeg. In a file that is cut short it may lie
    behind the data.
    """

    marker: int
    start: int
    end: int


def segments(data: bytes, *, reserved: bool = False) -> Iterator[Segment]:
    """Each segment behind SOI, up to the end of the data; what is no segment is passed over.

    reserved: also what follows the markers 01 to BF, which no decoder reads. Raises ValueError
    after `MAX_SEGMENTS` segments.
    """
    pattern = _MARKER_OR_RESERVED if reserved else _MARKER
    at = 2
    for _ in range(MAX_SEGMENTS):
        found = pattern.search(data, at)
        if found is None:
            return
        behind = found.end()
        at = behind + max(2, int.from_bytes(data[behind : behind + 2], "big"))
        yield Segment(data[behind - 1], found.start(), at)
    raise ValueError("too many segments")


def measure(data: bytes) -> Measured:
    """What the first frame header says, which must come before any scan, and whether EOI follows.

    Raises ValueError where there is none, where it breaks off, or where the scans would cost far
    more than the pixels.
    """
    measured: Measured | None = None
    at, stray, scans, unended = 2, 0, 0, True
    for marker, start, end in segments(data):
        if marker == END:
            unended = False
            break
        scans += marker == SCAN
        if measured is None:
            stray += start - at
            if marker == SCAN or stray > _MAX_STRAY_BYTES:
                raise ValueError("no frame header")
            measured = _frame(marker, data[start + 4 : end]) if marker in _FRAMES else None
            at = end
    if measured is None:
        raise ValueError("no frame header")
    times = 1 + UNENDED_TIMES * unended
    scanned = times * max(measured.width * measured.height, _LEAST_SCANNED)
    if scans > max(_USUAL_SCANS, _MAX_SCANNED // scanned):
        raise ValueError("too many scans")
    return measured._replace(unended=unended)


def _frame(marker: int, body: bytes) -> Measured:
    """What a frame header says, B.2.2: precision, lines, samples per line."""
    if len(body) < 6:
        raise ValueError("cut short")
    height, width = int.from_bytes(body[1:3], "big"), int.from_bytes(body[3:5], "big")
    return Measured(width, height, progressive=marker in _PROGRESSIVE)


def has_all_scans(data: bytes) -> bool:
    """Whether there are scans for every bit of every coefficient: T.81, B.2.3 and G.1.1.1.

    Only headers are read: the last scan may be cut short. Encoders may also leave bits out, but
    only EOI says that they did.
    """
    missing: set[tuple[int, int]] | None = None  # component and coefficient
    progressive = False
    for marker, start, end in segments(data):
        body = data[start + 4 : end]
        if marker in _FRAMES:
            if missing is not None:
                return False
            missing = {(number, at) for number in body[6::3] for at in range(_COEFFICIENTS)}
            progressive = marker in _PROGRESSIVE
        elif marker == SCAN and missing:
            missing -= _brought(body, progressive)
    return missing is not None and not missing


def _brought(scan: bytes, progressive: bool) -> set[tuple[int, int]]:
    """The coefficients that a scan brings down to the lowest bit, by the body of its header."""
    count = min(scan[0], 4) if scan else 0
    numbers = scan[1 : 1 + 2 * count : 2]
    first, last, bits = (*scan[1 + 2 * count :], 0, 0, 0)[:3]
    if not progressive:
        first, last, bits = 0, _COEFFICIENTS - 1, 0
    if bits & 15:
        return set()
    return {(number, at) for number in numbers for at in range(first, last + 1)}
