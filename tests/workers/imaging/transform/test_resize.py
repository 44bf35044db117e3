"""Scaling into a box: sizes, edges, transparency, and JPEGs decoded at a part of their size."""

import numpy as np
import pytest
from PIL import Image

from shared.imagetype import OUTPUT_TYPES
from tests.workers.imaging.making import noise, opened, pixel, pixels, quarters, result, run, saved
from workers.imaging.transform.resize import fit


@pytest.mark.parametrize(
    ("box", "size"),
    [
        ((None, None), (300, 200)),
        ((150, None), (150, 100)),
        ((None, 100), (150, 100)),
        ((150, 50), (75, 50)),
        ((100, 150), (100, 67)),
        ((1, None), (1, 1)),
        ((299, 200), (299, 199)),
    ],
)
def test_an_image_is_scaled_into_the_box_in_proportion(
    box: tuple[int | None, int | None], size: tuple[int, int]
) -> None:
    output = run(saved(quarters(300, 200), "PNG"), max_width=box[0], max_height=box[1])
    assert (output.width, output.height) == size


def test_an_image_is_never_scaled_up() -> None:
    for to in OUTPUT_TYPES:
        output = run(saved(noise(40, 30), "JPEG"), to, max_width=4000, max_height=65535)
        assert (output.width, output.height) == (40, 30), to


def test_no_side_becomes_less_than_one_pixel() -> None:
    assert fit(10_000, 1, 10, None) == (10, 1)
    assert fit(1, 10_000, None, 10) == (1, 10)
    output = run(saved(Image.new("RGB", (3000, 2)), "PNG"), max_width=1)
    assert (output.width, output.height) == (1, 1)


def test_invisible_colour_does_not_bleed_into_edges() -> None:
    image = Image.new("RGBA", (64, 64), (0, 255, 0, 0))
    image.paste((255, 0, 0, 255), (0, 0, 31, 64))
    small = pixels(result(saved(image, "PNG"), max_width=16))
    seen = small[small[..., 3] > 8]
    assert seen[..., 1].max() == 0


def test_scaled_decoding_of_a_jpeg_is_close_to_resizing_the_whole() -> None:
    photo = Image.open("tests/samples/rocket.jpg").resize((1601, 1069), Image.Resampling.BICUBIC)
    data = saved(photo, "JPEG", quality=95)
    whole = saved(opened(data), "BMP")
    for side in (100, 150, 260, 399):
        near, exact = (pixels(result(file, max_width=side)) for file in (data, whole))
        assert np.abs(near - exact).mean() < 1.0, side


def test_scaled_decoding_keeps_edges_where_they_are() -> None:
    image = Image.new("L", (1609, 1609), 0)
    image.paste(255, (1208, 0, 1609, 1609))
    small = pixels(result(saved(image, "JPEG", quality=100), max_width=100)).astype(float)
    assert abs((255 - small).sum(axis=1).mean() / 255 - 100 * 1208 / 1609) < 0.05


def test_a_plain_colour_does_not_change() -> None:
    image = Image.new("RGB", (1000, 700), (12, 200, 99))
    assert pixel(result(saved(image, "PNG"), max_width=90), (44, 30)) == (12, 200, 99)
