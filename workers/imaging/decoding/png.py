"""What a PNG says and Pillow leaves out or gets wrong: cICP, and a transparent colour in tRNS."""

import io
import struct
from collections.abc import Iterable

from PIL import Image, ImageChops

from workers.imaging.colour.convert import to_plain

_SIGNATURE = 8  # bytes
_MAX_CHUNKS = 1000  # looked at before the pixels; files have a dozen

_GREY, _RGB = 0, 2  # colour types, PNG, third edition, 11.2.1


def complete(image: Image.Image, data: bytes) -> Image.Image:
    """A decoded PNG with its `cicp` in `info`, and its transparent colour brought to its pixels.

    data: the whole file. Pillow compares the 16 bits of a transparent grey with pixels of 8 bits
    that it has spread from 2 or 4, and it drops the key of pixels of 16.
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


def _codes(data: bytes) -> tuple[int, int, int, int] | None:
    """The four bytes of cICP, which comes before the palette and the pixels; None without."""
    at = _SIGNATURE
    for _ in range(_MAX_CHUNKS):
        if at + 12 > len(data):
            return None
        length, name = struct.unpack_from(">I4s", data, at)
        if name == b"cICP" and length == 4:
            return struct.unpack_from("4B", data, at + 8)
        if name in (b"PLTE", b"IDAT", b"IEND"):
            return None
        at += 12 + length
    return None


def _keyed(image: Image.Image, data: bytes, colour: int) -> Image.Image:
    """A picture of 16 bits with alpha 0 where all 16 bits are those of the key."""
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
    """The lower bytes of an RGB picture of 16 bits, of which Pillow keeps the upper ones."""
    image = Image.open(io.BytesIO(data), formats=["PNG"])
    image.tile = [tile._replace(args="RGB;16L") for tile in image.tile]
    image.load()
    return image


def _same(channels: Iterable[Image.Image], values: Iterable[int]) -> Image.Image:
    """255 where each channel has its value, else 0."""
    masks = [
        channel.point([255 * (level == value) for level in range(256)])
        for channel, value in zip(channels, values, strict=True)
    ]
    whole = masks.pop()
    for mask in masks:
        whole = ImageChops.darker(whole, mask)
    return whole
