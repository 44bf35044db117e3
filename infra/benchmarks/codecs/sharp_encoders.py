"""sharp's encoders, each at its own encoder qualities."""

from collections.abc import Callable, Iterable
from typing import Any

from PIL import Image

from infra.benchmarks.codecs.encoder import EncodedFile, Encoder
from infra.benchmarks.codecs.sharp import Sharp

# Without a quality, sharp uses its default.
DEFAULTS: dict[str, dict[str, Any]] = {
    "webp": {},
    "avif": {},
    "jpg": {"mozjpeg": True},
    "png": {"compressionLevel": 9, "effort": 10, "palette": False},
}
# Ranges in which almost any photograph scores from below 60 to above 85.
_QUALITY_RANGES = {"webp": (28, 100), "avif": (24, 94), "jpg": (28, 98)}
AVIF_DEFAULT_EFFORT = 4


def avif_name(effort: int) -> str:
    """The name of sharp's AVIF at that effort (0 to 9) in every table and file."""
    return f"sharp avif effort {effort}"


def encoders(sharp: Sharp, step: int, avif_efforts: Iterable[int]) -> list[Encoder]:
    """WebP by default, JPEG by mozjpeg, lossless PNG, and AVIF at each of the efforts."""
    return [
        Encoder("sharp webp", "webp", _qualities("webp", step), _by(sharp, "webp")),
        Encoder("sharp mozjpeg", "jpg", _qualities("jpg", step), _by(sharp, "jpg")),
        Encoder("sharp png", "png", (100,), _lossless_png(sharp)),
        *(
            Encoder(
                avif_name(effort),
                "avif",
                _qualities("avif", step),
                _by(sharp, "avif", effort=effort),
            )
            for effort in avif_efforts
        ),
    ]


def _qualities(format: str, step: int) -> range:
    low, high = _QUALITY_RANGES[format]
    return range(low, high + 1, step)


def _by(sharp: Sharp, format: str, **more: Any) -> Callable[[Image.Image, int], EncodedFile]:
    def run(image: Image.Image, quality: int) -> EncodedFile:
        return sharp.encode(image, format, {**DEFAULTS[format], **more, "quality": quality})

    return run


def _lossless_png(sharp: Sharp) -> Callable[[Image.Image, int], EncodedFile]:
    # A quality would make sharp write a PNG with a palette.
    def run(image: Image.Image, quality: int) -> EncodedFile:  # noqa: ARG001 - `Encoder` passes it
        return sharp.encode(image, "png", DEFAULTS["png"])

    return run
