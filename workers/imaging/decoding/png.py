"""What Pillow omits or gets wrong in a PNG: rows that are missing, cICP, and tRNS."""

import io
from collections.abc import Iterable

from PIL import Image, ImageChops

from shared.png_chunks import FRAMING, body, chunks
from workers.imaging.colour.cicp import Codes
from workers.imaging.colour.convert import to_plain
from workers.imaging.formats.png_rows import inflated, raw_length

_CICP_BYTES = 4  # 11.3.2.6
_GREY, _RGB = 0, 2  # colour types, PNG, third edition, 11.2.1


def check_rows(image: Image.Image, data: bytes) -> None:
    """Raises ValueError for pixels whose stream ends early; Pillow leaves the others at 0.

    image: as decoded; data: the whole file. The stream is inflated again to count it, but
    only if the last row is 0, or if it is interlaced: then any row may be missing.
    """
    width, height = image.size
    interlaced = data[28]
    if interlaced or not any(image.crop((0, height - 1, width, height)).tobytes()):
        needed = raw_length(data[16:29])
        stream = b"".join(body(data, *span) for name, *span in chunks(data) if name == b"IDAT")
        if inflated(stream, needed).length < needed:
            raise ValueError("missing rows")


def corrected(image: Image.Image, data: bytes) -> Image.Image:
    """A decoded PNG with `cicp` in its `info`, and with its transparent colour applied correctly.

    data: the whole file. Pillow compares a transparent grey of 16 bits with pixels that it has
    expanded from 2 or 4 bits to 8, and it drops the transparent colour of 16-bit pixels.
    """
    codes = _codes(data)
    if codes:
        image.info["cicp"] = codes
    depth, colour = data[24], data[25]
    key = image.info.get("transparency")
    if key is None or colour not in (_GREY, _RGB):
        return image
    if depth == 16:
        return _keyed(image, data, colour)
    if colour == _GREY and depth in (2, 4):
        image.info["transparency"] = (key & (1 << depth) - 1) * 255 // ((1 << depth) - 1)
    return image


def _codes(data: bytes) -> Codes | None:
    """The four bytes of cICP, which comes before the palette and the pixels; None without."""
    for name, start, end in chunks(data):
        if name in (b"PLTE", b"IDAT"):
            return None
        if name == b"cICP" and end - start == FRAMING + _CICP_BYTES:
            primaries, transfer, matrix, full_range = body(data, start, end)
            return primaries, transfer, matrix, full_range
    return None


def _keyed(image: Image.Image, data: bytes, colour: int) -> Image.Image:
    """A picture of 16 bits with alpha 0 where all 16 bits are those of the transparent colour."""
    key = image.info["transparency"]
    if colour == _GREY:
        low, high = Image.frombytes("LA", image.size, image.tobytes()).split()
        same = _same((low, high), (key & 255, key >> 8))
    else:
        low_bytes = (value & 255 for value in key)
        same = _same(_low_half(data).split(), low_bytes)
        same = ImageChops.darker(same, _same(image.split(), (value >> 8 for value in key)))
    del image.info["transparency"]
    plain = to_plain(image)
    plain.putalpha(ImageChops.invert(same))
    return plain


def _low_half(data: bytes) -> Image.Image:
    """The lower bytes of an RGB picture of 16 bits; Pillow keeps only the upper ones."""
    image = Image.open(io.BytesIO(data), formats=["PNG"])
    image.tile = [tile._replace(args="RGB;16L") for tile in image.tile]
    image.load()
    return image


def _same(channels: Iterable[Image.Image], values: Iterable[int]) -> Image.Image:
    """A mask of 255 where each channel has its value, else 0."""
    masks = [
        channel.point([255 * (level == value) for level in range(256)])
        for channel, value in zip(channels, values, strict=True)
    ]
    whole = masks.pop()
    for mask in masks:
        whole = ImageChops.darker(whole, mask)
    return whole
