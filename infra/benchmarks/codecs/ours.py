"""The engine's encoders, and Pillow's as points of reference."""

import io
from collections.abc import Callable, Iterable, Sequence
from typing import Any

import pillow_avif  # noqa: F401 - registers AVIF with Pillow
from PIL import Image

from infra.benchmarks.codecs.encoder import Encoder, Made, timed
from shared.imagetype import ImageType
from shared.models import Effort
from workers.imaging.encoding.encode import encode

# What the two references are called in every table and file.
TURBO = "libjpeg-turbo 4:2:0"
WEBP_4 = "webp method 4"


def name_of(format: ImageType, effort: Effort) -> str:
    """What an encoder of the engine is called in every table and file."""
    return f"ours {format.value} {effort.value}"


def engine(
    qualities: Sequence[int], formats: Iterable[ImageType], efforts: Iterable[Effort]
) -> list[Encoder]:
    """The engine's encoders of these formats at these efforts; png at one quality: it has none."""
    efforts = list(efforts)
    return [
        Encoder(
            name_of(format, effort),
            format.value,
            qualities[-1:] if format is ImageType.PNG else qualities,
            _engine(format, effort),
        )
        for format in formats
        for effort in efforts
    ]


def references(numbers: Sequence[int]) -> list[Encoder]:
    """libjpeg-turbo, whose scale quality is held against, and the WebP that everybody uses."""
    return [
        Encoder(TURBO, "jpg", numbers, _pillow("JPEG")),
        Encoder(WEBP_4, "webp", numbers, _pillow("WEBP", method=4)),
    ]


def _engine(format: ImageType, effort: Effort) -> Callable[[Image.Image, int], Made]:
    def run(image: Image.Image, quality: int) -> Made:
        picture = image.copy()
        encoded, cpu = timed(lambda: encode(picture, format, quality, effort))
        return Made(encoded.data, cpu)

    return run


def _pillow(kind: str, **options: Any) -> Callable[[Image.Image, int], Made]:
    def run(image: Image.Image, quality: int) -> Made:
        out = io.BytesIO()
        _, cpu = timed(lambda: image.save(out, kind, quality=quality, **options))
        return Made(out.getvalue(), cpu)

    return run
