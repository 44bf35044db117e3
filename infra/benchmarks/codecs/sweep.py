"""Every picture through every encoder at every number: bytes, CPU and score."""

import io
from collections.abc import Callable, Iterator, Sequence

from PIL import Image, ImageChops

from infra.benchmarks.codecs.encoder import Encoder, Made, Point, interleaved
from infra.benchmarks.codecs.pictures import Picture
from infra.benchmarks.codecs.scoring import Scorer
from shared.errors import OperatorError

_EQUAL = 100.0  # SSIMULACRA2 of a picture and itself


def measure(
    pictures: Sequence[Picture],
    encoders: Sequence[Encoder],
    scorer: Scorer,
    tell: Callable[[str], None],
) -> list[Point]:
    """All points, picture by picture: first the encodes, one at a time, then their scores.

    Raises OperatorError where a lossless file differs from its picture in a single pixel.
    """
    _warm_up(pictures[0], encoders)
    points: list[Point] = []
    for index, picture in enumerate(pictures, 1):
        tell(f"{index} of {len(pictures)}: {picture.name}")
        points += _points(picture, encoders, scorer)
    return points


def _warm_up(picture: Picture, encoders: Sequence[Encoder]) -> None:
    """Once through each, unmeasured: libraries load and Node compiles in the first call."""
    small = picture.image.resize((64, 64))
    for encoder in encoders:
        encoder.encode(small, encoder.numbers[0])


def _points(picture: Picture, encoders: Sequence[Encoder], scorer: Scorer) -> Iterator[Point]:
    made = [
        (encoder, number, encoder.encode(picture.image, number))
        for encoder, number in interleaved(encoders)
    ]
    lossy = [each for each in made if each[0].format != "png"]
    scores = scorer.of_files(picture.image, [each.data for _, _, each in lossy])
    for (encoder, number, each), score in zip(lossy, scores, strict=True):
        yield _point(encoder, picture, number, each, score)
    for encoder, number, each in made:
        if encoder.format == "png":
            _check_equal(encoder, picture, each)
            yield _point(encoder, picture, number, each, _EQUAL)


def _point(encoder: Encoder, picture: Picture, number: int, made: Made, score: float) -> Point:
    return Point(encoder.name, picture.name, number, len(made.data), made.cpu, score)


def _check_equal(encoder: Encoder, picture: Picture, made: Made) -> None:
    with Image.open(io.BytesIO(made.data)) as image:
        if ImageChops.difference(image.convert("RGB"), picture.image).getbbox():
            raise OperatorError(f"{encoder.name} changed pixels of {picture.name}")
