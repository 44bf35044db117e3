"""The types of image that the service knows, each described once; and the check of a watermark.

To add a type, add a member to `ImageType` and its signature to `type_of`. A test names every other
place that must know it (`tests/workers/imaging/test_every_type.py`).
"""

import struct
from dataclasses import dataclass
from enum import StrEnum

from shared import png_chunks
from shared.errors import InvalidFieldError

TIFF_SIGNATURES = (b"II*\0", b"MM\0*", b"II+\0", b"MM\0+")  # the last two are BigTIFF's


class ImageType(StrEnum):
    """A type of image. The value: its name in the API, and its file extension. All are read."""

    WEBP = "webp"
    AVIF = "avif"
    JPG = "jpg"
    PNG = "png"
    HEIC = "heic"
    GIF = "gif"
    TIFF = "tiff"
    BMP = "bmp"

    @property
    def facts(self) -> "Facts":
        """The description of this type."""
        return _FACTS[self]


@dataclass(frozen=True)
class Facts:
    """The description of one type of image.

    label: its name in sentences. decoder: Pillow's name for it. mime_type: of its files.
    longest_side: pixels that a side of an output may have; 0 if the type is not written.
    reads_animation: whether all frames of an upload are read; otherwise only its first frame is.
    writes_animation: whether an output may be animated. has_alpha: whether it can be transparent.
    """

    label: str
    decoder: str
    mime_type: str
    longest_side: int = 0
    reads_animation: bool = False
    writes_animation: bool = False
    has_alpha: bool = True


_FACTS = {
    # RFC 9649
    ImageType.WEBP: Facts(
        "WebP",
        "WEBP",
        "image/webp",
        longest_side=16_383,
        reads_animation=True,
        writes_animation=True,
    ),
    # libavif, which browsers decode with, opens no longer side.
    ImageType.AVIF: Facts("AVIF", "AVIF", "image/avif", longest_side=32_768, writes_animation=True),
    # 65,535 by the format; libjpeg ends a little earlier.
    ImageType.JPG: Facts("JPEG", "JPEG", "image/jpeg", longest_side=65_500, has_alpha=False),
    # PNG third edition, 11.2.1
    ImageType.PNG: Facts("PNG", "PNG", "image/png", longest_side=2**31 - 1),
    ImageType.HEIC: Facts("HEIC", "HEIF", "image/heic"),
    ImageType.GIF: Facts("GIF", "GIF", "image/gif", reads_animation=True),
    ImageType.TIFF: Facts("TIFF", "TIFF", "image/tiff"),
    ImageType.BMP: Facts("BMP", "BMP", "image/bmp"),
}

OUTPUT_TYPES = tuple(one for one in ImageType if one.facts.longest_side)

WATERMARK_MAX_SIDE = 4096  # pixels, docs of POST /api/compress

# The lengths in bytes that a DIB header can have; that of OS/2 2 may end behind any field.
_BMP_HEADERS = {12, *range(16, 65, 4), 42, 46, 108, 124}
_HEIC_BRANDS = (b"heic", b"heix", b"heim", b"heis", b"hevc", b"hevx", b"hevm", b"hevs")
_GENERAL_BRAND = b"mif1"  # any codec; its items tell which. libheif does not open msf1 (sequences)


def type_of(data: bytes) -> ImageType | None:
    """The type of a file by its first bytes, or None if it is not known."""
    if data.startswith(b"\xff\xd8\xff"):
        return ImageType.JPG
    if data.startswith(png_chunks.SIGNATURE):
        return ImageType.PNG
    if data.startswith((b"GIF87a", b"GIF89a")):
        return ImageType.GIF
    if data.startswith(TIFF_SIGNATURES):
        return ImageType.TIFF
    if data[:4] == b"RIFF" and data[8:12] == b"WEBP":
        return ImageType.WEBP
    if data[4:8] == b"ftyp" and _is_avif(data):
        return ImageType.AVIF
    if _is_heif(data):
        return ImageType.HEIC
    # The two letters alone would match many texts.
    if data[:2] == b"BM" and int.from_bytes(data[14:18], "little") in _BMP_HEADERS:
        return ImageType.BMP
    return None


def _is_avif(data: bytes) -> bool:
    """Whether the brands say AVIF, which shares its container with HEIC."""
    brands = data[8 : min(int.from_bytes(data[:4], "big"), 256)]
    names = {brands[at : at + 4] for at in range(0, len(brands), 4) if at != 4}  # 4: a version
    return brands[:4] in (b"avif", b"avis", b"mif1", b"msf1") and bool(names & {b"avif", b"avis"})


def _is_heif(data: bytes) -> bool:
    """Whether the first brand is HEIC's or the general one; AVIF must be excluded before."""
    return data[4:8] == b"ftyp" and data[8:12] in (*_HEIC_BRANDS, _GENERAL_BRAND)


def check_watermark(data: bytes) -> None:
    """Raises InvalidFieldError unless `data` is a whole PNG of at most 4096 x 4096 pixels.

    Every chunk up to IEND is compared with its checksum, so that a damaged watermark is refused
    once, before the batch is accepted, and not once per image.
    """
    allowed = f"a PNG of at most {WATERMARK_MAX_SIDE} x {WATERMARK_MAX_SIDE} pixels is allowed"
    if not data.startswith(png_chunks.SIGNATURE):
        found = type_of(data)
        came = f"a {found.facts.label} image" if found else "not an image" if data else "empty"
        raise InvalidFieldError(f"watermarkFile is {came}; {allowed}")
    try:
        width, height = _whole_png(data)
    except (ValueError, struct.error):
        raise InvalidFieldError(
            f"watermarkFile is a PNG that is damaged or cut short; {allowed}"
        ) from None
    if max(width, height) > WATERMARK_MAX_SIDE:
        raise InvalidFieldError(f"watermarkFile has {width} x {height} pixels; {allowed}")


def _whole_png(data: bytes) -> tuple[int, int]:
    """Width and height of a PNG whose chunks are all there and all match their checksum."""
    names = []
    for name, start, end in png_chunks.whole_chunks(data):
        if not png_chunks.is_intact(data, start, end):
            raise ValueError("wrong checksum")
        names.append(name)
    length, first, width, height, depth, colour, *rest = struct.unpack_from(">I4sIIBBBBB", data, 8)
    depths = {0: (1, 2, 4, 8, 16), 2: (8, 16), 3: (1, 2, 4, 8), 4: (8, 16), 6: (8, 16)}
    sane = depth in depths.get(colour, ()) and rest[:2] == [0, 0] and rest[2] in (0, 1)
    if (length, first) != (13, b"IHDR") or not sane or not width or not height:
        raise ValueError("no sane header")
    if b"IDAT" not in names:
        raise ValueError("no pixels")
    return width, height
