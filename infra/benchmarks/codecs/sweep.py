"""Every picture through every encoder at every quality: bytes, CPU and score."""

import io
from collections.abc import Callable, Iterator, Sequence

from PIL import Image, ImageChops

from infra.benchmarks.codecs.encoder import EncodedFile, Encoder, Point, interleaved
from infra.benchmarks.codecs.pictures import Picture
from infra.benchmarks.codecs.scoring import Scorer
from shared.errors import OperatorError

_IDENTICAL = 100.0  # SSIMULACRA2 of a picture and itself


def measure(
    pictures: Sequence[Picture],
    encoders: Sequence[Encoder],
    scorer: Scorer,
    progress: Callable[[str], None],
) -> list[Point]:
    """All points, picture by picture: first the encodes, one at a time, then their scores.

    Raises OperatorError if a lossless file differs from its picture in any pixel.
    """
    _warm_up(pictures[0], encoders)
    points: list[Point] = []
    for index, picture in enumerate(pictures, 1):
        progress(f"{index} of {len(pictures)}: {picture.name}")
        points += _points(picture, encoders, scorer)
    return points


def _warm_up(picture: Picture, encoders: Sequence[Encoder]) -> None:
    """Calls each encoder once, because libraries load and Node compiles in the first call."""
    small = picture.image.resize((64, 64))
    for encoder in encoders:
        encoder.encode(small, encoder.qualities[0])


def _points(picture: Picture, encoders: Sequence[Encoder], scorer: Scorer) -> Iterator[Point]:
    encodes = [
        (encoder, quality, encoder.encode(picture.image, quality))
        for encoder, quality in interleaved(encoders)
    ]
    lossy = [encode for encode in encodes if encode[0].format != "png"]
    scores = scorer.of_files(picture.image, [file.data for _, _, file in lossy])
    for (encoder, quality, file), score in zip(lossy, scores, strict=True):
        yield _point(encoder, picture, quality, file, score)
    for encoder, quality, file in encodes:
        if encoder.format == "png":
            _check_lossless(encoder, picture, file)
            yield _point(encoder, picture, quality, file, _IDENTICAL)


def _point(
    encoder: Encoder, picture: Picture, quality: int, file: EncodedFile, score: float
) -> Point:
    return Point(encoder.name, picture.name, quality, len(file.data), file.cpu_seconds, score)


def _check_lossless(encoder: Encoder, picture: Picture, file: EncodedFile) -> None:
    with Image.open(io.BytesIO(file.data)) as image:
        if ImageChops.difference(image.convert("RGB"), picture.image).getbbox():
            raise OperatorError(f"{encoder.name} changed pixels of {picture.name}")
