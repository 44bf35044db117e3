"""Passthrough: which uploads keep their own pixels, and that no result is larger."""

import struct
from typing import Any

import pytest
from PIL import Image

from shared.imagetype import OUTPUT_TYPES, ImageType
from shared.models import Encoding, Watermark
from tests.support.types import TYPES
from tests.workers.imaging.making import (
    ADOBE_RGB,
    chunk,
    grey_profile,
    matrix_profile,
    noise,
    opened,
    run,
    saved,
    srgb_grey_profile,
    with_exif,
)
from tests.workers.imaging.planting import FILES, SECRET, faded, jpeg, opened_all, soft
from workers.imaging.formats.probe import probe
from workers.imaging.strip import strip

STILLS = {name: (TYPES[kind], data) for name, (kind, data) in FILES.items()}
STILLS = {name: still for name, still in STILLS.items() if "animated" not in name}
QUALITIES = (40, 60, 82, 95, 100)
IN_EVERY_QUALITY = {"jpeg baseline", "webp lossy", "avif"}

# A file of each lossy format that is smaller than any encoder makes it at quality 100.
ROUGH: dict[ImageType, bytes] = {
    ImageType.JPG: saved(soft(), "JPEG", quality=30),
    ImageType.WEBP: saved(soft(), "WEBP", quality=20),
    ImageType.AVIF: saved(soft(), "AVIF", quality=20, speed=6),
}
EACH_ROUGH = [pytest.param(to, data, id=to.value) for to, data in ROUGH.items()]


def encoding(data: bytes, to: ImageType, mark: bytes | None = None, **options: Any) -> Encoding:
    return run(data, to, mark, **{"quality": 100} | options).encoding


@pytest.mark.parametrize("name", STILLS)
def test_neither_an_upload_without_metadata_nor_a_result_grows(name: str) -> None:
    to, data = STILLS[name]
    bare = strip(data, to)
    assert bare is not None
    some = (82,) if to is ImageType.PNG else (40, 82, 100)  # PNG has no quality
    for quality in QUALITIES if name in IN_EVERY_QUALITY else some:
        out = run(data, to, quality=quality).data
        assert len(out) <= len(bare) < len(data), quality
        assert SECRET not in out, quality
        assert len(run(bare, to, quality=quality).data) <= len(bare), quality
        assert len(run(out, to, quality=100).data) <= len(out), quality


@pytest.mark.parametrize("to", list(OUTPUT_TYPES))
def test_a_single_pixel_does_not_grow(to: ImageType) -> None:
    image = Image.new("RGBA", (1, 1), (200, 90, 60, 120))
    for mode in ("L", "RGB", "RGBA"):
        if (to, mode) != (ImageType.JPG, "RGBA"):
            data = saved(image.convert(mode), to.facts.decoder)
            assert len(run(data, to, quality=100).data) <= len(data), mode


@pytest.mark.parametrize(("to", "data"), EACH_ROUGH)
def test_an_original_keeps_every_pixel(to: ImageType, data: bytes) -> None:
    output = run(data, to, quality=100)
    assert output.encoding is Encoding.ORIGINAL
    assert opened_all(output.data) == opened_all(data)


@pytest.mark.parametrize(("to", "data"), EACH_ROUGH)
def test_an_upload_that_becomes_smaller_is_encoded_again(to: ImageType, data: bytes) -> None:
    large = opened(data)
    fine = saved(large, to.facts.decoder, quality=100)
    assert encoding(fine, to, quality=40) is Encoding.REENCODED


def test_a_png_that_is_compressed_as_well_passes_through() -> None:
    data = run(saved(soft(), "PNG"), ImageType.PNG).data
    output = run(data, ImageType.PNG)
    assert (output.data, output.encoding) == (data, Encoding.ORIGINAL)


def test_a_png_that_is_compressed_worse_is_lossless() -> None:
    data = saved(soft(), "PNG", compress_level=1)
    output = run(data, ImageType.PNG)
    assert output.encoding is Encoding.LOSSLESS
    assert opened_all(output.data) == opened_all(data)


@pytest.mark.parametrize(("to", "data"), EACH_ROUGH)
def test_a_resized_image_is_encoded_again(to: ImageType, data: bytes) -> None:
    assert encoding(data, to, max_width=95) is Encoding.REENCODED
    assert encoding(data, to, max_height=63) is Encoding.REENCODED


@pytest.mark.parametrize(("to", "data"), EACH_ROUGH)
def test_a_box_that_the_image_fits_in_changes_nothing(to: ImageType, data: bytes) -> None:
    assert encoding(data, to, max_width=96, max_height=64) is Encoding.ORIGINAL


@pytest.mark.parametrize(("to", "data"), EACH_ROUGH)
def test_a_watermarked_image_is_encoded_again(to: ImageType, data: bytes) -> None:
    mark = saved(noise(9, 9), "PNG")
    for opacity in (0, 50):
        how = Watermark(opacity_percent=opacity)
        assert encoding(data, to, mark, watermark=how) is Encoding.REENCODED, opacity


