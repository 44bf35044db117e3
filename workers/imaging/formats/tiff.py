"""Which picture of a TIFF is shown, and whether what it asks for is supported and bounded.

TIFF 6.0 (Adobe, 1992); its Technical Notes 1 (trees of directories) and 3 (floating point); the
DNG specification 1.7 for camera raws.
"""

import struct
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import islice

from shared.errors import UnsupportedImageError
from workers.imaging.formats.measured import MAX_FRAMES, Measured
from workers.imaging.formats.tiff_directory import (
    Directory,
    Layout,
    chain,
    first_number,
    layout_of,
)

GREY_INVERTED, GREY, RGB, PALETTE, CMYK, YCBCR, LAB, ICC_LAB = 0, 1, 2, 3, 5, 6, 8, 9
UNSIGNED, SIGNED, FLOAT = 1, 2, 3
ALPHA_UNKNOWN, ALPHA_ASSOCIATED, ALPHA = 0, 1, 2
JPEG = 7
_NOT_PACKED = 1

# What scanners, cameras and editors write: none, CCITT's three, LZW, JPEG, Deflate by both of its
# numbers, PackBits. Any other is one more decoder that hostile files would reach, and no browser
# or camera needs it: JPEG as it was before 1995, LZMA, Zstandard, WebP, SGI's, ThunderScan.
_COMPRESSIONS = {1, 2, 3, 4, 5, JPEG, 8, 32773, 32946}

# libtiff writes a line to stderr for each damaged row of these: 61 MB for a million rows.
FAXES = (2, 3, 4)
_MAX_FAX_ROWS = 65_535

_COLOURS = {GREY_INVERTED: 1, GREY: 1, RGB: 3, PALETTE: 1, CMYK: 4, YCBCR: 3, LAB: 3, ICC_LAB: 3}
_OTHER_COLOURS = {
    4: "a mask in place of a picture",
    10: "colours as ITU L*a*b*",
    32844: "colours as LogL",
    32845: "colours as LogLuv",
}

# The bits that samples of each format may have. 4 is "undefined", which all take for whole numbers.
_WHOLE = (*range(1, 17), 32)
_DEPTHS = {UNSIGNED: _WHOLE, SIGNED: (8, 16, 32), FLOAT: (16, 32, 64), 4: _WHOLE}
_PREDICTED = (5, 8, 32946)  # the compressions that may have a predictor

# What only camera raws have: DNG's version, the pattern of a sensor's filters (TIFF/EP), samples of
# a sensor, and the compressions of Kodak, Samsung, Nikon, Sony and Pentax.
_RAW_TAGS = (50706, 33421, 33422)
_RAW_PHOTOMETRICS = (32803, 34892)
_RAW_COMPRESSIONS = (32767, 32769, 32770, 34713, 65000, 65535)
_CANON_RAW = b"CR"  # in the header of a CR2, at 8

_SUBFILE, _OLD_SUBFILE, _SUBDIRECTORIES = 254, 255, 330
_WIDTH, _HEIGHT, _BITS, _COMPRESSION, _PHOTOMETRIC, _FILL_ORDER = 256, 257, 258, 259, 262, 266
_STRIPS, _STRIP_SIZES, _TILES, _TILE_SIZES = 273, 279, 324, 325
_ORIENTATION, _SAMPLES, _ROWS, _PLANAR, _PREDICTOR = 274, 277, 278, 284, 317
_TILE_WIDTH, _TILE_HEIGHT, _EXTRA, _FORMAT, _SUBSAMPLING = 322, 323, 338, 339, 530

# 16,384 rows in strips of one have 16,384 pieces, 100 megapixels in tiles of 64 x 64 have 25,000.
_MAX_PIECES = 65_536
_MAX_COLUMNS = 4_096  # each column of tiles, in each plane, is one call of libtiff
_MAX_SAMPLES = 16
_MAX_SEARCHED = 16  # directories that are read to find the picture, and to recognise a raw


