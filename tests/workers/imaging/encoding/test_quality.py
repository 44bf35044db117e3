"""The same perceived quality at one quality: a short run of what docs/quality.md measures."""

import io
from functools import cache
from statistics import fmean

import pytest
from PIL import Image
from ssimulacra2 import compute_ssimulacra2

from shared.imagetype import ImageType
from shared.models import Effort
from tests.workers.imaging.making import saved
from workers.imaging.encoding.encode import encode
from workers.imaging.encoding.jpeg import FULL_COLOUR_MIN_QUALITY
from workers.imaging.encoding.quality import max_reachable_quality
from workers.imaging.encoding.settings import EncoderSettings

SAMPLES = ["astronaut.png", "coffee.png", "rocket.jpg", "seeding_by_Clements_Engelhardt.jpg"]
full = pytest.mark.full  # slow: every picture in every format is scored
LOSSY = [ImageType.WEBP, ImageType.AVIF, ImageType.JPG]


@cache
def pictures() -> list[Image.Image]:
    images = [Image.open(f"tests/samples/{name}").convert("RGB") for name in SAMPLES]
    for image in images:
        image.thumbnail((400, 400))
    return images


def score(reference: Image.Image, data: bytes) -> float:
    files = (saved(reference, "BMP"), saved(Image.open(io.BytesIO(data)).convert("RGB"), "BMP"))
    return float(compute_ssimulacra2(*map(io.BytesIO, files)))


@cache
def encoded(to: ImageType, quality: int, effort: Effort = Effort.BALANCED) -> list[bytes]:
    settings = EncoderSettings(quality, effort)
    return [encode(image.copy(), to, settings).data for image in pictures()]


def mean(files: list[bytes]) -> float:
    return fmean(map(score, pictures(), files))


# Four small photographs differ more from the mean of many than the formats do from each other,
# mostly AVIF at low qualities.
@pytest.mark.parametrize(
    ("quality", "near"), [pytest.param(45, 7, marks=full), (70, 3), pytest.param(85, 3, marks=full)]
)
def test_at_one_quality_all_formats_score_like_libjpeg_turbo(quality: int, near: float) -> None:
    target = mean([saved(image, "JPEG", quality=quality) for image in pictures()])
    for to in LOSSY:
        assert abs(mean(encoded(to, quality)) - target) < near, to


@full
def test_more_effort_of_avif_is_fewer_bytes_at_the_same_score() -> None:
    files = [encoded(ImageType.AVIF, 75, effort) for effort in Effort]
    sizes = [sum(map(len, each)) for each in files]
    assert sizes == sorted(sizes, reverse=True)
    scores = [mean(each) for each in files]
    assert max(scores) - min(scores) < 2


def test_webp_is_near_lossless_above_what_lossy_reaches() -> None:
    top = max_reachable_quality("webp")
    assert top < 100
    assert mean(encoded(ImageType.WEBP, top + 1)) > mean(encoded(ImageType.WEBP, top)) + 3


@pytest.mark.parametrize(
    ("to", "quality"),
    [
        (ImageType.JPG, FULL_COLOUR_MIN_QUALITY - 1),
        (ImageType.WEBP, max_reachable_quality("webp")),
    ],
)
def test_size_does_not_fall_where_another_encoder_takes_over(to: ImageType, quality: int) -> None:
    below, above = (sum(map(len, encoded(to, at))) for at in (quality, quality + 1))
    assert below <= above
