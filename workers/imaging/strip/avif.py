"""AVIF: written anew around the coded pictures, with what is needed to show them.

Nothing is copied but what is named here: the AV1 of the primary picture, of its tiles and of its
alpha, and properties whose every byte has a meaning for the pixels.
"""

import struct
from collections.abc import Iterator
from dataclasses import replace

from workers.imaging.strip import boxes
from workers.imaging.strip.boxes import Item, Property, Still

_BRANDS = (b"avif", b"mif1", b"miaf", b"MA1A", b"MA1B")
_TOP = (b"ftyp", b"meta", b"mdat", b"free", b"skip", b"uuid")  # no moov: a still

# HEIF 6.5.8 and the AV1 Image File ImageType 4.1: both names of an alpha channel are in use.
_ALPHAS = (b"urn:mpeg:mpegB:cicp:systems:auxiliary:alpha", b"urn:mpeg:hevc:2015:auxid:1")

# Lengths in bytes, FullBox headers with them: ispe, light levels, and colours as four numbers.
_EXACT = {b"ispe": 12, b"clli": 4, b"mdcv": 24}
_NCLX = 11  # "nclx", three numbers of 16 bits and the range
_AV1C = 4  # after which come OBUs that repeat the item's own

# ITU-T H.273: sRGB's primaries and transfer, and "unspecified", which is shown as sRGB.
_SRGB_CODES = ((1, 13), (2, 2), (1, 2), (2, 13))

# AV1, 6.2.2: sequence header; frame header, tile group, frame, redundant frame header.
_PICTURE_OBUS = (1, 3, 4, 6, 7)
_METADATA_OBU = 5

_MAX_DEPTH = 4  # a grid, its tiles, their alpha; one more to see that this was all


def strip(data: bytes) -> bytes:
    """The primary picture with its tiles and its alpha; ValueError where that is not all.

    Thumbnails, gain maps, depth, Exif and XMP are items that it does not need. A picture that
    boxes turn, mirror or crop is refused, as is one with layers or with metadata in its AV1.
    """
    tops = list(boxes.split(data))
    if any(name not in _TOP for name, _ in tops):
        raise ValueError("more than a still")
    found = boxes.single(iter(tops), b"ftyp", b"meta")
    still = _needed(boxes.read(data, found[b"meta"]))
    return boxes.written(_ftyp(found[b"ftyp"]), still)


def _ftyp(body: bytes) -> bytes:
    """The brands that say something of a still AVIF; others could say anything."""
    major, others = body[:4], [body[at : at + 4] for at in range(8, len(body), 4)]
    if major not in _BRANDS:
        raise ValueError("not a still AVIF")
    kept = dict.fromkeys(brand for brand in others if brand in _BRANDS)
    return boxes.box(b"ftyp", major, bytes(4), *kept)


def _needed(still: Still) -> Still:
    """The primary item and all that it is made of; properties and AV1 cleaned."""
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
    """The primary item, what grids in it are made of, and the alpha of all these."""
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
    """A property as it goes into the file, None if it does not."""
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
    """The OBUs that are picture: AV1, 5.3; padding and what is reserved carries anything."""
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
    """AV1, 4.10.5: a number of at most 8 bytes, and where it ends."""
    value = 0
    for index in range(8):
        value |= (data[at + index] & 0x7F) << 7 * index
        if data[at + index] < 0x80:
            return value, at + index + 1
    raise ValueError("too long a number")
