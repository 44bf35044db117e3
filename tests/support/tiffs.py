"""TIFFs of any layout, by hand: Pillow writes only a few. TIFF 6.0, BigTIFF, TechNotes 1 and 3."""

import io
import struct
import zlib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray
from PIL import Image
from PIL.TiffImagePlugin import TiffImageFile

from tests.workers.imaging.making import saved

NONE, LZW, DEFLATE, PACKBITS = 1, 5, 8, 32773
GREY_INVERTED, GREY, RGB, PALETTE, MASK, CMYK, YCBCR, LAB = 0, 1, 2, 3, 4, 5, 6, 8
ALPHA_UNKNOWN, ALPHA_ASSOCIATED, ALPHA = 0, 1, 2
BYTE, ASCII, SHORT, LONG, RATIONAL, UNDEFINED, LONG8 = 1, 2, 3, 4, 5, 7, 16

_SIZES = {BYTE: 1, ASCII: 1, SHORT: 2, LONG: 4, RATIONAL: 8, UNDEFINED: 1, LONG8: 8}
_CODES = {BYTE: "B", ASCII: "B", SHORT: "H", LONG: "I", RATIONAL: "I", UNDEFINED: "B", LONG8: "Q"}
Order = Literal["<", ">"]
Tag = tuple[int, Sequence[int]]  # type, values; a rational is two of them


@dataclass(frozen=True)
class Page:
    """One directory and its picture.

    samples: (height, width, channels) as stored; its type says the bits and the sample format.
    bits: fewer than the type has, such as 1, 2, 4 or 12. tile: width, height. rows: of a strip.
    more: tags that are added or replace others; None takes one away.
    """

    samples: NDArray[Any]
    photometric: int = RGB
    extra: tuple[int, ...] = ()
    bits: int = 0
    planar: bool = False
    tile: tuple[int, int] | None = None
    rows: int = 0
    compression: int = NONE
    predictor: int = 1
    more: Mapping[int, Tag | None] = field(default_factory=dict)
    tiles_as_strips: bool = False

    @property
    def depth(self) -> int:
        return self.bits or self.samples.dtype.itemsize * 8


def tiff(*pages: Page, order: Order = "<", big: bool = False) -> bytes:
    """A file of these pages. order: `<` or `>`. big: BigTIFF."""
    mark = b"II" if order == "<" else b"MM"
    offset = "Q" if big else "I"
    head = struct.pack(order + "HHH", 43, 8, 0) if big else struct.pack(order + "H", 42)
    data = bytearray(mark + head + bytes(8 if big else 4))
    pointer = len(data) - struct.calcsize(offset)
    for page in pages:
        tags = _tags(page, data, order)
        blobs = {tag: _blob(value, order) for tag, value in tags.items()}
        places = {}
        for tag, blob in blobs.items():
            if len(blob) > struct.calcsize(offset):
                places[tag] = len(data)
                data += blob + bytes(len(blob) % 2)
        struct.pack_into(order + offset, data, pointer, len(data))
        data += struct.pack(order + ("Q" if big else "H"), len(tags))
        for tag in sorted(tags):
            kind, values = tags[tag]
            number = len(values) // (2 if kind == RATIONAL else 1)
            data += struct.pack(order + "HH" + offset, tag, kind, number)
            if tag in places:
                data += struct.pack(order + offset, places[tag])
            else:
                data += blobs[tag].ljust(struct.calcsize(offset), b"\0")
        pointer = len(data)
        data += bytes(struct.calcsize(offset))
    return bytes(data)


def _blob(tag: Tag, order: Order) -> bytes:
    kind, values = tag
    return struct.pack(f"{order}{len(values)}{_CODES[kind]}", *values)


def _tags(page: Page, data: bytearray, order: Order) -> dict[int, Tag]:
    """The tags of a page, whose pieces are added to the data."""
    high, wide, channels = page.samples.shape
    formats = {"u": 1, "i": 2, "f": 3}
    offsets, counts = [], []
    for piece in _pieces(page):
        packed = _packed(page, piece, order)
        offsets.append(len(data))
        counts.append(len(packed))
        data += packed + bytes(len(packed) % 2)
    tags: dict[int, Tag | None] = {
        256: (LONG, [wide]),
        257: (LONG, [high]),
        258: (SHORT, [page.depth] * channels),
        259: (SHORT, [page.compression]),
        262: (SHORT, [page.photometric]),
        277: (SHORT, [channels]),
        284: (SHORT, [2 if page.planar else 1]),
        339: (SHORT, [formats[page.samples.dtype.kind]] * channels),
    }
    if page.extra:
        tags[338] = (SHORT, page.extra)
    if page.predictor > 1:
        tags[317] = (SHORT, [page.predictor])
    if page.tile:
        tags |= {322: (SHORT, [page.tile[0]]), 323: (SHORT, [page.tile[1]])}
    else:
        tags[278] = (LONG, [page.rows or high])
    as_tiles = page.tile and not page.tiles_as_strips
    tags[324 if as_tiles else 273] = (LONG, offsets)
    tags[325 if as_tiles else 279] = (LONG, counts)
    return {tag: value for tag, value in {**tags, **page.more}.items() if value is not None}


def _pieces(page: Page) -> Iterator[NDArray[Any]]:
    """Strips or tiles, each (rows, columns, channels); edge tiles are filled up with zeros."""
    high, wide, channels = page.samples.shape
    planes = [page.samples]
    if page.planar:
        planes = [page.samples[..., n : n + 1] for n in range(channels)]
    across, down = page.tile or (wide, page.rows or high)
    for plane in planes:
        for y in range(0, high, down):
            for x in range(0, wide, across):
                piece = plane[y : y + down, x : x + across]
                if page.tile:
                    fill = [(0, down - piece.shape[0]), (0, across - piece.shape[1]), (0, 0)]
                    piece = np.pad(piece, fill)
                yield piece


def _packed(page: Page, piece: NDArray[Any], order: Order) -> bytes:
    raw = _bytes(page, piece, order)
    if page.compression == DEFLATE:
        return zlib.compress(raw)
    if page.compression in (LZW, PACKBITS):
        name = "tiff_lzw" if page.compression == LZW else "packbits"
        file = saved(Image.frombytes("L", (len(raw), 1), raw), "TIFF", compression=name)
        with TiffImageFile(io.BytesIO(file)) as image:
            start, length = image.tag_v2[273][0], image.tag_v2[279][0]
        return file[start : start + length]
    return raw


def _bytes(page: Page, piece: NDArray[Any], order: Order) -> bytes:
    if page.depth % 8:
        rows, columns, channels = piece.shape
        flat = piece.reshape(rows, columns * channels, 1).astype(">u2").view(np.uint8)
        bits = np.unpackbits(flat.reshape(rows, -1, 2), axis=-1)[..., -page.depth :]
        return np.packbits(bits.reshape(rows, -1), axis=1).tobytes()
    if page.predictor == 2:
        whole = piece.view(f"u{piece.dtype.itemsize}")
        piece = np.concatenate([whole[:, :1], np.diff(whole, axis=1)], axis=1)
    if page.predictor == 3:
        rows, columns, channels = piece.shape
        size = piece.dtype.itemsize
        flat = np.ascontiguousarray(piece.astype(piece.dtype.newbyteorder(">"))).view(np.uint8)
        planes = flat.reshape(rows, columns * channels, size).transpose(0, 2, 1)
        flat = planes.reshape(rows, -1, channels)
        piece = np.concatenate([flat[:, :1], np.diff(flat, axis=1)], axis=1)
    return np.ascontiguousarray(piece.astype(piece.dtype.newbyteorder(order))).tobytes()
