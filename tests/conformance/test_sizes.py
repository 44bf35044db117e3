"""Odd sides and sides of one pixel, where blocks and halved chroma reach past the picture."""

import numpy as np
import pytest
from PIL import Image

from shared.imagetype import ImageType
from tests.conformance.comparing import ALL, QUALITY, TOLERANCE, difference
from tests.conformance.reference import Values
from tests.support.pairwise import pairwise
from tests.workers.imaging.making import STORED, result, saved, with_exif

SIZES = [(1, 1), (1, 2), (2, 1), (2, 3), (3, 2), (1, 97), (97, 1), (17, 5), (5, 17), (65, 33)]
SOURCES = [
    ("PNG", "RGB"),
    ("PNG", "L"),
    ("PNG", "LA"),
    ("PNG", "RGBA"),
    ("JPEG", "RGB"),
    ("WEBP", "RGB"),
    ("AVIF", "RGB"),
]
COLOUR = (200, 90, 60)
CODING = 3  # of 255, that a single pixel is off beyond the mean of a patch


def values(image: Image.Image, mode: str = "RGB") -> Values:
    return np.asarray(image.convert(mode), dtype=float)


@pytest.mark.parametrize(("size", "source", "to"), pairwise(SIZES, SOURCES, ALL))
def test_every_pixel_to_the_last_edge_has_its_colour(
    size: tuple[int, int], source: tuple[str, str], to: ImageType
) -> None:
    kind, mode = source
    image = Image.new("RGB", size, COLOUR).convert(mode)
    if mode.endswith("A"):
        alpha = Image.new("L", size, 255)
        alpha.putpixel((0, 0), 254)  # or it would be dropped
        image.putalpha(alpha)
    options = {} if kind == "PNG" else {"quality": 100}
    seen = result(saved(image, kind, **options), to, quality=QUALITY)
    assert seen.size == size
    assert difference(values(seen), values(image)) <= TOLERANCE[to] + CODING


Box = tuple[tuple[int, int], tuple[int | None, int | None], tuple[int, int]]
# The size of an image, the box it must fit in, and the size it comes out with.
BOXES: list[Box] = [
    ((2, 3), (1, None), (1, 2)),
    ((3, 2), (2, None), (2, 1)),
    ((7, 5), (3, None), (3, 2)),
    ((97, 1), (10, None), (10, 1)),
    ((1, 97), (None, 10), (1, 10)),
    ((513, 257), (31, None), (31, 16)),
    ((1001, 3), (17, None), (17, 1)),
    ((640, 480), (1, 1), (1, 1)),
]


@pytest.mark.parametrize(("case", "kind", "to"), pairwise(BOXES, ["PNG", "JPEG"], ALL))
def test_odd_sizes_keep_their_colour_through_scaling(case: Box, kind: str, to: ImageType) -> None:
    size, box, wanted = case
    options = {"quality": 100} if kind == "JPEG" else {}
    data = saved(Image.new("RGB", size, COLOUR), kind, **options)
    image = result(data, to, quality=QUALITY, max_width=box[0], max_height=box[1])
    assert image.size == wanted
    flat = np.full((wanted[1], wanted[0], 3), COLOUR)
    assert difference(values(image), flat) <= TOLERANCE[to] + CODING


def test_an_odd_picture_is_turned_to_the_pixel() -> None:
    upright = Image.frombytes("RGB", (3, 5), bytes(range(10, 55)))
    for orientation in range(1, 9):
        stored = upright.transpose(STORED[orientation]) if orientation in STORED else upright
        image = result(saved(stored, "PNG", exif=with_exif(orientation)))
        assert image.convert("RGB").tobytes() == upright.tobytes(), orientation


@pytest.mark.parametrize("side", [1, 2, 3, 15, 17, 33])
def test_the_last_column_and_row_are_the_pictures_own(side: int) -> None:
    image = Image.new("RGB", (side + 16, side + 16), "white")
    image.paste("black", (side + 8, 0, side + 16, side + 16))
    image.paste("black", (0, side + 8, side + 16, side + 16))
    for to in ALL:
        seen = values(result(saved(image, "PNG"), to, quality=QUALITY))
        assert seen[-1].max() <= 40, to
        assert seen[:, -1].max() <= 40, to
        assert seen[: side + 4, : side + 4].min() >= 215, to
