"""Odd sides and sides of one pixel, where blocks and halved chroma reach past the picture."""

import numpy as np
import pytest
from PIL import Image

from shared.imagetype import ImageType
from tests.conformance.comparing import ALL, QUALITY, TOLERANCE, difference
from tests.conformance.reference import Values
from tests.workers.imaging.making import STORED, result, saved, with_exif

SIZES = [(1, 1), (1, 2), (2, 1), (2, 3), (3, 2), (1, 97), (97, 1), (17, 5), (5, 17), (65, 33)]
COLOUR = (200, 90, 60)
CODING = 3  # of 255, that a single pixel is off beyond the mean of a patch


def values(image: Image.Image, mode: str = "RGB") -> Values:
    return np.asarray(image.convert(mode), dtype=float)


@pytest.mark.parametrize("to", ALL)
@pytest.mark.parametrize("kind", ["PNG", "JPEG", "WEBP", "AVIF"])
@pytest.mark.parametrize("size", SIZES)
def test_every_pixel_to_the_last_edge_has_its_colour(
    size: tuple[int, int], kind: str, to: ImageType
) -> None:
    options = {} if kind == "PNG" else {"quality": 100}
    image = result(saved(Image.new("RGB", size, COLOUR), kind, **options), to, quality=QUALITY)
    assert image.size == size
    wanted = np.full((size[1], size[0], 3), COLOUR)
    assert difference(values(image), wanted) <= TOLERANCE[to] + CODING


@pytest.mark.parametrize("to", ALL)
@pytest.mark.parametrize("mode", ["L", "LA", "RGBA"])
@pytest.mark.parametrize("size", SIZES)
def test_grey_and_alpha_reach_the_last_edge_too(
    size: tuple[int, int], mode: str, to: ImageType
) -> None:
    image = Image.new("RGB", size, COLOUR).convert(mode)
    if mode != "L":
        alpha = Image.new("L", size, 255)
        alpha.putpixel((0, 0), 254)  # or it would be dropped
        image.putalpha(alpha)
    seen = result(saved(image, "PNG"), to, quality=QUALITY)
    assert seen.size == size
    assert difference(values(seen), values(image)) <= TOLERANCE[to] + CODING


BOXES = [
    ((2, 3), (1, None), (1, 2)),
    ((3, 2), (2, None), (2, 1)),
    ((7, 5), (3, None), (3, 2)),
    ((97, 1), (10, None), (10, 1)),
    ((1, 97), (None, 10), (1, 10)),
    ((513, 257), (31, None), (31, 16)),
    ((1001, 3), (17, None), (17, 1)),
    ((640, 480), (1, 1), (1, 1)),
]


@pytest.mark.parametrize("to", ALL)
@pytest.mark.parametrize("kind", ["PNG", "JPEG"])
@pytest.mark.parametrize(("size", "box", "wanted"), BOXES)
def test_odd_sizes_keep_their_colour_through_scaling(
    size: tuple[int, int],
    box: tuple[int | None, int | None],
    wanted: tuple[int, int],
    kind: str,
    to: ImageType,
) -> None:
    options = {"quality": 100} if kind == "JPEG" else {}
    data = saved(Image.new("RGB", size, COLOUR), kind, **options)
    image = result(data, to, quality=QUALITY, max_width=box[0], max_height=box[1])
    assert image.size == wanted
    flat = np.full((wanted[1], wanted[0], 3), COLOUR)
    assert difference(values(image), flat) <= TOLERANCE[to] + CODING


@pytest.mark.parametrize("orientation", range(1, 9))
def test_an_odd_picture_is_turned_to_the_pixel(orientation: int) -> None:
    upright = Image.frombytes("RGB", (3, 5), bytes(range(10, 55)))
    stored = upright.transpose(STORED[orientation]) if orientation in STORED else upright
    image = result(saved(stored, "PNG", exif=with_exif(orientation)))
    assert image.convert("RGB").tobytes() == upright.tobytes()


@pytest.mark.parametrize("side", [1, 2, 3, 15, 17, 33])
def test_the_last_column_and_row_are_the_pictures_own(side: int) -> None:
    image = Image.new("RGB", (side + 16, side + 16), "white")
    image.paste("black", (side + 8, 0, side + 16, side + 16))
    image.paste("black", (0, side + 8, side + 16, side + 16))
    for to in ALL:
        seen = values(result(saved(image, "PNG"), to, quality=QUALITY))
        assert seen[-1].max() <= 40
        assert seen[:, -1].max() <= 40
        assert seen[: side + 4, : side + 4].min() >= 215
