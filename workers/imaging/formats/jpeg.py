"""What a JPEG's headers say of how it is coded: ITU T.81, table B.1."""

import re
from collections.abc import Iterator

_TABLES = {0xC4, 0xC8, 0xCC}  # among C0 to CF what is no frame header
_PROGRESSIVE = {0xC2, 0xC6, 0xCA, 0xCE}
_SCAN, _END = 0xDA, 0xD9
_MAX_SEGMENTS = 10_000

# A marker with a length, or SOI or EOI. What else follows a byte FF is stuffing, a restart or
# filling, in a scan as before it; decoders look for the next marker behind it, as this does.
_MARKER = re.compile(rb"\xff([\xc0-\xcf\xd8-\xfe])")

# A scan is a pass over all blocks whatever it holds, and 16 bytes can refine every coefficient by
# nothing: 0.6 to 1 ms a megapixel with libjpeg-turbo 3.2, so that the most here is 2 s. Encoders
# write 10 scans, in CMYK 24, and 100 megapixels of these are not to be refused.
_USUAL_SCANS = 25
_MAX_SCANNED = 2_500_000_000  # pixels in all scans
_LEAST_SCANNED = 1_000_000  # that one counts as: its tables are made anew


def is_progressive(data: bytes) -> bool:
    """Whether its coefficients come in several scans: a decoder then holds all of them.

    False too where no frame header is found.
    """
    frames = (marker for marker in _markers(data) if 0xC0 <= marker <= 0xCF)
    return next((marker for marker in frames if marker not in _TABLES), None) in _PROGRESSIVE


def check_scans(data: bytes, pixels: int) -> None:
    """Refuse a file whose scans cost far more than its pixels; ValueError.

    pixels: width times height.
    """
    scans = sum(marker == _SCAN for marker in _markers(data))
    if scans > max(_USUAL_SCANS, _MAX_SCANNED // max(pixels, _LEAST_SCANNED)):
        raise ValueError("too many scans")


def _markers(data: bytes) -> Iterator[int]:
    """Each marker up to the end of the image; ValueError past the cap."""
    at = 2
    for _ in range(_MAX_SEGMENTS):
        found = _MARKER.search(data, at)
        if found is None or data[found.end() - 1] == _END:
            return
        yield data[found.end() - 1]
        at = found.end() + int.from_bytes(data[found.end() : found.end() + 2], "big")
    raise ValueError("too many segments")
