"""Colours by profile, by container and through all that follows."""

from typing import Any

import numpy as np
import pytest
from PIL import Image, ImageCms

from shared.imagetype import ImageType
from shared.models import Position, Watermark
from tests.conformance.comparing import ALL, QUALITY, TOLERANCE, assert_seen, difference
from tests.conformance.inputs import COLOURS, GREYS, busy, patches, picture
from tests.conformance.reference import (
    ADOBE_RGB,
    BT709,
    DISPLAY_P3,
    WIDE,
    colorants,
    power,
    seen,
    srgb_light,
)
from tests.workers.imaging.making import grey_profile, matrix_profile, opened, result, run, saved

GAMMA = 563 / 256  # what 2.2 is in the 8 bits that an ICC curve has behind the point
PROPHOTO_GAMMA = 461 / 256


def profile_of(chromaticities: tuple[float, ...], gamma: float = GAMMA) -> bytes:
    rows = [tuple(row) for row in colorants(chromaticities).tolist()]
    return matrix_profile((rows[0], rows[1], rows[2]), gamma)


def srgb_v4() -> bytes:
    """sRGB as an ICC v4 profile with parametric curves, as LittleCMS makes it."""
    profile = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
    assert profile[8] == 4
    assert b"para" in profile
    return profile


SPACES = {"Display P3": (DISPLAY_P3, GAMMA), "Adobe RGB": (ADOBE_RGB, GAMMA)}
SPACES["wide"] = (WIDE, PROPHOTO_GAMMA)


@pytest.mark.parametrize("to", ALL)
@pytest.mark.parametrize("name", SPACES)
def test_a_chart_with_a_profile_comes_out_in_srgb(name: str, to: ImageType) -> None:
    chromaticities, gamma = SPACES[name]
    data = saved(busy(picture(COLOURS)), "PNG", icc_profile=profile_of(chromaticities, gamma))
    assert_seen(data, seen(COLOURS, chromaticities, power(gamma)), to)


@pytest.mark.parametrize("kind", ["JPEG", "TIFF", "WEBP", "AVIF"])
def test_a_profile_is_found_in_every_container(kind: str) -> None:
    options: dict[str, dict[str, Any]] = {}
    options["JPEG"] = {"quality": 100, "subsampling": 0}
    options["WEBP"] = {"lossless": True}
    options["AVIF"] = {"quality": 100, "subsampling": "4:4:4"}
    profile = profile_of(ADOBE_RGB)
    data = saved(picture(COLOURS), kind, icc_profile=profile, **options.get(kind, {}))
    # A profile makes more of a difference of one where its curve is steeper than sRGB's.
    assert_seen(data, seen(COLOURS, ADOBE_RGB, power(GAMMA)), add=0 if kind == "TIFF" else 4)


@pytest.mark.parametrize("to", ALL)
def test_an_untagged_chart_is_srgb(to: ImageType) -> None:
    assert_seen(saved(busy(picture(COLOURS)), "PNG"), COLOURS, to)


@pytest.mark.parametrize("to", ALL)
def test_an_srgb_v4_profile_changes_nothing(to: ImageType) -> None:
    assert_seen(saved(picture(COLOURS), "PNG", icc_profile=srgb_v4()), COLOURS, to)


def test_an_srgb_profile_leaves_every_pixel_as_it_is() -> None:
    data = saved(picture(COLOURS), "PNG", icc_profile=srgb_v4())
    assert result(data).tobytes() == picture(COLOURS).tobytes()


def test_srgb_primaries_with_a_plain_gamma_are_not_taken_for_srgb() -> None:
    data = saved(picture(COLOURS), "PNG", icc_profile=profile_of(BT709, 1.75))
    assert_seen(data, seen(COLOURS, BT709, power(1.75)))


@pytest.mark.parametrize("to", ALL)
def test_a_linear_grey_profile_is_applied_to_grey(to: ImageType) -> None:
    data = saved(picture(GREYS, "L"), "PNG", icc_profile=grey_profile(1.0))
    assert_seen(data, seen(GREYS.repeat(3, axis=1), BT709, power(1.0)), to)


@pytest.mark.parametrize("chromaticities", [DISPLAY_P3, ADOBE_RGB])
def test_grey_of_a_wide_profile_stays_neutral(chromaticities: tuple[float, ...]) -> None:
    data = saved(picture(GREYS, "L"), "PNG", icc_profile=profile_of(chromaticities))
    assert_seen(data, seen(GREYS.repeat(3, axis=1), BT709, power(GAMMA)))