@dataclass(frozen=True)
class Picture:
    """The picture of a TIFF that is shown, as it is stored; its values are checked.

    samples: per pixel. extra: the meaning of those behind the colours, as in ExtraSamples.
    bits, format: of each sample. piece_width, piece_height: pixels of a tile or a strip, both of
    which are called pieces. orientation: as in EXIF.
    """

    directory: Directory
    order: str
    width: int
    height: int
    photometric: int
    samples: int
    extra: tuple[int, ...]
    bits: int
    format: int
    compression: int
    predictor: int
    fill_order: int
    planar: bool
    tiled: bool
    piece_width: int
    piece_height: int
    orientation: int

    @property
    def colours(self) -> int:
        """Samples that are colours; the others are extra."""
        return _COLOURS[self.photometric]

    @property
    def together(self) -> int:
        """Samples of a pixel that lie together."""
        return 1 if self.planar else self.samples

    @property
    def is_wide(self) -> bool:
        """Whether the one sample has a range of its own, which its values tell."""
        signed = self.bits == 16 and self.format == SIGNED
        return self.samples == 1 and (self.bits > 16 or signed)

    @property
    def across(self) -> int:
        """Pieces in a row."""
        return -(-self.width // self.piece_width)

    @property
    def down(self) -> int:
        """Pieces in a column."""
        return -(-self.height // self.piece_height)

    def pieces(self, bytes_in_file: int) -> tuple[tuple[int, ...], tuple[int, ...]]:
        """Offsets and lengths of all pieces, plane by plane, row by row.

        What is not packed has the length that its size says, as writers give wrong ones. Raises
        ValueError if a piece is missing or cut.
        """
        tags, place = self.directory, _TILES if self.tiled and _TILES in self.directory else _STRIPS
        size = _TILE_SIZES if self.tiled and _TILE_SIZES in tags else _STRIP_SIZES
        needed = self.across * self.down * (self.samples if self.planar else 1)
        offsets = tags.numbers(place, _MAX_PIECES)[:needed]
        if self.compression == _NOT_PACKED and self.photometric != YCBCR:
            lengths = tuple(self._unpacked_lengths())
        elif size in tags:
            lengths = tags.numbers(size, _MAX_PIECES)[:needed]
        else:
            lengths = tuple(bytes_in_file - at for at in offsets)
        if min(len(offsets), len(lengths)) < needed:
            raise ValueError("a strip or tile is missing")
        if any(at + length > bytes_in_file for at, length in zip(offsets, lengths, strict=True)):
            raise ValueError("a strip or tile is cut")
        return offsets, lengths

    def _unpacked_lengths(self) -> Iterator[int]:
        """Bytes of each piece that is not packed."""
        row_bytes = -(-self.piece_width * self.together * self.bits // 8)
        for _ in range(self.samples if self.planar else 1):
            for top in range(0, self.height, self.piece_height):
                below = self.piece_height if self.tiled else self.height - top
                for _ in range(self.across):
                    yield row_bytes * min(self.piece_height, below)


def measure(data: bytes) -> Measured:
    """The larger of the picture and its pieces, and the number of pictures in the chain.

    A piece is decoded whole, and one far larger than its picture is a bomb. Raises as `picture`.
    """
    shown, layout = picture(data), layout_of(data)
    width = max(shown.width, shown.piece_width if shown.tiled else 0)
    height = max(shown.height, shown.piece_height if shown.tiled else 0)
    frames, needed = _frames(data, layout), _bytes_per_pixel(shown)
    return Measured(width, height, frames, bytes_per_pixel=needed)


def _bytes_per_pixel(shown: Picture) -> float:
    """Bytes of memory per pixel while it is decoded, at most.

    Measured for each layout in one strip: what is unpacked stands in memory twice, or once beside
    the image where Pillow knows the layout; alpha is taken off, and put on again.
    """
    unpacked = shown.samples * shown.bits / 8
    if shown.extra:
        return 11 + 2 * unpacked
    return 5 + (unpacked if shown.bits <= 8 else 2 * unpacked)


def picture(data: bytes) -> Picture:
    """The picture that is shown.

    Raises UnsupportedImageError for a camera raw and for what is not supported, and ValueError,
    IndexError or struct.error where its directory breaks off, or makes no sense.
    """
    layout = layout_of(data)
    tags = _shown(data, layout)
    width, height = tags.number(_WIDTH, 0), tags.number(_HEIGHT, 0)
    compression = tags.number(_COMPRESSION, 1)
    photometric, samples = _colours(tags, compression)
    extra = (*tags.numbers(_EXTRA, _MAX_SAMPLES), *(ALPHA_UNKNOWN,) * _MAX_SAMPLES)
    tiled = _TILE_WIDTH in tags
    orientation = tags.number(_ORIENTATION, 1)
    shown = Picture(
        directory=tags,
        order=layout.order,
        width=width,
        height=height,
        photometric=photometric,
        samples=samples,
        extra=extra[: samples - _COLOURS[photometric]],
        bits=_bits(tags),
        format=tags.number(_FORMAT, UNSIGNED),
        compression=compression,
        predictor=tags.number(_PREDICTOR, 1) if compression in _PREDICTED else 1,
        fill_order=2 if tags.number(_FILL_ORDER, 1) == 2 else 1,
        planar=tags.number(_PLANAR, 1) == 2 and samples > 1,
        tiled=tiled,
        piece_width=max(1, tags.number(_TILE_WIDTH, width)),
        piece_height=_piece_height(tags, height, tiled=tiled),
        orientation=orientation if 1 <= orientation <= 8 else 1,
    )
    _check(shown)
    return shown


def _piece_height(tags: Directory, height: int, *, tiled: bool) -> int:
    """Rows of a tile or a strip; strips of more rows than the picture are usual."""
    rows = tags.number(_TILE_HEIGHT if tiled else _ROWS, height) or height
    return max(1, rows if tiled else min(rows, height))


def _colours(tags: Directory, compression: int) -> tuple[int, int]:
    """What the samples mean, as in PhotometricInterpretation, and how many there are."""
    photometric = tags.number(_PHOTOMETRIC, -1)
    if photometric in _OTHER_COLOURS:
        raise _unsupported(_OTHER_COLOURS[photometric])
    if photometric not in (-1, *_COLOURS):
        raise ValueError("unknown colours")
    jpeg_colours = compression == JPEG and photometric in (RGB, YCBCR)
    samples = tags.number(_SAMPLES, 3 if jpeg_colours else 1)
    if photometric < 0:  # as libtiff takes it
        photometric = RGB if samples >= 3 else GREY_INVERTED if compression in FAXES else GREY
    if photometric == YCBCR and samples == 1:
        photometric = GREY
    if not _COLOURS[photometric] <= samples <= _MAX_SAMPLES:
        raise ValueError("too few samples, or too many")
    return photometric, samples


def _bits(tags: Directory) -> int:
    """The bits of each sample."""
    depths = set(tags.numbers(_BITS, _MAX_SAMPLES)) or {1}
    if len(depths) > 1 or len(set(tags.numbers(_FORMAT, _MAX_SAMPLES))) > 1:
        raise _unsupported("samples of different kinds")
    return depths.pop()


def _check(shown: Picture) -> None:
    """Raises UnsupportedImageError for what is not read, ValueError for what makes no sense."""
    if shown.compression not in _COMPRESSIONS:
        raise UnsupportedImageError(
            "This TIFF has a compression that is not supported. Supported are no compression, "
            "CCITT, LZW, JPEG, Deflate and PackBits"
        )
    if shown.format not in _DEPTHS or not 1 <= shown.bits <= 64:
        raise ValueError("samples that make no sense")
    if shown.bits not in _depths(shown):
        raise _unsupported(f"samples of {shown.bits} bits for its kind of colours")
    if shown.photometric == YCBCR and (shown.samples != 3 or _is_subsampled_planar(shown)):
        raise _unsupported("YCbCr in this arrangement")
    columns = shown.across * (shown.samples if shown.planar else 1)
    if columns > _MAX_COLUMNS or columns * shown.down > _MAX_PIECES:
        raise ValueError("too many strips or tiles")
    _check_packing(shown)


def _check_packing(shown: Picture) -> None:
    """Raises ValueError for a predictor or a fax that its samples cannot have."""
    predicted = shown.predictor > 1 and shown.bits not in (8, 16, 32, 64)
    if predicted or shown.predictor not in ((1, 2, 3) if shown.format == FLOAT else (1, 2)):
        raise ValueError("a predictor of other samples")
    if shown.compression not in FAXES:
        return
    if shown.bits != 1 or shown.samples != 1 or shown.height > _MAX_FAX_ROWS:
        raise ValueError("a fax with colours, or with too many rows")


def _depths(shown: Picture) -> Sequence[int]:
    """The bits that its samples may have."""
    if shown.compression == JPEG or shown.photometric == YCBCR:
        return (8,)
    if shown.photometric == PALETTE:
        return range(1, 9)
    return (8, 16) if shown.photometric in (LAB, ICC_LAB) else _DEPTHS[shown.format]


def _unsupported(what: str) -> UnsupportedImageError:
    return UnsupportedImageError(f"This TIFF has {what}, which is not supported")


def _is_subsampled_planar(shown: Picture) -> bool:
    return shown.planar and (shown.directory.numbers(_SUBSAMPLING, 2) or (2, 2)) != (1, 1)


def _shown(data: bytes, layout: Layout) -> Directory:
    """The directory of the picture that is shown: the first that is no preview, mask or raw.

    Where all are previews, it may be in a directory below them (Technical Note 1), else it is the
    first. Raises UnsupportedImageError for a camera raw.
    """
    pages: list[Directory] = []
    below: list[Directory] = []
    for at in chain(data, layout, _MAX_SEARCHED):
        try:
            page = Directory(data, layout, at)
        except (ValueError, struct.error):
            if not pages:
                raise
            break
        pages.append(page)
        below += islice(_below(data, layout, page), _MAX_SEARCHED - len(below))
    if not pages:
        raise ValueError("no directory")
    if data[8:10] == _CANON_RAW or any(map(_is_raw, [*pages, *below])):
        raise UnsupportedImageError(
            "This is a camera raw, which is not supported. Send the picture that a raw converter "
            "makes of it"
        )
    whole = (page for page in (*pages, *(below if _is_preview(pages[0]) else ())))
    return next((page for page in whole if not _is_preview(page)), pages[0])


def _below(data: bytes, layout: Layout, page: Directory) -> Iterator[Directory]:
    """The directories that a page names as its own; those that are damaged are passed over."""
    try:
        places = page.numbers(_SUBDIRECTORIES, _MAX_SEARCHED)
    except (ValueError, struct.error):
        return
    for at in places:
        try:
            yield Directory(data, layout, at)
        except (ValueError, struct.error):
            continue


def _is_raw(page: Directory) -> bool:
    if any(tag in page for tag in _RAW_TAGS):
        return True
    try:
        kinds = page.number(_PHOTOMETRIC, 0), page.number(_COMPRESSION, 1)
    except (ValueError, struct.error):
        return False
    return kinds[0] in _RAW_PHOTOMETRICS or kinds[1] in _RAW_COMPRESSIONS


def _is_preview(page: Directory) -> bool:
    """Whether it is a smaller version of another picture (bit 0), or its mask (bit 2)."""
    try:
        return bool(page.number(_SUBFILE, 0) & 5) or page.number(_OLD_SUBFILE, 0) == 2
    except (ValueError, struct.error):
        return False


def _frames(data: bytes, layout: Layout) -> int:
    """Pictures in the chain, without those that say first that they are previews or masks."""
    firsts = (first_number(data, layout, at) for at in chain(data, layout, MAX_FRAMES))
    return max(1, sum(not (tag == _SUBFILE and number & 5) for tag, number in firsts))
