"""The size of a bitmap, from its DIB header (Microsoft, BITMAPINFOHEADER)."""

import struct

from shared.errors import TooManyPixelsError
from workers.imaging.formats.measured import Measured

_OS2_HEADER = 12  # bytes: the header with sides of 16 bits

# Pillow unpacks run-length encoding in Python, up to 0.5 µs per run or pixel: this is a screen of
# 1920 x 1080. Runs of single pixels take two bytes per pixel, and two per row.
_MAX_RUN_PIXELS = 2_100_000
_RUN_LENGTH_ENCODED = (1, 2)  # BI_RLE8, BI_RLE4
_SLACK = 1_000  # bytes


def measure(data: bytes) -> Measured:
    """The size in the header; a negative height stores the rows from the top down.

    Raises TooManyPixelsError for a large run-length encoded bitmap, and ValueError or
    struct.error where the header breaks off or has more runs than pixels.
    """
    if struct.unpack_from("<I", data, 14)[0] == _OS2_HEADER:
        return Measured(*struct.unpack_from("<HH", data, 18))
    width, height = struct.unpack_from("<ii", data, 18)
    if struct.unpack_from("<I", data, 30)[0] in _RUN_LENGTH_ENCODED:
        _check_runs(data, width * abs(height), abs(height))
    return Measured(width, abs(height))


def _check_runs(data: bytes, pixels: int, rows: int) -> None:
    """Refuse a run-length encoded bitmap that would cost far more than another of its size."""
    if pixels > _MAX_RUN_PIXELS:
        raise TooManyPixelsError(
            f"The image has {pixels / 1e6:g} megapixels; "
            f"a run-length encoded bitmap may have at most {_MAX_RUN_PIXELS / 1e6:g}"
        )
    pixels_at = struct.unpack_from("<I", data, 10)[0]
    if len(data) - pixels_at > 2 * (pixels + rows) + _SLACK:
        raise ValueError("more runs than pixels")
