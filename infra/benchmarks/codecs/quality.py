"""The quality curves: which encoder quality scores like libjpeg-turbo at each quality of ours."""

from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from statistics import fmean

from PIL import Image

from infra.benchmarks.codecs import sweep
from infra.benchmarks.codecs.curves import calibrated, value_at
from infra.benchmarks.codecs.encoder import EncodedFile, Encoder, Point, timed
from infra.benchmarks.codecs.native_encoders import TURBO, NativeEncoder
from infra.benchmarks.codecs.pictures import Picture
from infra.benchmarks.codecs.scoring import Scorer
from shared.models import MAX_QUALITY, MIN_QUALITY

Pairs = list[tuple[float, float]]

_TURBO = "libjpeg-turbo 4:2:0"
_MAX_ENCODER_QUALITY = 100
_MIN_ENCODER_QUALITY = 20  # lower ones score far below what our lowest quality asks for


@dataclass(frozen=True)
class MeasuredCurve:
    """One quality curve, as means over the pictures that it is for.

    table: (our quality, encoder quality). scores: (encoder quality, score).
    """

    table: Pairs
    scores: Pairs


@dataclass(frozen=True)
class Calibration:
    """target: (quality, score) of libjpeg-turbo over all pictures.

    curves: by their names in the engine's table. proof: by encoder, (our quality, score) over all
    pictures when encoded with the new table; without the qualities that it cannot reach.
    """

    target: Pairs
    curves: dict[str, MeasuredCurve]
    proof: dict[str, Pairs]

    @property
    def most_apart(self) -> float:
        """The largest difference of score between the best and the worst encoder at a quality."""
        scores: dict[float, list[float]] = defaultdict(list)
        for pairs in self.proof.values():
            for quality, score in pairs:
                scores[quality].append(score)
        return max((max(found) - min(found) for found in scores.values()), default=0.0)


def calibrate(
    encoders: Mapping[str, NativeEncoder],
    pictures: Sequence[Picture],
    scorer: Scorer,
    step: int,
    progress: Callable[[str], None],
) -> Calibration:
    """Measures the encoders, inverts their scores, and measures again with the result.

    step: between two measured qualities.
    """
    turbo = Encoder(_TURBO, "jpg", _qualities(MIN_QUALITY, step), _encode_copy(TURBO))
    own = [
        Encoder(name, name, _qualities(_MIN_ENCODER_QUALITY, step), _encode_copy(native.encode))
        for name, native in encoders.items()
    ]
    progress("measuring the encoders at their own encoder qualities")
    points = sweep.measure(pictures, [turbo, *own], scorer, progress)
    members = {name: _members(native, pictures) for name, native in encoders.items()}
    curves = {
        curve: _measured(name, points, names)
        for name, its_curves in members.items()
        for curve, names in its_curves.items()
    }
    progress("measuring again with the new table")
    again = [_by_table(name, native, curves, step) for name, native in encoders.items()]
    proof = sweep.measure(pictures, again, scorer, progress)
    everyone = {picture.name for picture in pictures}
    return Calibration(
        _mean(_TURBO, points, everyone),
        curves,
        {
            name: _reached(_mean(name, proof, everyone), [curves[curve] for curve in its_curves])
            for name, its_curves in members.items()
        },
    )


def _members(native: NativeEncoder, pictures: Sequence[Picture]) -> dict[str, set[str]]:
    """For each curve of the encoder, the names of the pictures that it is for."""
    members: dict[str, set[str]] = defaultdict(set)
    for picture in pictures:
        members[native.curve(picture.image)].add(picture.name)
    return members


def _measured(encoder: str, points: Sequence[Point], members: set[str]) -> MeasuredCurve:
    scores, target = _mean(encoder, points, members), _mean(_TURBO, points, members)
    # At every quality, because the last one that the encoder reaches may lie between two measured.
    qualities = range(MIN_QUALITY, MAX_QUALITY + 1)
    wanted = [(float(quality), value_at(target, quality) or 0.0) for quality in qualities]
    table = [(quality, round(value, 1)) for quality, value in calibrated(scores, wanted)]
    return MeasuredCurve(table, scores)


def _qualities(lowest: int, step: int) -> list[int]:
    """From 100 down in steps, so that the highest is measured, and the lowest."""
    return sorted({*range(MAX_QUALITY, lowest - 1, -step), lowest})


def _encode_copy(
    encode: Callable[[Image.Image, float], bytes],
) -> Callable[[Image.Image, int], EncodedFile]:
    def encode_copy(image: Image.Image, quality: int) -> EncodedFile:
        copy = image.copy()
        return EncodedFile(*timed(lambda: encode(copy, quality)))

    return encode_copy


def _by_table(
    name: str, native: NativeEncoder, curves: Mapping[str, MeasuredCurve], step: int
) -> Encoder:
    """The encoder at our qualities, at other ones than the table was measured at."""

    def encode(image: Image.Image, quality: int) -> EncodedFile:
        encoder_quality = value_at(curves[native.curve(image)].table, quality)
        if encoder_quality is None:
            raise ValueError(f"{quality} is not within the table")
        copy, value = image.copy(), encoder_quality
        return EncodedFile(*timed(lambda: native.encode(copy, value)))

    return Encoder(name, name, _qualities(MIN_QUALITY, step + 1), encode)


def _mean(encoder: str, points: Iterable[Point], members: set[str]) -> Pairs:
    """(quality, mean score over these pictures) by rising quality."""
    scores: dict[int, list[float]] = defaultdict(list)
    for point in points:
        if point.encoder == encoder and point.picture in members:
            scores[point.quality].append(point.score)
    return [(quality, round(fmean(found), 3)) for quality, found in sorted(scores.items())]


def _reached(proof: Pairs, curves: Sequence[MeasuredCurve]) -> Pairs:
    """The part of the proof whose qualities all curves of the encoder reach."""
    reached = min(sum(value < _MAX_ENCODER_QUALITY for _, value in curve.table) for curve in curves)
    return [(quality, score) for quality, score in proof if quality < MIN_QUALITY + reached]