@pytest.mark.parametrize(("to", "data"), EACH_ROUGH)
def test_another_format_is_encoded_again(to: ImageType, data: bytes) -> None:
    other = ImageType.WEBP if to is ImageType.JPG else ImageType.JPG
    assert encoding(data, other) is Encoding.REENCODED


def test_an_image_that_is_not_upright_is_encoded_again() -> None:
    for orientation in range(2, 9):
        data = saved(soft(), "JPEG", quality=30, exif=with_exif(orientation))
        assert encoding(data, ImageType.JPG) is Encoding.REENCODED, orientation


def test_an_orientation_after_the_pixels_of_a_png_counts() -> None:
    packed = run(saved(soft(), "PNG"), ImageType.PNG).data
    turned = packed[:-12] + chunk(b"eXIf", with_exif(3)[6:]) + packed[-12:]
    assert encoding(turned, ImageType.PNG) is Encoding.LOSSLESS


def test_an_avif_that_is_not_upright_is_encoded_again() -> None:
    data = saved(soft(), "AVIF", quality=20, exif=with_exif(6))
    assert b"irot" in data
    assert encoding(data, ImageType.AVIF) is Encoding.REENCODED


@pytest.mark.parametrize("to", list(ROUGH))
def test_a_profile_of_another_space_is_converted(to: ImageType) -> None:
    data = saved(soft(), to.facts.decoder, quality=20, icc_profile=matrix_profile(ADOBE_RGB, 2.2))
    assert encoding(data, to) is Encoding.REENCODED


def test_an_srgb_profile_is_removed_and_the_pixels_pass_through() -> None:
    data = jpeg(soft(), quality=30)
    output = run(data, ImageType.JPG, quality=100)
    assert output.encoding is Encoding.ORIGINAL
    assert "icc_profile" not in opened(output.data).info


@pytest.mark.parametrize(
    ("profile", "kept"),
    [
        pytest.param(grey_profile(1.2), False, id="gamma 1.2"),
        pytest.param(grey_profile(2.2), False, id="gamma 2.2"),
        pytest.param(srgb_grey_profile(), True, id="the curve of sRGB"),
        pytest.param(b"broken", True, id="broken"),
    ],
)
def test_a_grey_jpeg_passes_through_only_if_its_profile_changes_no_grey(
    profile: bytes, kept: bool
) -> None:
    data = saved(soft().convert("L"), "JPEG", quality=30, icc_profile=profile)
    assert (encoding(data, ImageType.JPG) is Encoding.ORIGINAL) == kept


def test_a_cmyk_jpeg_is_encoded_again() -> None:
    data = saved(soft().convert("CMYK"), "JPEG", quality=30)
    assert encoding(data, ImageType.JPG) is Encoding.REENCODED


SRGB_PRIMARIES = (31270, 32900, 64000, 33000, 30000, 60000, 15000, 6000)
P3_PRIMARIES = (31270, 32900, 68000, 32000, 26500, 69000, 15000, 6000)


@pytest.mark.parametrize(
    ("chunks", "kept"),
    [
        pytest.param([(b"gAMA", struct.pack(">I", 45455))], True, id="gamma of sRGB"),
        pytest.param([(b"gAMA", struct.pack(">I", 100000))], False, id="linear"),
        pytest.param(
            [(b"sRGB", b"\0"), (b"gAMA", struct.pack(">I", 100000))], True, id="sRGB outranks"
        ),
        pytest.param([(b"cHRM", struct.pack(">8I", *SRGB_PRIMARIES))], True, id="sRGB's cHRM"),
        pytest.param([(b"cHRM", struct.pack(">8I", *P3_PRIMARIES))], False, id="P3's cHRM"),
        pytest.param(
            [(b"sRGB", b"\0"), (b"cHRM", struct.pack(">8I", *P3_PRIMARIES))],
            True,
            id="sRGB outranks P3's cHRM",
        ),
        pytest.param([(b"cICP", b"\1\x0d\0\1")], True, id="sRGB's cICP"),
        pytest.param([(b"cICP", b"\x0c\x0d\0\1")], False, id="P3's cICP"),
    ],
)
def test_a_png_passes_through_only_if_its_chunks_mean_srgb(
    chunks: list[tuple[bytes, bytes]], kept: bool
) -> None:
    packed = run(saved(soft(), "PNG"), ImageType.PNG).data
    data = packed[:33] + b"".join(chunk(*each) for each in chunks) + packed[33:]
    assert (encoding(data, ImageType.PNG) is Encoding.ORIGINAL) == kept


def test_an_animated_webp_does_not_pass_through_as_a_still() -> None:
    turned = soft().transpose(Image.Transpose.ROTATE_180)
    data = saved(soft(), "WEBP", save_all=True, quality=1, append_images=[turned])
    assert probe(data).frames == 2
    assert len(data) < len(saved(opened(data), "WEBP", quality=100))
    assert encoding(data, ImageType.WEBP) is not Encoding.ORIGINAL


def test_the_alpha_of_a_webp_passes_through_with_its_pixels() -> None:
    data = saved(faded(), "WEBP", quality=20, alpha_quality=20)
    output = run(data, ImageType.WEBP, quality=100)
    assert output.encoding is Encoding.ORIGINAL
    assert opened_all(output.data) == opened_all(data)
