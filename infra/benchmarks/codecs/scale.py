"""The quality scale: for each encoder, which of its numbers looks like libjpeg-turbo's quality."""

from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from statistics import fmean

from PIL import Image

from infra.benchmarks.codecs import sweep
from infra.benchmarks.codecs.curves import calibrated, value_at
from infra.benchmarks.codecs.encoder import Encoder, Made, Point, timed
from infra.benchmarks.codecs.native import TURBO, Native
from infra.benchmarks.codecs.pictures import Picture
from infra.benchmarks.codecs.scoring import Scorer

Pairs = list[tuple[float, float]]

_TURBO = "libjpeg-turbo 4:2:0"
LEAST, MOST = 40, 100  # our quality
_LOWEST = 20  # of an encoder's own scale; below it no score comes near what our 40 asks for


@dataclass(frozen=True)
class Measured:
    """One of the engine's scales: what was found, as means over the pictures that it is for.

    knots: (our quality, its number). curve: (its number, score).
    """

    knots: Pairs
    curve: Pairs


@dataclass(frozen=True)
class Calibration:
    """target: (quality, score) of libjpeg-turbo over all pictures.

    scales: by their names in the engine's table. proof: by encoder, (our quality, score) of all
    pictures encoded anew at the table's numbers; those past the end of its scale are left out.
    """

    target: Pairs
    scales: dict[str, Measured]
    proof: dict[str, Pairs]

    @property
    def most_apart(self) -> float:
        """Between the best and the worst encoder at one quality, where it is largest."""
        scores: dict[float, list[float]] = defaultdict(list)
        for pairs in self.proof.values():
            for quality, score in pairs:
                scores[quality].append(score)
        return max((max(found) - min(found) for found in scores.values()), default=0.0)


def calibrate(
    encoders: Mapping[str, Native],
    pictures: Sequence[Picture],
    scorer: Scorer,
    step: int,
    tell: Callable[[str], None],
) -> Calibration:
    """Measure, invert, and measure again at the result; step: between two measured numbers."""
    numbers = _numbers(_LOWEST, step)
    wanted = Encoder(_TURBO, "jpg", _numbers(LEAST, step), _made(TURBO))
    own = [Encoder(name, name, numbers, _made(native.run)) for name, native in encoders.items()]
    tell("measuring the encoders on their own scales")
    points = sweep.measure(pictures, [wanted, *own], scorer, tell)
    members = {name: _members(native, pictures) for name, native in encoders.items()}
    scales = {
        scale: _measured(name, points, names)
        for name, mine in members.items()
        for scale, names in mine.items()
    }
    tell("measuring again at the new numbers")
    again = [_by_table(name, native, scales, step) for name, native in encoders.items()]
    proof = sweep.measure(pictures, again, scorer, tell)
    everyone = {picture.name for picture in pictures}
    return Calibration(
        _mean(_TURBO, points, everyone),
        scales,
        {
            name: _within(_mean(name, proof, everyone), [scales[scale] for scale in mine])
            for name, mine in members.items()
        },
    )


def _members(native: Native, pictures: Sequence[Picture]) -> dict[str, set[str]]:
    """By scale, the names of the pictures whose number is found on it."""
    members: dict[str, set[str]] = defaultdict(set)
    for picture in pictures:
        members[native.scale(picture.image)].add(picture.name)
    return members


def _measured(encoder: str, points: Sequence[Point], members: set[str]) -> Measured:
    curve, target = _mean(encoder, points, members), _mean(_TURBO, points, members)
    # At every quality, for where an encoder's scale ends lies between two that were measured.
    scores = [(float(q), value_at(target, q) or 0.0) for q in range(LEAST, MOST + 1)]
    return Measured([(q, round(number, 1)) for q, number in calibrated(curve, scores)], curve)


def _numbers(lowest: int, step: int) -> list[int]:
    """Down from 100 in steps, so that the top is measured and not guessed."""
    return sorted({*range(MOST, lowest - 1, -step), lowest})


def _made(run: Callable[[Image.Image, float], bytes]) -> Callable[[Image.Image, int], Made]:
    def encode(image: Image.Image, number: int) -> Made:
        picture = image.copy()
        return Made(*timed(lambda: run(picture, number)))

    return encode


def _by_table(name: str, native: Native, scales: Mapping[str, Measured], step: int) -> Encoder:
    """The encoder on our scale, at qualities that lie between the knots as well as on them."""

    def encode(image: Image.Image, quality: int) -> Made:
        number = value_at(scales[native.scale(image)].knots, quality)
        if number is None:
            raise ValueError(f"{quality} is not within the table")
        picture, at = image.copy(), number
        return Made(*timed(lambda: native.run(picture, at)))

    return Encoder(name, name, _numbers(LEAST, step + 1), encode)


def _mean(encoder: str, points: Iterable[Point], members: set[str]) -> Pairs:
    """(number, mean score over these pictures) by rising number."""
    scores: dict[int, list[float]] = defaultdict(list)
    for point in points:
        if point.encoder == encoder and point.picture in members:
            scores[point.number].append(point.score)
    return [(number, round(fmean(found), 3)) for number, found in sorted(scores.items())]


def _within(proof: Pairs, scales: Sequence[Measured]) -> Pairs:
    """As far as each of the encoder's scales goes: past its end it cannot look as asked."""
    reached = min(sum(number < MOST for _, number in scale.knots) for scale in scales)
    return [(quality, score) for quality, score in proof if quality < LEAST + reached]
