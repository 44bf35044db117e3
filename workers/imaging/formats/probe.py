"""What an upload is, from its header alone: its type, its size, its frames.

Nothing is decoded here, so a bomb costs no more than a look at it. The sizes of JPEG, PNG and
TIFF come from `imagesize`. WebP, GIF, BMP and (in modules of their own) AVIF, HEIC and TIFF's tiles
are read by our own code, because a file of these can name several sizes, and what must be bounded
is the largest that a decoder would allocate (imagesize 2.0.1 reads one of them, GIF's as signed,
and neither WebP's scale bits nor OS/2 bitmaps).

Every walk is linear in the file and ends at a cap: a hostile file of 20 MB must not hold the
API for long.
"""

import io
import struct
from collections.abc import Callable

import imagesize  # type: ignore[import-untyped] # annotated, but without its py.typed

from shared.errors import (
    CorruptImageError,
    TooManyFramesError,
    TooManyPixelsError,
    UnsupportedImageError,
)
from shared.imagetype import PNG_SIGNATURE, ImageType, type_of
from shared.models import Probe
from workers.imaging.formats import avif, heif, jpeg, tiff

# What is walked in one file. A GIF of 20 MB in full blocks has 80,000, a PNG of 20 MB in chunks of
# 512 bytes 40,000. Pillow takes 1 µs for each block again, and 8 for each chunk.
_MAX_STEPS = 300_000
_MAX_PNG_CHUNKS = 50_000

_MAX_READS = 20_000  # calls that imagesize may make; a JPEG of 20 MB in full segments needs 1,400
_HEIF_HEAD = 65_536  # bytes that are looked through for alpha
_MAX_FRAMES = 100_000  # counting stops here; far above any limit worth setting

# Pillow keeps a pointer for each row, and some work is by the row: a picture one pixel wide would
# take thrice the memory of one as high. No format but PNG and TIFF goes further.
_MAX_SIDE = 1_000_000

# Pillow unpacks the runs of a bitmap in Python, up to 0.5 µs for each of them or each pixel: this
# is a screen of 1920 x 1080. Runs of single pixels take two bytes a pixel, and two a row.
_MAX_RUN_PIXELS = 2_100_000
_RUNS = (1, 2)

_Size = tuple[int, int, int]  # width, height, frames


def probe(data: bytes) -> Probe:
    """The type, stored size in pixels and frame count of a whole uploaded file.

    Raises UnsupportedImageError for what is none of the eight types or a HEIF file without a
    picture in HEVC, and CorruptImageError where the header breaks off or makes no sense.
    """
    kind = type_of(data)
    if kind is None:
        raise UnsupportedImageError(
            "This is not a JPEG, PNG, WebP, AVIF, HEIC, GIF, TIFF or BMP image, "
            "which is what is read"
        )
    try:
        width, height, frames = _READERS[kind](data)
    except (ValueError, IndexError, struct.error):
        width = height = frames = 0
    if width < 1 or height < 1 or frames < 1:
        raise CorruptImageError(
            f"The header of this {kind.facts.label} image is damaged or cut short"
        )
    progressive = kind is ImageType.JPG and jpeg.is_progressive(data)
    alpha = kind in _ALPHA and _ALPHA[kind](data)
    return Probe(kind, width, height, min(frames, _MAX_FRAMES), progressive, alpha)


def check_limits(probe: Probe, max_pixels: int, max_frames: int) -> None:
    """Refuse what would cost too much to decode.

    max_pixels: width times height of one frame. max_frames: pictures in the container.
    Raises TooManyPixelsError or TooManyFramesError.
    """
    if max(probe.width, probe.height) > _MAX_SIDE:
        raise TooManyPixelsError(
            f"The image has {probe.width} x {probe.height} pixels; "
            f"at most {_MAX_SIDE} a side are allowed"
        )
    if probe.width * probe.height > max_pixels:
        raise TooManyPixelsError(
            f"The image has {probe.width} x {probe.height} pixels; "
            f"at most {max_pixels / 1e6:g} megapixels are allowed"
        )
    if probe.frames > max_frames:
        raise TooManyFramesError(
            f"The image has {probe.frames} frames; at most {max_frames} are allowed"
        )


