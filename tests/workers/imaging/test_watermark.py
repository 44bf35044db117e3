"""The watermark: place, size, opacity, and images that it hardly fits on."""

import pytest
from PIL import Image

from shared.errors import ImageError
from shared.imagetype import ImageType
from shared.models import Position, Watermark
from tests.workers.imaging.making import (
    opened,
    pixel,
    pixels,
    run,
    saved,
)

BASE = saved(Image.new("RGB", (200, 100), "white"), "PNG")
MARK = saved(Image.new("RGB", (40, 20), "red"), "PNG")


def marked(base: bytes, mark: bytes, how: Watermark, to: ImageType = ImageType.PNG) -> Image.Image:
    output = run(base, to, mark, watermark=how)
    assert output.watermarked
    image = opened(output.data)
    return image.convert("RGBA" if image.has_transparency_data else "RGB")


def place(image: Image.Image) -> tuple[int, int, int, int]:
    """Left, top, right and bottom of what is not white."""
    changed = pixels(image.convert("RGB")).min(axis=2) < 250
    rows, columns = changed.any(axis=1).nonzero()[0], changed.any(axis=0).nonzero()[0]
    return int(columns[0]), int(rows[0]), int(columns[-1]) + 1, int(rows[-1]) + 1


@pytest.mark.parametrize(
    ("position", "left", "top"),
    [
        (Position.TL, 2, 2),
        (Position.TC, 80, 2),
        (Position.TR, 158, 2),
        (Position.ML, 2, 40),
        (Position.MC, 80, 40),
        (Position.MR, 158, 40),
        (Position.BL, 2, 78),
        (Position.BC, 80, 78),
        (Position.BR, 158, 78),
    ],
)
def test_each_position_is_where_its_name_says(position: Position, left: int, top: int) -> None:
    image = marked(BASE, MARK, Watermark(20, 100, position))
    assert place(image) == (left, top, left + 40, top + 20)


@pytest.mark.parametrize(("scale", "width"), [(5, 10), (20, 40), (50, 100)])
def test_the_width_is_a_share_of_the_base(scale: int, width: int) -> None:
    left, top, right, bottom = place(marked(BASE, MARK, Watermark(scale, 100, Position.TL)))
    assert (right - left, bottom - top) == (width, width // 2)


def test_the_width_is_a_share_of_the_resized_image() -> None:
    output = run(BASE, ImageType.PNG, MARK, watermark=Watermark(50, 100), max_width=100)
    left, _, right, _ = place(opened(output.data))
    assert right - left == 50


@pytest.mark.parametrize(("opacity", "green"), [(100, 0), (80, 51), (50, 128), (10, 230)])
def test_opacity_blends_watermark_and_base(opacity: int, green: int) -> None:
    seen = pixel(marked(BASE, MARK, Watermark(20, opacity, Position.MC)), (100, 50))
    assert abs(seen[1] - green) <= 1


def test_opacity_multiplies_the_alpha_of_the_watermark() -> None:
    half = saved(Image.new("RGBA", (40, 20), (255, 0, 0, 128)), "PNG")
    seen = pixel(marked(BASE, half, Watermark(20, 50, Position.MC)), (100, 50))
    assert abs(seen[1] - 191) <= 1


def test_opacity_0_changes_no_pixel_and_counts_as_watermarked() -> None:
    image = marked(BASE, MARK, Watermark(20, 0))
    assert pixels(image).min() == 255


def test_a_tall_watermark_is_scaled_down_to_fit_inside_the_margin() -> None:
    tall = saved(Image.new("RGB", (10, 200), "red"), "PNG")
    left, top, right, bottom = place(marked(BASE, tall, Watermark(50, 100, Position.MC)))
    assert (top, bottom) == (2, 98)
    assert right - left == 5


@pytest.mark.parametrize("size", [(1, 1), (1, 60), (60, 1), (2, 2), (3, 7)])
def test_a_tiny_base_can_have_a_watermark(size: tuple[int, int]) -> None:
    base = saved(Image.new("RGB", size, "white"), "PNG")
    for position in Position:
        image = marked(base, MARK, Watermark(50, 100, position))
        assert image.size == size, position
        left, top, right, bottom = place(image)
        assert right - left <= size[0], position
        assert bottom - top <= size[1], position


def test_a_transparent_base_stays_transparent_around_the_watermark() -> None:
    clear = saved(Image.new("RGBA", (200, 100), (0, 0, 255, 0)), "PNG")
    image = marked(clear, MARK, Watermark(20, 50, Position.MC))
    assert pixel(image)[3] == 0
    red, green, blue, alpha = pixel(image, (100, 50))
    assert (red, green, blue) == (255, 0, 0)
    assert abs(alpha - 128) <= 1


def test_a_grey_base_can_have_a_coloured_watermark() -> None:
    grey = saved(Image.new("L", (200, 100), 255), "PNG")
    assert pixel(marked(grey, MARK, Watermark(20, 100, Position.MC)), (100, 50)) == (255, 0, 0)


def test_one_watermark_can_be_applied_with_different_opacities() -> None:
    faint = pixel(marked(BASE, MARK, Watermark(20, 10, Position.MC)), (100, 50))
    solid = pixel(marked(BASE, MARK, Watermark(20, 100, Position.MC)), (100, 50))
    assert faint[1] > 225
    assert solid[1] == 0


@pytest.mark.parametrize("mark", [MARK[:60], b"", b"not a picture"])
def test_a_watermark_that_does_not_decode_is_its_own_error(mark: bytes) -> None:
    with pytest.raises(ImageError) as caught:
        run(BASE, ImageType.PNG, mark, watermark=Watermark())
    assert caught.value.code == "processing_failed"
    assert caught.value.message == "The watermark could not be decoded"


def test_without_a_watermark_no_pixel_changes() -> None:
    output = run(BASE)
    assert not output.watermarked
    assert pixels(opened(output.data)).min() == pixels(opened(output.data)).max()
