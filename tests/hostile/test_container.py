"""The scan of outputs finds what it looks for."""

import pytest

from shared.imagetype import OUTPUT_TYPES, ImageType
from tests.hostile.clean import output_faults
from tests.workers.imaging.making import chunk, noise, saved, with_exif
from tests.workers.imaging.moving import flat, moving
from tests.workers.imaging.planting import SRGB

each_type = pytest.mark.parametrize("to", list(OUTPUT_TYPES))


@each_type
def test_a_bare_file_has_no_fault(to: ImageType) -> None:
    assert output_faults(saved(noise(), to.facts.decoder), to) == []


@each_type
def test_metadata_is_a_fault(to: ImageType) -> None:
    metadata = [{"exif": with_exif(6)}, {"icc_profile": SRGB}]
    if to is not ImageType.PNG:  # Pillow writes no XMP into it
        metadata.append({"xmp": b"<x/>"})
    for options in metadata:
        assert output_faults(saved(noise(), to.facts.decoder, **options), to), options


@each_type
def test_bytes_behind_the_end_or_a_missing_end_are_a_fault(to: ImageType) -> None:
    whole = saved(noise(), to.facts.decoder)
    for data in (whole + b"\0", whole + b"PK\3\4", whole[:-1]):
        assert output_faults(data, to), data[-4:]


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


def test_a_film_has_no_fault() -> None:
    assert output_faults(moving("WEBP", flat()), ImageType.WEBP) == []