def check_animation(probe: Probe, to: ImageType, max_pixels: int) -> None:
    """Refuse an animation that would cost too much to encode.

    to: the format asked for; where it takes the first frame only there is no limit here.
    max_pixels: width times height times frames. Raises TooManyFramesError.
    """
    pixels = probe.width * probe.height * probe.frames
    if probe.stays_animated(to) and pixels > max_pixels:
        raise TooManyFramesError(
            f"The animation has {probe.frames} frames of {probe.width} x {probe.height} pixels, "
            f"{pixels / 1e6:g} megapixels together; at most {max_pixels / 1e6:g} are allowed"
        )


class _Bounded(io.BytesIO):
    """A file that a parser may read only so often: imagesize skips garbage byte by byte."""

    reads = 0

    def read(self, size: int | None = -1) -> bytes:
        self.reads += 1
        if self.reads > _MAX_READS:
            raise ValueError("too many reads")
        return super().read(size)


def _header_size(data: bytes) -> tuple[int, int]:
    """Width and height by imagesize, which answers (-1, -1) where it finds none."""
    width, height = imagesize.get(_Bounded(data), exif_rotation=False)
    return int(width), int(height)


def _jpeg(data: bytes) -> _Size:
    width, height = _header_size(data)
    jpeg.check_scans(data, width * height)
    return width, height, 1


def _png(data: bytes) -> _Size:
    """PNG, third edition: acTL, the count of an animation's frames, comes before any IDAT."""
    width, height = _header_size(data)
    frames, pixels = 1, False
    at = len(PNG_SIGNATURE)
    for _ in range(_MAX_PNG_CHUNKS):
        if pixels and at + 8 > len(data):
            break  # cut short, which the decoder will find
        length, name = struct.unpack_from(">I4s", data, at)
        if name == b"acTL" and not pixels:
            frames = max(1, struct.unpack_from(">I", data, at + 8)[0])
        if name == b"IEND":
            break
        pixels = pixels or name == b"IDAT"
        at += 12 + length
    else:
        raise ValueError("too many chunks")
    return width, height, frames


def _gif(data: bytes) -> _Size:
    """GIF89a, sections 18 to 27: walk the blocks, skip what they hold.

    A frame may reach past the logical screen; decoders then grow the picture.
    """
    width, height, flags = struct.unpack_from("<HHB", data, 6)
    at = 13 + _colour_table(flags)
    frames = steps = 0
    while at < len(data) and data[at] != 0x3B and frames < _MAX_FRAMES:
        if data[at] == 0x2C:
            left, top, wide, high, flags = struct.unpack_from("<HHHHB", data, at + 1)
            width, height = max(width, left + wide), max(height, top + high)
            frames += 1
            at += 11 + _colour_table(flags)  # ends behind the byte that opens the LZW data
        elif data[at] == 0x21:
            at += 2
        else:
            raise ValueError("not a block")
        while (length := data[at]) != 0 and steps <= _MAX_STEPS:
            at += 1 + length
            steps += 1
        at += 1
        steps += 1
        if steps > _MAX_STEPS:
            raise ValueError("too many blocks")
    return width, height, frames


def _colour_table(flags: int) -> int:
    """Bytes in the colour table that a GIF descriptor's flags announce."""
    return 3 << ((flags & 7) + 1) if flags & 0x80 else 0


def _webp(data: bytes) -> _Size:
    """RFC 9649: the canvas in VP8X, each frame in ANMF, and the bitstreams themselves."""
    sizes = []
    frames = 0
    at = 12
    for _ in range(_MAX_STEPS):
        if at + 8 > len(data) or frames >= _MAX_FRAMES:
            break
        name, length = struct.unpack_from("<4sI", data, at)
        sizes.append(_webp_chunk(data, name, at + 8))
        if name == b"ANMF":
            frames += 1
            at += 24  # step into the frame: its bitstream follows as chunks
        else:
            at += 8 + length + (length & 1)
    else:
        raise ValueError("too many chunks")
    width, height = max(w for w, _ in sizes), max(h for _, h in sizes)
    return width, height, max(1, frames)


