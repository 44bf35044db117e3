"""Which files are a watermark, and what the refusal of any other says."""

import io
import struct
import zlib

import pytest
from PIL import Image

from shared.errors import InvalidFieldError
from shared.imagetype import check_watermark
from shared.png_chunks import SIGNATURE
from tests.support.cases import every_case


def saved(image: Image.Image, kind: str) -> bytes:
    out = io.BytesIO()
    image.save(out, kind)
    return out.getvalue()


def still(kind: str) -> bytes:
    return saved(Image.new("RGB", (37, 21), "teal"), kind)


def chunk(name: bytes, data: bytes) -> bytes:
    return struct.pack(">I", len(data)) + name + data + struct.pack(">I", zlib.crc32(name + data))


def header(width: int, height: int, depth: int = 8, colour: int = 2) -> bytes:
    fields = struct.pack(">IIBBBBB", width, height, depth, colour, 0, 0, 0)
    return SIGNATURE + chunk(b"IHDR", fields)


@every_case("mode", ["1", "L", "LA", "P", "RGB", "RGBA", "I;16"])
def test_a_whole_png_is_a_watermark(mode: str) -> None:
    check_watermark(saved(Image.new(mode, (37, 21)), "PNG"))


def test_a_watermark_of_4096_by_4096_is_allowed() -> None:
    check_watermark(saved(Image.new("1", (4096, 4096)), "PNG"))


@every_case(
    "data, came",
    [
        (b"", "empty"),
        (b"text", "not an image"),
        (still("JPEG"), "a JPEG image"),
        (still("PNG")[:-1], "a PNG that is damaged or cut short"),
        (still("PNG")[:-12], "a PNG that is damaged or cut short"),
        (still("PNG")[:30], "a PNG that is damaged or cut short"),
        (SIGNATURE, "a PNG that is damaged or cut short"),
        (header(9, 9) + chunk(b"IEND", b""), "a PNG that is damaged or cut short"),
        (header(0, 9) + chunk(b"IDAT", b"") + chunk(b"IEND", b""), "a PNG that is damaged"),
        (header(9, 9, 3) + chunk(b"IDAT", b"") + chunk(b"IEND", b""), "a PNG that is damaged"),
        (header(9, 9, 8, 5) + chunk(b"IDAT", b"") + chunk(b"IEND", b""), "a PNG that is damaged"),
    ],
)
def test_another_watermark_is_refused_with_what_came(data: bytes, came: str) -> None:
    with pytest.raises(InvalidFieldError) as caught:
        check_watermark(data)
    assert caught.value.message.startswith(f"watermarkFile is {came}")
    assert caught.value.message.endswith("a PNG of at most 4096 x 4096 pixels is allowed")


def test_a_watermark_with_a_wrong_checksum_is_refused() -> None:
    data = bytearray(still("PNG"))
    data[-20] ^= 1
    with pytest.raises(InvalidFieldError):
        check_watermark(bytes(data))


@every_case("size", [(4097, 1), (1, 4097)])
def test_a_watermark_too_large_is_refused_with_its_size(size: tuple[int, int]) -> None:
    with pytest.raises(InvalidFieldError) as caught:
        check_watermark(saved(Image.new("1", size), "PNG"))
    assert f"watermarkFile has {size[0]} x {size[1]} pixels" in caught.value.message
