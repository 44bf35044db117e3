"""jpegli: the pixels of its Python face in fewer bytes, and that face where it must do."""

import mozjpeg_lossless_optimization as mozjpeg
import pyjpegli
import pytest
from PIL import Image

from tests.workers.imaging.making import noise, opened, pixels
from workers.imaging.encoding import jpeg, jpegli

SIZES = [(1, 1), (7, 3), (16, 16), (17, 130), (65_500, 1), (1, 65_500)]


def photo() -> Image.Image:
    return Image.open("tests/samples/chelsea.png").convert("RGB")


def plain(image: Image.Image, quality: int) -> bytes:
    return bytes(pyjpegli.encode(image.tobytes(), *image.size, quality))


@pytest.mark.parametrize("quality", [1, 50, 79, 80, 100])
@pytest.mark.parametrize("size", SIZES)
def test_the_pixels_are_those_of_pyjpegli(size: tuple[int, int], quality: int) -> None:
    image = noise(*size)
    seen = opened(jpegli.encode(image.tobytes(), size, quality))
    assert (pixels(seen) == pixels(opened(plain(image, quality)))).all()


@pytest.mark.parametrize("quality", [50, 90])
def test_its_scans_take_no_more_bytes_than_the_best_that_mozjpeg_finds(quality: int) -> None:
    image = photo()
    searched = mozjpeg.optimize(plain(image, quality))
    assert len(jpegli.encode(image.tobytes(), image.size, quality)) <= len(searched)


def test_without_its_functions_mozjpeg_searches_the_scans(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(jpegli, "_library", None)
    assert jpeg.half_colour(photo(), 80) == mozjpeg.optimize(plain(photo(), 80))


def test_large_images_are_left_to_its_python_face(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(jpeg, "OWN_SCANS_MAX_PIXELS", 451 * 300 - 1)
    assert jpeg.half_colour(photo(), 80) == mozjpeg.optimize(plain(photo(), 80))