def _webp_chunk(data: bytes, name: bytes, at: int) -> tuple[int, int]:
    """Width and height that the body of one WebP chunk announces; zeros if none."""
    if name == b"VP8X":
        return _u24(data, at + 4) + 1, _u24(data, at + 7) + 1
    if name == b"ANMF":
        return _u24(data, at + 6) + 1, _u24(data, at + 9) + 1
    if name == b"VP8L":
        bits = struct.unpack_from("<I", data, at + 1)[0]
        return (bits & 0x3FFF) + 1, (bits >> 14 & 0x3FFF) + 1
    if name == b"VP8 ":
        wide, high = struct.unpack_from("<HH", data, at + 6)
        return wide & 0x3FFF, high & 0x3FFF  # the upper two bits are a scale for display
    return 0, 0


def _u24(data: bytes, at: int) -> int:
    return int.from_bytes(data[at : at + 3], "little")


def _tiff(data: bytes) -> _Size:
    return tiff.measure(data, *_header_size(data))


def _bmp(data: bytes) -> _Size:
    """The DIB header; a negative height stores the rows from the top down."""
    if struct.unpack_from("<I", data, 14)[0] == 12:  # OS/2's, with 16-bit sides
        width, height = struct.unpack_from("<HH", data, 18)
        return width, height, 1
    width, height = struct.unpack_from("<ii", data, 18)
    size = width, abs(height), 1
    if struct.unpack_from("<I", data, 30)[0] in _RUNS:
        _check_runs(data, width * abs(height), abs(height))
    return size


def _check_runs(data: bytes, pixels: int, rows: int) -> None:
    """Refuse a run-length encoded bitmap that would cost far more than another."""
    if pixels > _MAX_RUN_PIXELS:
        raise TooManyPixelsError(
            f"The image has {pixels / 1e6:g} megapixels; of a run-length encoded bitmap "
            f"at most {_MAX_RUN_PIXELS / 1e6:g} are allowed"
        )
    pixels_at = struct.unpack_from("<I", data, 10)[0]
    if len(data) - pixels_at > 2 * (pixels + rows) + 1_000:
        raise ValueError("more runs than pixels")


def _png_alpha(data: bytes) -> bool:
    """By the colour type in IHDR, or by tRNS, which stands before the pixels."""
    return data[25:26] in (b"\4", b"\6") or b"tRNS" in data[: data.find(b"IDAT") + 1]


def _webp_alpha(data: bytes) -> bool:
    """RFC 9649: by the flags of VP8X, or by the one bit in a lone VP8L."""
    if data[12:16] == b"VP8X":
        return bool(data[20] & 0x10)
    return data[12:16] == b"VP8L" and bool(data[24] & 0x10)


def _heif_alpha(data: bytes) -> bool:
    """By the name of an auxiliary picture (ISO/IEC 23008-12, 6.9) before the pixels."""
    head = data[:_HEIF_HEAD]
    return b":auxiliary:alpha\0" in head or b":auxid:1\0" in head


_ALPHA: dict[ImageType, Callable[[bytes], bool]] = {
    ImageType.PNG: _png_alpha,
    ImageType.WEBP: _webp_alpha,
    ImageType.AVIF: _heif_alpha,
    ImageType.HEIC: _heif_alpha,
}

_READERS: dict[ImageType, Callable[[bytes], _Size]] = {
    ImageType.JPG: _jpeg,
    ImageType.PNG: _png,
    ImageType.WEBP: _webp,
    ImageType.AVIF: avif.measure,
    ImageType.HEIC: heif.measure,
    ImageType.GIF: _gif,
    ImageType.TIFF: _tiff,
    ImageType.BMP: _bmp,
}
