"""PNG: what each effort is for."""

from collections.abc import Callable

import pytest
from PIL import Image, ImageDraw

from shared.imagetype import ImageType
from shared.models import Effort
from workers.imaging.encoding.encode import encode
from workers.imaging.encoding.settings import EncoderSettings


def photo() -> Image.Image:
    return Image.open("tests/samples/chelsea.png").convert("RGB")


def text() -> Image.Image:
    image = Image.new("RGB", (600, 400), "white")
    for top in range(0, 400, 14):
        ImageDraw.Draw(image).text((4, top), f"{top * 7919} words and {top * 104729}", fill="navy")
    return image


def size(image: Image.Image, effort: Effort) -> int:
    return len(encode(image, ImageType.PNG, EncoderSettings(82, effort)).data)


@pytest.mark.parametrize("make", [photo, text])
def test_fast_takes_hardly_more_bytes_than_balanced(make: Callable[[], Image.Image]) -> None:
    assert size(make(), Effort.FAST) < 1.15 * size(make(), Effort.BALANCED)
