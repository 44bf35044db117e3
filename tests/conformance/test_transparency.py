"""Pictures with alpha, as they look on a light and on a dark page."""

from itertools import product

import numpy as np
import pytest
from PIL import Image, ImageDraw

from shared.imagetype import ImageType
from tests.conformance.comparing import QUALITY, TOLERANCE, WITH_ALPHA, difference
from tests.conformance.inputs import COLOURS, GREYS, patches, picture
from tests.conformance.reference import BT709, DISPLAY_P3, Values, over, power, seen
from tests.conformance.test_colour import GAMMA, profile_of
from tests.workers.imaging.making import grey_profile, result, saved

LIGHT, DARK = 255.0, 20.0
ALPHAS = np.array([0, 1, 40, 128, 200, 254, 255, 90]).repeat(8)[:, None]
CHART = np.concatenate([COLOURS, ALPHAS], axis=1)


def rgba(image: Image.Image) -> Values:
    return np.asarray(image.convert("RGBA"), dtype=float)


def assert_looks(data: bytes, wanted: Values, to: ImageType) -> None:
    """The patches of the file's result look as wanted on a light and on a dark page."""
    image = patches(result(data, to, quality=QUALITY), "RGBA")
    for background in (LIGHT, DARK):
        assert difference(over(image, background), over(wanted, background)) <= TOLERANCE[to]


@pytest.mark.parametrize("to", WITH_ALPHA)
@pytest.mark.parametrize("kind", ["PNG", "WEBP", "TIFF"])
def test_a_chart_looks_the_same_on_any_page(kind: str, to: ImageType) -> None:
    options = {"lossless": True, "exact": True} if kind == "WEBP" else {}
    assert_looks(saved(picture(CHART, "RGBA"), kind, **options), CHART, to)


@pytest.mark.parametrize("to", WITH_ALPHA)
def test_a_profile_counts_under_partial_alpha_too(to: ImageType) -> None:
    data = saved(picture(CHART, "RGBA"), "PNG", icc_profile=profile_of(DISPLAY_P3))
    wanted = np.concatenate([seen(COLOURS, DISPLAY_P3, power(GAMMA)), ALPHAS], axis=1)
    assert_looks(data, wanted, to)


@pytest.mark.parametrize("to", WITH_ALPHA)
def test_grey_with_alpha_and_a_profile_looks_the_same(to: ImageType) -> None:
    grey = np.concatenate([GREYS, ALPHAS], axis=1)
    data = saved(picture(grey, "LA"), "PNG", icc_profile=grey_profile(1.5))
    colour = seen(GREYS.repeat(3, axis=1), BT709, power(1.5))
    assert_looks(data, np.concatenate([colour, ALPHAS], axis=1), to)


@pytest.mark.parametrize("mode", ["RGBA", "LA"])
def test_jpg_is_the_picture_on_white(mode: str) -> None:
    grey = GREYS.repeat(3, axis=1)
    chart = CHART if mode == "RGBA" else np.concatenate([grey, ALPHAS], axis=1)
    image = picture(CHART, "RGBA")
    if mode == "LA":
        image = picture(np.concatenate([GREYS, ALPHAS], axis=1), "LA")
    seen_on_white = patches(result(saved(image, "PNG"), ImageType.JPG, quality=QUALITY))
    assert difference(seen_on_white, over(chart, LIGHT)) <= TOLERANCE[ImageType.JPG]


def disc() -> Image.Image:
    """A red disc with soft edges; what is invisible around it is green."""
    large = Image.new("L", (1600, 1600))
    ImageDraw.Draw(large).ellipse((240, 240, 1360, 1360), fill=255)
    mask = large.resize((400, 400), Image.Resampling.BOX)
    image = Image.new("RGBA", (400, 400), (0, 255, 0, 0))
    image.paste((220, 20, 40, 255), mask=mask.point(lambda alpha: 255 * (alpha > 0)))
    image.putalpha(mask)
    return image


@pytest.mark.parametrize(
    ("to", "background"), [*product(WITH_ALPHA, (LIGHT, DARK)), (ImageType.JPG, LIGHT)]
)
def test_scaling_first_or_composing_first_is_the_same(to: ImageType, background: float) -> None:
    page = Image.new("RGBA", (400, 400), (int(background),) * 3 + (255,))
    page.alpha_composite(disc())
    wanted = rgba(result(saved(page.convert("RGB"), "PNG"), max_width=100))[..., :3]
    scaled = rgba(result(saved(disc(), "PNG"), to, quality=QUALITY, max_width=100))
    off = np.abs(over(scaled, background) - wanted)
    # Lanczos overshoots at the edge, which alpha clips at its ends and a page's colour does not;
    # lossy files add to that. Green from beneath would be 60 and more off all along the edge.
    assert off.mean() <= 2
    # JPG has its colour at half the resolution here, which blurs the edge's.
    assert off.max() <= {ImageType.PNG: 25, ImageType.JPG: 52}.get(to, 45)


@pytest.mark.parametrize("to", WITH_ALPHA)
def test_the_colour_of_invisible_pixels_stays_invisible(to: ImageType) -> None:
    image = rgba(result(saved(disc(), "PNG"), to, quality=QUALITY, max_width=100))
    assert over(image, 0)[..., 1].max() <= (22 if to is ImageType.PNG else 45)


@pytest.mark.parametrize("to", WITH_ALPHA)
def test_every_level_of_alpha_survives(to: ImageType) -> None:
    ramp = np.arange(64)[:, None] * 255 // 63
    chart = np.concatenate([np.full((64, 3), 128), ramp], axis=1)
    image = patches(result(saved(picture(chart, "RGBA"), "PNG"), to, quality=QUALITY), "RGBA")
    assert difference(image[:, 3:], ramp) <= 2
