"""Which decoder runs, what of an animation it decodes, and lossless sources to the pixel."""

import pytest
from PIL import Image

from shared.errors import CorruptImageError, UnsupportedImageError
from shared.imagetype import ImageType
from shared.models import Options
from tests.workers.imaging.making import (
    corners,
    noise,
    opened,
    pixels,
    quarters,
    result,
    run,
    saved,
)
from workers.imaging import ImageJob, process
from workers.imaging.formats.probe import Probe


def test_text_named_jpg_is_unsupported() -> None:
    with pytest.raises(UnsupportedImageError):
        run(b"These are the notes that I saved as IMG_0001.JPG\n" * 40)


def test_only_the_decoder_that_the_header_called_for_runs() -> None:
    with pytest.raises(CorruptImageError):
        process(ImageJob(saved(noise(), "PNG"), Probe(ImageType.JPG, 96, 64, 1), Options()))


def test_a_picture_larger_than_its_header_said_is_not_decoded() -> None:
    with pytest.raises(CorruptImageError):
        process(ImageJob(saved(noise(), "PNG"), Probe(ImageType.PNG, 95, 64, 1), Options()))


def test_bytes_behind_the_end_do_no_harm() -> None:
    for kind in ("JPEG", "PNG", "GIF"):
        assert result(saved(quarters(), kind) + b"\0more" * 9).size == (64, 32)


@pytest.mark.parametrize("kind", ["GIF", "WEBP", "PNG", "AVIF", "TIFF"])
def test_an_animation_is_decoded_as_its_first_frame_with_a_warning(kind: str) -> None:
    first, second = Image.new("RGB", (32, 32), "red"), Image.new("RGB", (32, 32), "blue")
    data = saved(first, kind, save_all=True, append_images=[second, first])
    notice = ("animation_flattened", "Only the first of the 3 frames was used")
    assert run(data).warnings == (notice,)
    assert corners(result(data)) == [(255, 0, 0)] * 4


def test_a_still_picture_has_no_warning() -> None:
    assert run(saved(noise(), "PNG")).warnings == ()


@pytest.mark.parametrize("kind", ["PNG", "BMP", "TIFF", "WEBP"])
def test_lossless_sources_come_through_to_the_pixel(kind: str) -> None:
    options = {"lossless": True} if kind == "WEBP" else {}
    image = result(saved(noise(), kind, **options), ImageType.PNG)
    assert (pixels(image) == pixels(noise())).all()


def test_a_bottom_up_and_a_top_down_bitmap_decode_to_the_same_picture() -> None:
    data = bytearray(saved(noise(), "BMP"))
    data[22:26] = (-64).to_bytes(4, "little", signed=True)
    turned = opened(run(bytes(data)).data)
    assert (pixels(turned)[::-1] == pixels(noise())).all()
