"""Colours of every mode to sRGB in 8 bits: profiles, CMYK, Lab, deep and transparent sources."""

import pytest
from PIL import Image, ImageCms

from shared.imagetype import ImageType
from tests.workers.imaging.making import (
    DISPLAY_P3,
    SRGB,
    grey_profile,
    matrix_profile,
    pixel,
    press_profile,
    quarters,
    result,
    saved,
    to_srgb,
)
from workers.imaging.colour.convert import is_srgb

COLOURS = [(200, 90, 60), (40, 160, 90), (128, 128, 128), (250, 250, 250), (10, 20, 60)]


def flat(mode: str, colour: int | float | tuple[int, ...]) -> Image.Image:
    return Image.new(mode, (24, 24), colour)


def near(seen: tuple[int, ...], wanted: tuple[int, ...], tolerance: int = 2) -> bool:
    close = (abs(a - b) <= tolerance for a, b in zip(seen, wanted, strict=True))
    return all(close)


def test_a_profile_does_not_change_alpha() -> None:
    data = saved(flat("RGBA", (200, 90, 60, 77)), "PNG", icc_profile=matrix_profile(DISPLAY_P3, 2))
    assert near(pixel(result(data)), (*to_srgb((200, 90, 60), DISPLAY_P3, 2), 77))


def test_an_srgb_profile_changes_no_pixel() -> None:
    profile = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
    assert is_srgb(profile)
    for colour in COLOURS:
        data = saved(flat("RGB", colour), "PNG", icc_profile=profile)
        assert pixel(result(data).convert("RGB")) == colour


def test_a_profile_that_is_only_close_to_srgb_is_applied() -> None:
    assert not is_srgb(matrix_profile(SRGB, 2.0))


@pytest.mark.parametrize("profile", [b"not a profile", b"\0" * 200])
@pytest.mark.parametrize(("mode", "colour"), [("RGB", (9, 99, 199)), ("L", 99), ("LA", (9, 99))])
def test_a_broken_profile_counts_as_srgb(
    profile: bytes, mode: str, colour: int | tuple[int, ...]
) -> None:
    data = saved(flat(mode, colour), "PNG", icc_profile=profile)
    assert result(data).convert(mode).getpixel((0, 0)) == colour


def test_a_truncated_profile_counts_as_srgb() -> None:
    data = saved(
        flat("RGB", (9, 99, 199)), "PNG", icc_profile=matrix_profile(DISPLAY_P3, 2.2)[:300]
    )
    assert pixel(result(data)) == (9, 99, 199)


def test_a_profile_for_other_channels_is_ignored() -> None:
    data = saved(flat("RGB", (9, 99, 199)), "PNG", icc_profile=grey_profile(1.0))
    assert pixel(result(data)) == (9, 99, 199)


@pytest.mark.parametrize("mode", ["L", "LA"])
def test_grey_with_a_profile_stays_grey_in_srgb(mode: str) -> None:
    image = Image.merge("LA", (flat("L", 128), flat("L", 90))) if mode == "LA" else flat("L", 128)
    image = result(saved(image, "PNG", icc_profile=grey_profile(1.0)))
    assert image.mode == mode
    assert near(pixel(image), (188, 90)[: len(mode)])  # half the light is 188 in sRGB


def test_grey_with_an_rgb_profile_is_converted_by_it() -> None:
    data = saved(flat("L", 128), "PNG", icc_profile=matrix_profile(SRGB, 1.0))
    assert near(pixel(result(data).convert("RGB")), (188, 188, 188))


@pytest.mark.parametrize(
    ("ink", "colour"),
    [((0, 0, 0, 0), (255, 255, 255)), ((255, 0, 0, 0), (0, 255, 255)), ((0, 0, 0, 255), (0, 0, 0))],
)
def test_cmyk_of_a_tiff_without_a_profile_becomes_rgb(
    ink: tuple[int, ...], colour: tuple[int, ...]
) -> None:
    data = saved(flat("CMYK", ink), "TIFF")
    assert near(pixel(result(data, ImageType.WEBP, quality=100)), colour, tolerance=4)


def test_cmyk_is_converted_by_its_profile() -> None:
    crimson = (130, 190, 150)  # Lab in 8 bits: cyan ink that looks red
    data = saved(flat("CMYK", (255, 0, 0, 0)), "JPEG", icc_profile=press_profile(crimson))
    red, green, blue = pixel(result(data))
    assert red > 180
    assert max(green, blue) < 120


def test_cmyk_with_a_broken_profile_is_converted_without_it() -> None:
    data = saved(flat("CMYK", (255, 0, 0, 0)), "JPEG", quality=100, icc_profile=b"broken")
    assert near(pixel(result(data)), (0, 255, 255), tolerance=4)


@pytest.mark.parametrize(
    ("mode", "value", "grey"),
    [("F", 0.5, 128), ("F", 255.0, 255), ("I", 200, 200), ("I", 32768, 128), ("I;16", 32896, 128)],
)
def test_channels_of_a_tiff_with_more_bits_become_8_bits(
    mode: str, value: float, grey: int
) -> None:
    image = result(saved(flat(mode, value if mode == "F" else int(value)), "TIFF"))
    assert pixel(image.convert("L")) == (grey,)


def test_lab_becomes_rgb() -> None:
    red, green, blue = pixel(result(saved(flat("LAB", (128, 200, 170)), "TIFF")))
    assert red > 180
    assert max(green, blue) < 120


def test_one_bit_images_are_black_and_white() -> None:
    image = flat("1", 0)
    image.paste(1, (12, 0, 24, 24))
    seen = result(saved(image, "PNG")).convert("L")
    assert (pixel(seen), pixel(seen, (20, 20))) == ((0,), (255,))


def test_a_palette_with_transparency_keeps_it() -> None:
    image = quarters().quantize(4)
    clear = image.getpixel((0, 0))
    seen = result(saved(image, "PNG", transparency=clear)).convert("RGBA")
    assert pixel(seen)[3] == 0
    assert pixel(seen, (60, 2)) == (0, 255, 0, 255)


@pytest.mark.parametrize(("mode", "colour"), [("L", 7), ("RGB", (7, 8, 9))])
def test_a_transparent_colour_becomes_alpha(mode: str, colour: int | tuple[int, ...]) -> None:
    image = flat(mode, colour)
    image.paste(255 if mode == "L" else (255, 255, 255), (12, 0, 24, 24))
    seen = result(saved(image, "PNG", transparency=colour)).convert("RGBA")
    assert pixel(seen)[3] == 0
    assert pixel(seen, (20, 20)) == (255, 255, 255, 255)
