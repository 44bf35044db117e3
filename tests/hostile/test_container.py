"""The scan of outputs finds what it looks for."""

import pytest

from shared.imagetype import OUTPUT_TYPES, ImageType
from tests.hostile.clean import output_faults
from tests.workers.imaging.making import chunk, noise, saved, with_exif
from tests.workers.imaging.moving import flat, moving
from tests.workers.imaging.planting import SRGB

KINDS = {
    ImageType.JPG: "JPEG",
    ImageType.PNG: "PNG",
    ImageType.WEBP: "WEBP",
    ImageType.AVIF: "AVIF",
}


@pytest.mark.parametrize("to", list(OUTPUT_TYPES))
def test_a_bare_file_has_no_fault(to: ImageType) -> None:
    assert output_faults(saved(noise(), KINDS[to]), to) == []


@pytest.mark.parametrize("options", [{"exif": with_exif(6)}, {"icc_profile": SRGB}])
@pytest.mark.parametrize("to", list(OUTPUT_TYPES))
def test_metadata_is_a_fault(to: ImageType, options: dict[str, bytes]) -> None:
    assert output_faults(saved(noise(), KINDS[to], **options), to)


@pytest.mark.parametrize("to", [ImageType.JPG, ImageType.WEBP, ImageType.AVIF])
def test_xmp_is_a_fault(to: ImageType) -> None:
    assert output_faults(saved(noise(), KINDS[to], xmp=b"<x/>"), to)


@pytest.mark.parametrize("tail", [b"\0", b"PK\3\4"])
@pytest.mark.parametrize("to", list(OUTPUT_TYPES))
def test_bytes_behind_the_end_are_a_fault(to: ImageType, tail: bytes) -> None:
    assert output_faults(saved(noise(), KINDS[to]) + tail, to)


@pytest.mark.parametrize("to", list(OUTPUT_TYPES))
def test_a_file_cut_short_is_a_fault(to: ImageType) -> None:
    assert output_faults(saved(noise(), KINDS[to])[:-1], to)


def test_text_in_a_png_and_a_comment_in_a_jpeg_are_faults() -> None:
    png = saved(noise(), "PNG")
    assert output_faults(png[:33] + chunk(b"tEXt", b"k\0v") + png[33:], ImageType.PNG)
    assert output_faults(saved(noise(), "JPEG", comment=b"hello"), ImageType.JPG)


def test_bytes_behind_the_pixels_of_a_png_are_a_fault() -> None:
    png = saved(noise(8, 8), "PNG")
    start = png.index(b"IDAT") + 4
    pixels = png[start : png.index(b"IEND") - 8]
    assert output_faults(
        png[:33] + chunk(b"IDAT", pixels + b"hidden") + chunk(b"IEND", b""), ImageType.PNG
    )


@pytest.mark.parametrize("kind", ["WEBP"])
def test_a_film_has_no_fault(kind: str) -> None:
    assert output_faults(moving(kind, flat()), ImageType.WEBP) == []
