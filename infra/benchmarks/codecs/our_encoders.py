"""The engine's encoders, and Pillow's for reference."""

import io
from collections.abc import Callable, Iterable, Sequence
from typing import Any

import pillow_avif  # noqa: F401 - registers AVIF with Pillow
from PIL import Image

from infra.benchmarks.codecs.encoder import EncodedFile, Encoder, timed
from shared.imagetype import ImageType
from shared.models import Effort
from workers.imaging.encoding.encode import encode
from workers.imaging.encoding.settings import EncoderSettings

# The names of the two references in every table and file.
TURBO = "libjpeg-turbo 4:2:0"
WEBP_4 = "webp method 4"


def name_of(format: ImageType, effort: Effort) -> str:
    """The name of an encoder of the engine in every table and file."""
    return f"ours {format.value} {effort.value}"


def engine(
    qualities: Sequence[int], formats: Iterable[ImageType], efforts: Iterable[Effort]
) -> list[Encoder]:
    """The engine's encoders for these formats and efforts; png once, as it ignores the quality."""
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


def references(qualities: Sequence[int]) -> list[Encoder]:
    """libjpeg-turbo, whose quality ours follows, and the usual WebP."""
    return [
        Encoder(TURBO, "jpg", qualities, _pillow("JPEG")),
        Encoder(WEBP_4, "webp", qualities, _pillow("WEBP", method=4)),
    ]


def _engine(format: ImageType, effort: Effort) -> Callable[[Image.Image, int], EncodedFile]:
    def run(image: Image.Image, quality: int) -> EncodedFile:
        copy, settings = image.copy(), EncoderSettings(quality, effort)
        encoded, cpu = timed(lambda: encode(copy, format, settings))
        return EncodedFile(encoded.data, cpu)

    return run


def _pillow(kind: str, **options: Any) -> Callable[[Image.Image, int], EncodedFile]:
    def run(image: Image.Image, quality: int) -> EncodedFile:
        out = io.BytesIO()
        _, cpu = timed(lambda: image.save(out, kind, quality=quality, **options))
        return EncodedFile(out.getvalue(), cpu)

    return run
