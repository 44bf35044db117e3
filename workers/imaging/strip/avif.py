"""AVIF: the coded pictures in a newly written file, with what is needed to show them.

Only what is named here is copied: the AV1 of the primary picture, of its tiles and of its alpha,
and properties whose every byte has a meaning for the pixels.
"""

import struct
from collections.abc import Iterator
from dataclasses import replace

from workers.imaging.formats import heif_items
from workers.imaging.formats.heif_items import Item, Property, Still
from workers.imaging.formats.isobmff import whole_boxes
from workers.imaging.strip.isobmff_writer import box, written

_BRANDS = (b"avif", b"mif1", b"miaf", b"MA1A", b"MA1B")
_TOP = (b"ftyp", b"meta", b"mdat", b"free", b"skip", b"uuid")  # no moov: a still

# HEIF 6.5.8 and AV1 Image File Format 4.1: both names of an alpha channel are in use.
_ALPHAS = (b"urn:mpeg:mpegB:cicp:systems:auxiliary:alpha", b"urn:mpeg:hevc:2015:auxid:1")

# Lengths in bytes with the FullBox header: size, and the light levels.
_EXACT = {b"ispe": 12, b"clli": 4, b"mdcv": 24}
_NCLX = 11  # "nclx", three numbers of 16 bits and the range
_AV1C = 4  # bytes; OBUs behind them repeat the item's own

# ITU-T H.273: sRGB's primaries and transfer, and "unspecified", which is shown as sRGB.
_SRGB_CODES = ((1, 13), (2, 2), (1, 2), (2, 13))

# AV1, 6.2.2: sequence header; frame header, tile group, frame, redundant frame header.
_PICTURE_OBUS = (1, 3, 4, 6, 7)
_METADATA_OBU = 5

_MAX_DEPTH = 4  # a grid, its tiles, their alpha, and one more to see that nothing follows


def strip(data: bytes) -> bytes:
    """The primary picture with its tiles and its alpha; ValueError for anything unusual.

    Thumbnails, gain maps, depth, Exif and XMP are items that the picture does not need. A picture
    that boxes turn, mirror or crop is refused, as is one with layers or with metadata in its AV1.
    """
    tops = list(whole_boxes(data))
    if any(name not in _TOP for name, _ in tops):
        raise ValueError("more than a still")
    found = heif_items.single(tops, b"ftyp", b"meta")
    still = _needed(heif_items.read(data, found[b"meta"]))
    return written(_ftyp(found[b"ftyp"]), still)


def _ftyp(body: bytes) -> bytes:
    """The ftyp box with the known brands of a still AVIF; an unknown one could mean anything."""
    major, others = body[:4], [body[at : at + 4] for at in range(8, len(body), 4)]
    if major not in _BRANDS:
        raise ValueError("not a still AVIF")
    kept = dict.fromkeys(brand for brand in others if brand in _BRANDS)
    return box(b"ftyp", major, bytes(4), *kept)


def _needed(still: Still) -> Still:
    """The primary item and all that it is made of, with only the needed properties and OBUs."""
    kept = _reached(still)
    if max(kept) > 0xFFFF:
        raise ValueError("numbers of 32 bits")
    references = tuple(
        (name, source, to)
        for name, source, to in still.references
        if name in (b"auxl", b"dimg", b"prem") and {source, *to} <= kept
    )
    items = {number: _clean(still.items[number]) for number in sorted(kept)}
    return Still(still.primary, items, references)


def _reached(still: Still) -> set[int]:
    """The numbers of the primary item, of its grids' tiles, and of the alpha of all these."""
    reached: set[int] = set()
    new = {still.primary}
    for _ in range(_MAX_DEPTH):
        reached |= new
        for name, source, to in still.references:
            if name == b"dimg" and source in reached:
                new |= {*to}
            elif name == b"auxl" and {*to} <= reached and _is_alpha(still.items[source]):
                new.add(source)
        new -= reached
        if not new:
            return reached
    raise ValueError("pictures of pictures of pictures")


def _is_alpha(item: Item) -> bool:
    return any(
        name == b"auxC" and body[4:].split(b"\0")[0] in _ALPHAS for name, body, _ in item.properties
    )


def _clean(item: Item) -> Item:
    if item.kind == b"av01":
        data = b"".join(_picture_obus(item.data))
    elif item.kind == b"grid":  # HEIF 6.6.2.3: 16-bit sides, or 32-bit ones
        data = item.data[: 12 if item.data[1] & 1 else 8]
    else:
        raise ValueError("a kind of item that not every reader knows")
    return replace(item, data=data, properties=tuple(_clean_properties(item)))


def _clean_properties(item: Item) -> Iterator[Property]:
    profiled = any(body[:4] in (b"prof", b"rICC") for _, body, _ in item.properties)
    codes = [struct.unpack_from(">HH", body, 4) for _, body, _ in item.properties if _is_nclx(body)]
    if profiled and not (codes and codes[0] in _SRGB_CODES):
        raise ValueError("without its profile the picture might be of another space")
    for name, body, essential in item.properties:
        kept = _property(name, body)
        if kept is not None:
            yield name, kept, essential
        elif essential or name in (b"irot", b"imir", b"clap"):
            raise ValueError("a picture that is not shown as it is stored")


def _is_nclx(body: bytes) -> bool:
    return body[:4] == b"nclx" and len(body) >= _NCLX


def _property(name: bytes, body: bytes) -> bytes | None:
    """A property as it is written, or None if it is left out."""
    if name in _EXACT:
        return body[: _EXACT[name]]
    if name == b"pixi":
        return body[: 5 + body[4]]
    if name == b"av1C":
        return body[:_AV1C]
    if name == b"colr" and _is_nclx(body):
        return body[:_NCLX]
    if name == b"auxC":
        return bytes(4) + body[4:].split(b"\0")[0] + b"\0"
    return None


def _picture_obus(data: bytes) -> Iterator[bytes]:
    """The OBUs that make the picture: AV1, 5.3. Padding and reserved ones can carry anything."""
    at = 0
    while at < len(data):
        start, header = at, data[at]
        kind = header >> 3 & 15
        at += 2 if header & 4 else 1
        length = len(data) - at
        if header & 2:
            length, at = _leb128(data, at)
        at += length
        if at > len(data) or kind == _METADATA_OBU:
            raise ValueError("cut short, or with metadata in the stream")
        if kind in _PICTURE_OBUS:
            yield data[start:at]


def _leb128(data: bytes, at: int) -> tuple[int, int]:
    """A number of at most 8 bytes and the offset behind it: AV1, 4.10.5."""
    value = 0
    for index in range(8):
        value |= (data[at + index] & 0x7F) << 7 * index
        if data[at + index] < 0x80:
            return value, at + index + 1
    raise ValueError("too long a number")
