"""With which effort an image is made, and when it is refused."""

import re
from dataclasses import replace

import pytest

from shared.errors import TooMuchWorkError
from shared.imagetype import OUTPUT_TYPES, ImageType
from shared.models import Effort, Options
from workers.cost.plan import Limits, plan
from workers.imaging.formats.probe import Probe

DEFAULT = Limits(cpu_seconds=60, memory_bytes=2.4e9)  # half of the task limit; 60 % of 4 GB
PHOTOGRAPH = Probe(ImageType.JPG, 8000, 6250, 1)
CRAFTED = Probe(ImageType.PNG, 9999, 10000, 1, alpha=True)
CRAFTED_BYTES = 395_000


@pytest.mark.parametrize("to", OUTPUT_TYPES)
@pytest.mark.parametrize("bytes_per_pixel", [0.05, 0.25, 0.6])
def test_a_photograph_of_50_megapixels_keeps_its_effort(
    to: ImageType, bytes_per_pixel: float
) -> None:
    size = int(50e6 * bytes_per_pixel)
    made = plan(PHOTOGRAPH, size, Options(to), Effort.BALANCED, DEFAULT)
    assert (made.effort, made.faster) == (Effort.BALANCED, False)


@pytest.mark.parametrize("to", [ImageType.JPG, ImageType.WEBP])
def test_a_jpeg_of_100_megapixels_is_made(to: ImageType) -> None:
    large = Probe(ImageType.JPG, 10000, 10000, 1)
    assert not plan(large, 45_000_000, Options(to, 90), Effort.BALANCED, DEFAULT).faster


def test_less_effort_is_made_where_only_that_fits() -> None:
    drawing = replace(CRAFTED, width=8000, height=6250)
    made = plan(drawing, CRAFTED_BYTES, Options(ImageType.AVIF, 100), Effort.SMALL, DEFAULT)
    assert (made.effort, made.faster) == (Effort.FAST, True)
    assert DEFAULT.hold(made.cost)


@pytest.mark.parametrize("limits", [DEFAULT, Limits(60, 1.5e9), Limits(20, 8e9)])
def test_a_refusal_names_a_width_and_formats_that_fit(limits: Limits) -> None:
    asked = Options(ImageType.AVIF, 100)
    with pytest.raises(TooMuchWorkError) as refused:
        plan(CRAFTED, CRAFTED_BYTES, asked, Effort.BALANCED, limits)
    message = refused.value.message
    width = re.search(r"maxWidth of (\d+)", message)
    others = re.findall(r"\b(webp|jpg|png)\b", message)
    assert width or others
    if width:
        smaller = replace(asked, max_width=int(width[1]))
        plan(CRAFTED, CRAFTED_BYTES, smaller, Effort.BALANCED, limits)
    for other in others:
        instead = replace(asked, format=ImageType(other))
        plan(CRAFTED, CRAFTED_BYTES, instead, Effort.BALANCED, limits)


def test_nothing_is_suggested_where_decoding_is_too_much_already() -> None:
    with pytest.raises(TooMuchWorkError, match="send a smaller one"):
        plan(CRAFTED, CRAFTED_BYTES, Options(), Effort.BALANCED, Limits(60, 1e6))
