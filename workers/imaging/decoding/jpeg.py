"""JPEG without unneeded segments: Pillow parses and keeps each segment that it meets."""

from workers.imaging.formats.jpeg import SCAN, segments

_QUANTISATION = 0xDB
_APPLICATIONS, _COMMENT = range(0xE0, 0xF0), 0xFE

# SOI, EOI and reserved markers. Pillow reads no length after them but looks for the next marker, so
# it would see segments that `segments` skips as their body; libjpeg refuses all of them.
_NO_SEGMENT = (0xC8, 0xD8, 0xD9, *range(0xF0, 0xFE))

# Application segments that are kept: component colours, orientation and profile.
_JFIF, _EXIF, _PROFILE, _ADOBE = (
    (0xE0, b"JFIF"),
    (0xE1, b"Exif\0\0"),
    (0xE2, b"ICC_PROFILE\0"),
    (0xEE, b"Adobe"),
)
_MAX_PROFILE_SEGMENTS = 255  # numbered in one byte: ICC.1:2022, B.4

# All quantisation tables together; a file has four at most, and Pillow takes 8 µs per table.
_MAX_TABLE_BYTES = 65_535


def without_unneeded_segments(data: bytes) -> bytes:
    """The file with only those segments before its first scan that are needed to show it.

    Only the first EXIF segment stays: Pillow joins all of them, in quadratic time. Returns `data`
    itself if there is no scan. Raises ValueError for tables or segments without end, and for a
    marker that no decoder passes over.
    """
    kept = [data[:2]]
    exif = profiles = tables = 0
    for marker, start, end in segments(data):
        if marker == SCAN:
            return b"".join((*kept, data[start:]))
        if marker in _NO_SEGMENT:
            raise ValueError("not a segment of a JPEG")
        here = (marker, data[start + 4 : start + 16])
        exif += _is(here, _EXIF)
        profiles += _is(here, _PROFILE)
        tables += end - start if marker == _QUANTISATION else 0
        if tables > _MAX_TABLE_BYTES:
            raise ValueError("too many tables")
        wanted = (
            _is(here, _JFIF)
            or _is(here, _ADOBE)
            or (_is(here, _EXIF) and exif == 1)
            or (_is(here, _PROFILE) and profiles <= _MAX_PROFILE_SEGMENTS)
        )
        if wanted or (marker not in _APPLICATIONS and marker != _COMMENT):
            kept.append(data[start:end])
    return data


def _is(segment: tuple[int, bytes], known: tuple[int, bytes]) -> bool:
    return segment[0] == known[0] and segment[1].startswith(known[1])
