"""A result is looked at before an original is replaced."""

import importlib.util
import io
from importlib.machinery import ModuleSpec
from pathlib import Path

import pytest
from PIL import Image

from fluximage.command import header
from fluximage.command.header import BrokenImageError

FORMATS = {"jpg": "JPEG", "png": "PNG", "webp": "WEBP", "avif": "AVIF"}


def encoded(kind: str, **more: object) -> bytes:
    file = io.BytesIO()
    picture = Image.effect_noise((40, 30), 60).convert("RGB")
    picture.save(file, FORMATS[kind], **more)
    return file.getvalue()


@pytest.fixture
def light(monkeypatch: pytest.MonkeyPatch) -> None:
    """An installation without Pillow, as far as the check can see."""

    def find(name: str) -> ModuleSpec | None:
        return None if name == "PIL" else importlib.util.find_spec(name)

    monkeypatch.setattr(header, "find_spec", find)


@pytest.mark.parametrize("kind", FORMATS)
def test_a_whole_image_passes_and_a_cut_or_another_one_does_not(
    kind: str, light: None, tmp_path: Path
) -> None:
    assert light is None
    path, data = tmp_path / "x", encoded(kind)
    path.write_bytes(data)
    header.check(path, kind, 40, 30)
    with pytest.raises(BrokenImageError, match="30 × 40"):
        header.check(path, kind, 30, 40)
    other = next(one for one in FORMATS if one != kind)
    with pytest.raises(BrokenImageError, match=f"it is {kind} instead of {other}"):
        header.check(path, other, 40, 30)
    for length in range(0, len(data), 7):
        path.write_bytes(data[:length])
        with pytest.raises(BrokenImageError):
            header.check(path, kind, 40, 30)


@pytest.mark.parametrize(
    ("kind", "more"),
    [
        ("webp", {"lossless": True}),
        ("webp", {"exif": b"Exif\0\0II*\0\x08\0\0\0\0\0"}),
        ("jpg", {"progressive": True}),
        ("webp", {"save_all": True, "append_images": [Image.new("RGB", (40, 30))]}),
        ("avif", {"save_all": True, "append_images": [Image.new("RGB", (40, 30))]}),
    ],
)
def test_every_layout_of_a_format_is_read(
    kind: str, more: dict[str, object], light: None, tmp_path: Path
) -> None:
    assert light is None
    path = tmp_path / "x"
    path.write_bytes(encoded(kind, **more))
    header.check(path, kind, 40, 30)


def test_where_pillow_is_installed_every_pixel_is_decoded(tmp_path: Path) -> None:
    path, data = tmp_path / "x", bytearray(encoded("png"))
    middle = len(data) // 2
    data[middle : middle + 40] = bytes(40)
    path.write_bytes(data)
    with pytest.raises(BrokenImageError, match="does not decode"):
        header.check(path, "png", 40, 30)
