import contextlib
import struct
import zlib

import pytest
from PIL import Image

from shared.errors import CorruptImageError, UnsupportedImageError
from shared.imagetype import ImageType
from shared.models import Options, Probe
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


def samples() -> dict[str, bytes]:
    photo, flat = noise(), noise().quantize(64)
    return {
        "jpeg": saved(photo, "JPEG"),
        "progressive jpeg": saved(photo, "JPEG", progressive=True),
        "png": saved(photo, "PNG"),
        "palette png": saved(flat, "PNG"),
        "webp": saved(photo, "WEBP"),
        "lossless webp": saved(photo, "WEBP", lossless=True),
        "avif": saved(photo, "AVIF"),
        "heic": saved(photo, "HEIF"),
        "gif": saved(flat, "GIF"),
        "tiff": saved(photo, "TIFF"),
        "tiff with its directory first": tiff_with_its_directory_first(photo),
        "lzw tiff": saved(photo, "TIFF", compression="tiff_lzw"),
        "deflate tiff": saved(photo, "TIFF", compression="tiff_adobe_deflate"),
        "jpeg tiff": saved(photo, "TIFF", compression="jpeg"),
        "bmp": saved(photo, "BMP"),
        "palette bmp": saved(flat, "BMP"),
    }


def tiff_with_its_directory_first(photo: Image.Image) -> bytes:
    """One deflated strip behind the directory; Pillow itself writes the directory last."""
    strip = zlib.compress(photo.tobytes())
    width, height = photo.size
    at = 8 + 2 + 9 * 12 + 4
    entries = [
        (256, width), (257, height), (258, 8), (259, 8), (262, 2),
        (273, at), (277, 3), (278, height), (279, len(strip)),
    ]  # fmt: skip
    body = b"".join(struct.pack("<HHII", tag, 4, 1, value) for tag, value in entries)
    return b"II*\0" + struct.pack("<IH", 8, len(entries)) + body + bytes(4) + strip


@pytest.mark.parametrize("name", samples())
def test_the_sample_decodes(name: str) -> None:
    assert result(samples()[name]).size == (96, 64)


@pytest.mark.parametrize("keep", [0.02, 0.3, 0.5, 0.9, 0.98])
@pytest.mark.parametrize("name", samples())
def test_a_file_cut_short_is_corrupt(name: str, keep: float) -> None:
    data = samples()[name]
    with pytest.raises(CorruptImageError):
        run(data[: max(24, int(len(data) * keep))])


@pytest.mark.parametrize("lost", [1, 2, 5, 12, 20])
@pytest.mark.parametrize("name", ["jpeg", "png", "webp", "avif", "heic", "tiff"])
def test_a_file_without_its_last_bytes_is_corrupt(name: str, lost: int) -> None:
    with pytest.raises(CorruptImageError):
        run(samples()[name][:-lost])


@pytest.mark.parametrize("name", samples())
def test_a_file_with_its_middle_overwritten_never_escapes_as_another_error(name: str) -> None:
    data = samples()[name]
    for start in range(20, len(data), max(1, len(data) // 40)):
        broken = data[:start] + b"\xa5" * 16 + data[start + 16 :]
        with contextlib.suppress(CorruptImageError, UnsupportedImageError):
            run(broken, max_width=32)


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
def test_an_animation_gives_its_first_frame_and_a_warning(kind: str) -> None:
    first, second = Image.new("RGB", (32, 32), "red"), Image.new("RGB", (32, 32), "blue")
    data = saved(first, kind, save_all=True, append_images=[second, first])
    notice = ("animation_flattened", "Only the first of the 3 frames was used")
    assert run(data).warnings == (notice,)
    assert corners(result(data)) == [(255, 0, 0)] * 4


def test_a_still_picture_has_no_warning() -> None:
    assert run(saved(noise(), "PNG")).warnings == ()


def test_damage_in_the_message_names_no_inside() -> None:
    with pytest.raises(CorruptImageError) as caught:
        run(samples()["webp"][:-9])
    assert caught.value.message == "This WebP image is damaged or cut short"


@pytest.mark.parametrize("kind", ["PNG", "BMP", "TIFF", "WEBP"])
def test_lossless_sources_come_through_to_the_pixel(kind: str) -> None:
    options = {"lossless": True} if kind == "WEBP" else {}
    image = result(saved(noise(), kind, **options), ImageType.PNG)
    assert (pixels(image) == pixels(noise())).all()


def test_a_bottom_up_and_a_top_down_bitmap_read_alike() -> None:
    data = bytearray(saved(noise(), "BMP"))
    data[22:26] = (-64).to_bytes(4, "little", signed=True)
    turned = opened(run(bytes(data)).data)
    assert (pixels(turned)[::-1] == pixels(noise())).all()
