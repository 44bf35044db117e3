"""Pictures that are stored turned, and what says so."""

from itertools import cycle

import pytest
from PIL import Image

from shared.imagetype import ImageType
from tests.conformance.comparing import ALL
from tests.conformance.inputs import with_segments
from tests.support.pairwise import pairwise
from tests.workers.imaging.making import (
    STORED,
    chunk,
    corners,
    opened,
    quarters,
    result,
    run,
    saved,
    with_exif,
)

UPRIGHT = quarters(48, 32)
XMP = (
    b'<x:xmpmeta xmlns:x="adobe:ns:meta/"><rdf:RDF '
    b'xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#"><rdf:Description '
    b'xmlns:tiff="http://ns.adobe.com/tiff/1.0/" tiff:Orientation="6"/></rdf:RDF></x:xmpmeta>'
)


def stored(orientation: int) -> Image.Image:
    """The picture as a file of this orientation holds it."""
    return UPRIGHT.transpose(STORED[orientation]) if orientation in STORED else UPRIGHT


KINDS = ["JPEG", "PNG", "WEBP", "AVIF", "TIFF"]
ORIENTATIONS = list(range(1, 9))


@pytest.mark.parametrize(("kind", "orientation", "to"), pairwise(KINDS, ORIENTATIONS, ALL))
def test_each_orientation_comes_out_upright_and_is_named_no_more(
    kind: str, orientation: int, to: ImageType
) -> None:
    data = saved(stored(orientation), kind, exif=with_exif(orientation))
    out = run(data, to, quality=90).data
    image = opened(out)
    assert image.size == UPRIGHT.size
    assert corners(image) == corners(UPRIGHT)
    assert image.getexif().get(0x0112, 1) == 1


def test_avif_is_turned_by_its_own_boxes() -> None:
    for orientation in ORIENTATIONS[1:]:
        exif = Image.Exif()
        exif[0x0112] = orientation  # alone: no EXIF block is written then, only the boxes
        data = saved(stored(orientation), "AVIF", exif=exif)
        assert b"Exif" not in data
        assert (b"irot" in data, b"imir" in data) == (
            orientation in (3, 5, 6, 7, 8),
            orientation in (2, 4, 5, 7),
        )
        assert corners(result(data)) == corners(UPRIGHT), orientation


def test_an_orientation_in_the_exif_of_an_avif_without_boxes_is_ignored() -> None:
    exif = Image.Exif()
    exif[0x0128] = 6  # a tag of the same type, renamed below
    data = saved(UPRIGHT, "AVIF", exif=exif)
    at = data.index(b"\x28\x01\x03\0" if b"II*\0" in data else b"\x01\x28\0\x03")
    renamed = data[at : at + 2].replace(b"\x28", b"\x12")
    image = result(data[:at] + renamed + data[at + 2 :])
    assert (image.size, corners(image)) == (UPRIGHT.size, corners(UPRIGHT))


@pytest.mark.parametrize("kind", KINDS[:-1])
def test_an_orientation_in_xmp_alone_turns_nothing(kind: str) -> None:
    data = saved(UPRIGHT, kind, xmp=XMP)
    if kind == "JPEG" and XMP not in data:
        data = with_segments(data, (0xE1, b"http://ns.adobe.com/xap/1.0/\0" + XMP))
    if kind == "PNG" and XMP not in data:
        data = png_with_xmp(saved(UPRIGHT, kind))
    assert XMP in data
    image = result(data)
    assert (image.size, corners(image)) == (UPRIGHT.size, corners(UPRIGHT))


def test_exif_outranks_a_contrary_xmp() -> None:
    data = saved(stored(3), "JPEG", exif=with_exif(3), xmp=XMP)
    assert corners(result(data)) == corners(UPRIGHT)


@pytest.mark.parametrize(("orientation", "to"), list(zip(ORIENTATIONS, cycle(ALL), strict=False)))
def test_turning_and_scaling_go_together(orientation: int, to: ImageType) -> None:
    small = stored(orientation)
    large = small.resize((small.width * 10, small.height * 10))
    data = saved(large, "JPEG", quality=95, exif=with_exif(orientation))
    image = result(data, to, quality=90, max_width=60)
    assert image.size == (60, 40)
    assert corners(image) == corners(UPRIGHT)


def png_with_xmp(data: bytes) -> bytes:
    """A PNG with XMP in the iTXt chunk that is for it, in front of the pixels."""
    at = data.index(b"IDAT") - 4
    return data[:at] + chunk(b"iTXt", b"XML:com.adobe.xmp\0\0\0\0\0" + XMP) + data[at:]
