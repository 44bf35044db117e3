"""Orientation and what depends on it: the box, scaled decoding, and EXIF in unusual places."""

import pytest
from PIL import Image

from shared.imagetype import ImageType
from tests.workers.imaging.making import (
    STORED,
    chunk,
    corners,
    pixels,
    png,
    quarters,
    result,
    run,
    saved,
    with_exif,
)


def stored_as(orientation: int, image: Image.Image) -> Image.Image:
    return image.transpose(STORED[orientation]) if orientation in STORED else image


def test_the_box_is_for_the_upright_image() -> None:
    data = saved(stored_as(6, quarters(1200, 800)), "JPEG", exif=with_exif(6))
    image = result(data, max_width=300)
    assert image.size == (300, 200)
    assert corners(image) == corners(quarters())


def test_scaled_decoding_considers_the_orientation() -> None:
    stripes = Image.new("L", (1600, 100))
    for left in range(0, 1600, 8):
        stripes.paste(255, (left, 0, left + 4, 100))
    for orientation in (5, 6, 7, 8):
        turned = stored_as(orientation, stripes)
        data = saved(turned, "JPEG", exif=with_exif(orientation), quality=100)
        # Without the turn the box would seem to ask for 3 x 50, where the stripes are gone.
        image = result(data, max_height=50)
        assert image.size == (800, 50), orientation
        assert pixels(image.convert("L")).std() > 100, orientation


def test_an_orientation_after_the_pixels_of_a_png_counts() -> None:
    data = png((2, 1, 8, 2), b"\0" + bytes((255, 0, 0, 0, 0, 255)), end=False)
    exif = with_exif(6).removeprefix(b"Exif\0\0")
    image = result(data + chunk(b"eXIf", exif) + chunk(b"IEND", b""))
    assert image.size == (1, 2)


def test_an_undefined_orientation_changes_nothing() -> None:
    data = saved(quarters(), "JPEG", exif=with_exif(77))
    assert corners(result(data)) == corners(quarters())


@pytest.mark.parametrize("kind", ["JPEG", "PNG", "WEBP", "AVIF"])
def test_an_image_with_a_broken_exif_block_is_processed(kind: str) -> None:
    exif = with_exif(6)
    data = saved(quarters(), kind, exif=exif)
    at = data.index(b"MM\0*\0\0\0\x08" if b"MM\0*" in exif else b"II*\0\x08\0\0\0")
    for offset in (8, 12, 18):
        broken = bytearray(data)
        broken[at + offset - 8 : at + offset] = b"\xff" * 8
        if kind == "PNG":
            start = data.index(b"eXIf") - 4
            length = int.from_bytes(data[start : start + 4], "big")
            body = bytes(broken[start + 8 : start + 8 + length])
            broken[start : start + 12 + length] = chunk(b"eXIf", body)
        output = run(bytes(broken), ImageType.WEBP)
        assert sorted((output.width, output.height)) == [32, 64], offset
