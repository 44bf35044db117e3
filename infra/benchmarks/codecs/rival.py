"""sharp's encoders, each on its own scale."""

from collections.abc import Callable, Iterable
from typing import Any

from PIL import Image

from infra.benchmarks.codecs.encoder import Encoder, Made
from infra.benchmarks.codecs.sharp import Sharp

# sharp's own default quality, where one conversion stands for the format.
DEFAULTS: dict[str, dict[str, Any]] = {
    "webp": {},
    "avif": {},
    "jpg": {"mozjpeg": True},
    "png": {"compressionLevel": 9, "effort": 10, "palette": False},
}
# Numbers between which scores from below 60 to above 85 lie for almost any photograph.
_SPANS = {"webp": (28, 100), "avif": (24, 94), "jpg": (28, 98)}
AVIF_DEFAULT_EFFORT = 4


def avif_name(effort: int) -> str:
    """What sharp's AVIF at that effort (0 to 9) is called in every table and file."""
    return f"sharp avif effort {effort}"


def encoders(sharp: Sharp, step: int, avif_efforts: Iterable[int]) -> list[Encoder]:
    """WebP as it comes, JPEG by mozjpeg, lossless PNG, and AVIF at each of the efforts."""
    return [
        Encoder("sharp webp", "webp", _numbers("webp", step), _by(sharp, "webp")),
        Encoder("sharp mozjpeg", "jpg", _numbers("jpg", step), _by(sharp, "jpg")),
        Encoder("sharp png", "png", (100,), _exactly(sharp)),
        *(
            Encoder(
                avif_name(effort), "avif", _numbers("avif", step), _by(sharp, "avif", effort=effort)
            )
            for effort in avif_efforts
        ),
    ]


def _numbers(format: str, step: int) -> range:
    low, high = _SPANS[format]
    return range(low, high + 1, step)


def _by(sharp: Sharp, format: str, **more: Any) -> Callable[[Image.Image, int], Made]:
    def run(image: Image.Image, quality: int) -> Made:
        return sharp.encode(image, format, {**DEFAULTS[format], **more, "quality": quality})

    return run


def _exactly(sharp: Sharp) -> Callable[[Image.Image, int], Made]:
    # Naming a quality would turn sharp's PNG into one with a palette.
    def run(image: Image.Image, quality: int) -> Made:  # noqa: ARG001
        return sharp.encode(image, "png", DEFAULTS["png"])

    return run
