"""The headers of a bitmap (Microsoft, Bitmap Storage; OS/2 Presentation Manager), and its size."""

import struct
from dataclasses import dataclass

from shared.errors import TooManyPixelsError
from workers.imaging.formats.measured import Measured

FILE_HEADER = 14  # bytes before the DIB header, which begins with its own length
_CORE_HEADER = 12  # OS/2's first, with sides of 16 bits
_LONG_HEADER = 40  # from here on all fields but masks are there; OS/2's second may be shorter
_RGB_MASKS_END, _ALPHA_MASK_END = 52, 56  # lengths of headers with masks in them
_PROFILE_END = 120

RGB, RLE8, RLE4, BIT_FIELDS, ALPHA_BIT_FIELDS = 0, 1, 2, 3, 6

# Runs are unpacked in Python, up to 0.5 µs each: this is a screen of 1920 x 1080. Runs of single
# pixels take two bytes per pixel, and two per row.
_MAX_RUN_PIXELS = 2_100_000
_SLACK = 1_000  # bytes

Masks = tuple[int, int, int, int]  # red, green, blue, alpha; 0 for none


@dataclass(frozen=True)
class Header:
    """width, height: in pixels. bits: per pixel. packing: `RGB` and the others.

    masks: which bits of a pixel are which channel, from 16 bits on. palette: offset and length in
    the file, up to 8 bits; colour_bytes: of one of its colours. pixels_at: offset. profile: offset
    and length of an embedded ICC profile, (0, 0) without.
    """

    width: int
    height: int
    top_down: bool
    bits: int
    packing: int
    masks: Masks
    palette: tuple[int, int]
    colour_bytes: int
    pixels_at: int
    profile: tuple[int, int]


def header(data: bytes) -> Header:
    """Reads both headers; ValueError or struct.error where they break off or make no sense."""
    pixels_at, length = struct.unpack_from("<I", data, 10)[0], _length(data)
    width, height, bits, packing, colours = _fields(data, length)
    masks, end = _masks(data, length, bits, packing)
    colour_bytes = 3 if length == _CORE_HEADER else 4
    if bits > 8:
        colours = 0
    elif not 0 < colours <= 1 << bits:
        colours = 1 << bits
    palette_end = end + colours * colour_bytes
    if pixels_at < end:
        pixels_at = palette_end
    return Header(
        width=width,
        height=abs(height),
        top_down=height < 0,
        bits=bits,
        packing=packing,
        masks=masks,
        palette=(end, min(palette_end, pixels_at) - end),
        colour_bytes=colour_bytes,
        pixels_at=pixels_at,
        profile=_profile(data, length),
    )


def _fields(data: bytes, length: int) -> tuple[int, int, int, int, int]:
    """Width, height, bits per pixel, packing and number of colours; 0 for what is not there."""
    if length == _CORE_HEADER:
        width, height, _, bits = struct.unpack_from("<HHHH", data, 18)
        return width, height, bits, 0, 0
    stored = data[FILE_HEADER : FILE_HEADER + min(length, _LONG_HEADER)]
    fields = stored.ljust(_LONG_HEADER, b"\0")
    width, height, _, bits, packing = struct.unpack_from("<iiHHI", fields, 4)
    return width, height, bits, packing, struct.unpack_from("<I", fields, 32)[0]


def _length(data: bytes) -> int:
    length: int = struct.unpack_from("<I", data, FILE_HEADER)[0]
    if length < _CORE_HEADER or FILE_HEADER + length > len(data):
        raise ValueError("no header")
    return length


def _masks(data: bytes, length: int, bits: int, packing: int) -> tuple[Masks, int]:
    """The masks, and the offset behind the header and those that stand outside of it."""
    end = FILE_HEADER + length
    usual = (0x7C00, 0x3E0, 0x1F) if bits == 16 else (0xFF0000, 0xFF00, 0xFF)
    alpha = struct.unpack_from("<I", data, 66)[0] if length >= _ALPHA_MASK_END else 0
    if bits not in (16, 32) or packing not in (BIT_FIELDS, ALPHA_BIT_FIELDS):
        # Browsers take the mask of alpha for valid here too, but only with a byte of its own.
        return (*usual, alpha if bits == 32 else 0), end
    if length >= _RGB_MASKS_END:
        red, green, blue = struct.unpack_from("<III", data, 54)
        return (red, green, blue, alpha), end
    red, green, blue = struct.unpack_from("<III", data, end)
    if packing == BIT_FIELDS:
        return (red, green, blue, 0), end + 12
    return (red, green, blue, struct.unpack_from("<I", data, end + 12)[0]), end + 16


def _profile(data: bytes, length: int) -> tuple[int, int]:
    if length < _PROFILE_END or data[70:74] != b"DEBM":  # "MBED", a number from the lowest byte on
        return 0, 0
    at, size = struct.unpack_from("<II", data, 126)
    return FILE_HEADER + at, size


def measure(data: bytes) -> Measured:
    """The size in the header; a negative height stores the rows from the top down.

    Raises TooManyPixelsError for a large run-length encoded bitmap, and ValueError or
    struct.error where the header breaks off or has more runs than pixels.
    """
    head = header(data)
    if head.packing in (RLE8, RLE4):
        _check_runs(len(data) - head.pixels_at, head.width * head.height, head.height)
    return Measured(head.width, head.height)


def _check_runs(length: int, pixels: int, rows: int) -> None:
    """Refuse a run-length encoded bitmap that would cost far more than another of its size."""
    if pixels > _MAX_RUN_PIXELS:
        raise TooManyPixelsError(
            f"The image has {pixels / 1e6:g} megapixels; "
            f"a run-length encoded bitmap may have at most {_MAX_RUN_PIXELS / 1e6:g}"
        )
    if length > 2 * (pixels + rows) + _SLACK:
        raise ValueError("more runs than pixels")
