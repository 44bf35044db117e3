"""Width and height from headers are those that Pillow finds, for every type that is read."""

import io
import struct
from pathlib import Path
from typing import Any

import pillow_heif
import pytest
from PIL import Image, ImageOps

from fluximage.command import dimensions

SIZE = (51, 37)
FORMATS: dict[str, tuple[str, dict[str, Any]]] = {
    "jpg": ("JPEG", {}), "jpg-progressive": ("JPEG", {"progressive": True}),
    "jpg-comment": ("JPEG", {"comment": b"\xff\xc0" * 9}),
    "jpg-profile": ("JPEG", {"icc_profile": bytes(200_000)}),
    "png": ("PNG", {}), "png-profile": ("PNG", {"icc_profile": bytes(9000)}),
    "webp": ("WEBP", {}), "webp-lossless": ("WEBP", {"lossless": True}),
    "webp-extended": ("WEBP", {"icc_profile": bytes(500)}),
    "avif": ("AVIF", {}), "gif": ("GIF", {}), "bmp": ("BMP", {}), "tiff": ("TIFF", {}),
    "tiff-big": ("TIFF", {"big_tiff": True}),
}  # fmt: skip


def made(kind: str, **more: Any) -> bytes:
    form, options = FORMATS[kind]
    file = io.BytesIO()
    Image.new("RGB", SIZE, "teal").save(file, form, **options, **more)
    return file.getvalue()


def read(content: bytes, folder: Path) -> tuple[str, int, int]:
    path = folder / "image"
    path.write_bytes(content)
    found = dimensions.read(path)
    return found.format, found.width, found.height


@pytest.mark.parametrize("kind", FORMATS)
def test_each_type_is_read(kind: str, tmp_path: Path) -> None:
    assert read(made(kind), tmp_path) == (kind.partition("-")[0], *SIZE)


@pytest.mark.parametrize("kind", ["jpg", "png", "webp", "avif", "tiff"])
@pytest.mark.parametrize("orientation", [3, 6, 8])
def test_a_turned_image_has_the_sides_that_are_shown(
    kind: str, orientation: int, tmp_path: Path
) -> None:
    exif = Image.Exif()
    exif[274] = orientation
    content = made(kind, exif=exif)
    shown = ImageOps.exif_transpose(Image.open(io.BytesIO(content)))
    assert read(content, tmp_path)[1:] == shown.size


@pytest.mark.parametrize("orientation", [1, 6, 8])
def test_a_photograph_of_a_phone_is_read(orientation: int, tmp_path: Path) -> None:
    exif = Image.Exif()
    exif[274] = orientation
    file = io.BytesIO()
    made_by = pillow_heif.from_pillow(Image.new("RGB", (300, 200), "teal"))
    made_by.save(file, exif=exif.tobytes())
    shown = (300, 200) if orientation == 1 else (200, 300)
    assert read(file.getvalue(), tmp_path) == ("heic", *shown)


def test_moving_images_are_read(tmp_path: Path) -> None:
    frames = [Image.new("RGB", SIZE, colour) for colour in ("red", "blue", "green")]
    for form in ("GIF", "WEBP", "AVIF", "PNG"):
        file = io.BytesIO()
        frames[0].save(file, form, save_all=True, append_images=frames[1:])
        assert read(file.getvalue(), tmp_path) == (form.lower(), *SIZE)


def test_bitmaps_of_other_headers_are_read(tmp_path: Path) -> None:
    core = b"BM" + bytes(12) + struct.pack("<IHHHH", 12, *SIZE, 1, 24)
    assert read(core, tmp_path) == ("bmp", *SIZE)
    from_the_top = b"BM" + bytes(12) + struct.pack("<Iii", 40, SIZE[0], -SIZE[1])
    assert read(from_the_top, tmp_path) == ("bmp", *SIZE)


@pytest.mark.parametrize("kind", FORMATS)
def test_a_header_that_is_cut_or_damaged_is_an_error_of_ours(kind: str, tmp_path: Path) -> None:
    content = made(kind)
    for end in range(0, min(len(content), 600), 3):
        for cut in (content[:end], content[:end] + b"\xff" * 40, content[:end] + bytes(60)):
            try:
                read(cut, tmp_path)
            except dimensions.UnknownHeaderError:
                continue


def test_what_is_no_image_is_told(tmp_path: Path) -> None:
    with pytest.raises(dimensions.UnknownHeaderError, match="no image that the service reads"):
        read(b"<svg/>", tmp_path)
