"""JPEG, without what its decoder needs not: Pillow parses and keeps each segment that it meets."""

import re
from collections.abc import Iterator

_SCAN, _QUANTISATION = 0xDA, 0xDB
_APPLICATIONS, _COMMENT = range(0xE0, 0xF0), 0xFE

# Of what applications write: which colours the components are, how to turn them, their profile.
_JFIF, _EXIF, _PROFILE, _ADOBE = (
    (0xE0, b"JFIF"),
    (0xE1, b"Exif\0\0"),
    (0xE2, b"ICC_PROFILE\0"),
    (0xEE, b"Adobe"),
)
_MAX_PROFILE = 255  # segments, which are numbered in one byte: ICC.1:2022, B.4

# Bytes of all quantisation tables, of which a file has four at most; Pillow takes 8 µs for each.
_MAX_TABLES = 65_535

_MARKER = re.compile(rb"\xff([\xc0-\xcf\xd8-\xfe])")


def without_baggage(data: bytes) -> bytes:
    """The file with only those segments before its first scan that say how to show it.

    Of EXIF the first: Pillow joins all there are, in time that grows with their square. The file
    itself where no scan is found. ValueError where tables go on without end.
    """
    kept = [data[:2]]
    exif = profiles = tables = 0
    for marker, start, end in _segments(data):
        if marker == _SCAN:
            return b"".join((*kept, data[start:]))
        here = (marker, data[start + 4 : start + 16])
        exif += _is(here, _EXIF)
        profiles += _is(here, _PROFILE)
        tables += end - start if marker == _QUANTISATION else 0
        if tables > _MAX_TABLES:
            raise ValueError("too many tables")
        wanted = (
            _is(here, _JFIF)
            or _is(here, _ADOBE)
            or (_is(here, _EXIF) and exif == 1)
            or (_is(here, _PROFILE) and profiles <= _MAX_PROFILE)
        )
        if wanted or (marker not in _APPLICATIONS and marker != _COMMENT):
            kept.append(data[start:end])
    return data


def _is(segment: tuple[int, bytes], known: tuple[int, bytes]) -> bool:
    return segment[0] == known[0] and segment[1].startswith(known[1])


def _segments(data: bytes) -> Iterator[tuple[int, int, int]]:
    """Marker, start and end of each segment; what is no segment is passed over."""
    at = 2
    while found := _MARKER.search(data, at):
        start = found.start()
        at = found.end() + int.from_bytes(data[found.end() : found.end() + 2], "big")
        yield data[start + 1], start, at