@pytest.mark.parametrize(("width", "to"), list(zip([256, 200] * 2, ALL, strict=True)))
def test_colours_stay_through_scaling(width: int, to: ImageType) -> None:
    large = picture(COLOURS).resize((512, 512), Image.Resampling.NEAREST)
    data = saved(large, "PNG", icc_profile=profile_of(DISPLAY_P3))
    image = result(data, to, quality=QUALITY, max_width=width)
    wanted = seen(COLOURS, DISPLAY_P3, power(GAMMA))
    assert image.width == width
    assert difference(patches(image), wanted) <= 6


def test_a_jpeg_decoded_at_a_part_of_its_size_keeps_its_colours() -> None:
    large = picture(COLOURS).resize((1024, 1024), Image.Resampling.NEAREST)
    profile = profile_of(DISPLAY_P3)
    data = saved(large, "JPEG", quality=100, subsampling=0, icc_profile=profile)
    image = result(data, max_width=128)
    assert difference(patches(image), seen(COLOURS, DISPLAY_P3, power(GAMMA))) <= 5


def test_mark_and_picture_each_follow_their_own_profile() -> None:
    base = np.array([(200, 90, 60)])
    mark = np.array([(60, 180, 90)])
    base_file = saved(
        Image.new("RGB", (200, 100), (200, 90, 60)), "PNG", icc_profile=profile_of(DISPLAY_P3)
    )
    mark_file = saved(
        Image.new("RGB", (40, 20), (60, 180, 90)), "PNG", icc_profile=profile_of(ADOBE_RGB)
    )
    output = run(base_file, ImageType.PNG, mark_file, watermark=Watermark(20, 100, Position.MC))
    image = np.asarray(opened(output.data).convert("RGB"), dtype=float)
    assert difference(image[5, 5][None], seen(base, DISPLAY_P3, power(GAMMA))) <= 2
    assert difference(image[50, 100][None], seen(mark, ADOBE_RGB, power(GAMMA))) <= 2


def test_a_faint_mark_mixes_with_the_picture_in_srgb() -> None:
    profile = profile_of(DISPLAY_P3)
    base = saved(Image.new("RGB", (200, 100), (200, 90, 60)), "PNG", icc_profile=profile)
    mark = saved(Image.new("RGB", (40, 20), (0, 0, 0)), "PNG")
    output = run(base, ImageType.PNG, mark, watermark=Watermark(20, 50, Position.MC))
    image = np.asarray(opened(output.data).convert("RGB"), dtype=float)
    wanted = seen(np.array([(200, 90, 60)]), DISPLAY_P3, power(GAMMA)) / 2
    assert difference(image[50, 100][None], wanted) <= 2


PURE = np.array(
    [(255, 0, 0), (0, 255, 0), (0, 0, 255), (255, 255, 255), (0, 0, 0), (0, 255, 255),
     (255, 0, 255), (255, 255, 0)]
)  # fmt: skip
FILES: dict[str, tuple[str, dict[str, Any]]] = {
    "JPEG 4:4:4": ("JPEG", {"quality": 95, "subsampling": 0}),
    "JPEG 4:2:0": ("JPEG", {"quality": 95, "subsampling": 2}),
    "AVIF full range": ("AVIF", {"quality": 100, "range": "full"}),
    "AVIF limited range": ("AVIF", {"quality": 100, "range": "limited", "subsampling": "4:4:4"}),
    "WebP": ("WEBP", {"quality": 95}),
}


@pytest.mark.parametrize("to", ALL)
@pytest.mark.parametrize("name", FILES)
def test_pure_colours_stay_pure_from_any_yuv_to_any_other(name: str, to: ImageType) -> None:
    kind, options = FILES[name]
    data = saved(busy(picture(PURE, across=4)), kind, **options)
    image = result(data, to, quality=QUALITY)
    # Twice a loss: that of the file, 4 at most, and the format's own.
    assert difference(patches(image, across=4)[: len(PURE)], PURE) <= TOLERANCE[to] + 4


def test_the_reference_itself_knows_srgb() -> None:
    assert difference(seen(COLOURS, BT709, srgb_light), COLOURS) < 0.01
