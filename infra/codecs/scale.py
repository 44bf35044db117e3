"""The quality scale: for each encoder, which of its numbers looks like libjpeg-turbo's quality."""

from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from statistics import fmean

from PIL import Image

from infra.codecs import sweep
from infra.codecs.curves import calibrated, value_at
from infra.codecs.encoder import Encoder, Made, Point, timed
from infra.codecs.native import TURBO, Native
from infra.codecs.pictures import Picture
from infra.codecs.scoring import Scorer

Pairs = list[tuple[float, float]]

_TURBO = "libjpeg-turbo 4:2:0"
LEAST, MOST = 40, 100  # our quality
_LOWEST = 20  # of an encoder's own scale; below it no score comes near what our 40 asks for


@dataclass(frozen=True)
class Scale:
    """One encoder's table and what stands behind it, as means over all pictures.

    knots: (our quality, its number). measured: (its number, score). after: (our quality, score)
    of files encoded anew at the table's numbers, as the proof of it.
    """

    knots: Pairs
    measured: Pairs
    after: Pairs


@dataclass(frozen=True)
class Calibration:
    """target: (quality, score) of libjpeg-turbo, which every scale is brought to."""

    target: Pairs
    scales: dict[str, Scale]

    @property
    def most_apart(self) -> float:
        """Between the best and the worst encoder at one quality, where it is largest.

        An encoder counts up to the end of its own scale, as far as it can look as asked.
        """
        scores: dict[float, list[float]] = defaultdict(list)
        for scale in self.scales.values():
            for quality, score in scale.after:
                number = value_at(scale.knots, quality)
                if number is not None and number < MOST:
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
    wanted = [Encoder(_TURBO, "jpg", _numbers(LEAST, step), _made(TURBO))]
    native = [Encoder(name, name, numbers, _made(run)) for name, run in encoders.items()]
    tell("measuring the encoders on their own scales")
    curves = _means(sweep.measure(pictures, [*wanted, *native], scorer, tell))
    target = curves.pop(_TURBO)
    # At every quality, for where an encoder's scale ends lies between two that were measured.
    wanted_scores = [(float(q), value_at(target, q) or 0.0) for q in range(LEAST, MOST + 1)]
    knots = {name: _tenths(calibrated(curve, wanted_scores)) for name, curve in curves.items()}
    tell("measuring again at the new numbers")
    proof = [_by_table(name, run, knots[name], step) for name, run in encoders.items()]
    after = _means(sweep.measure(pictures, proof, scorer, tell))
    scales = {name: Scale(knots[name], curves[name], after[name]) for name in encoders}
    return Calibration(target, scales)


def _numbers(lowest: int, step: int) -> list[int]:
    """Down from 100 in steps, so that the top is measured and not guessed."""
    return sorted({*range(MOST, lowest - 1, -step), lowest})


def _made(native: Native) -> Callable[[Image.Image, int], Made]:
    def run(image: Image.Image, number: int) -> Made:
        picture = image.copy()
        return Made(*timed(lambda: native(picture, number)))

    return run


def _by_table(name: str, native: Native, knots: Pairs, step: int) -> Encoder:
    """The encoder on our scale, at qualities that lie between the knots as well as on them."""

    def run(image: Image.Image, quality: int) -> Made:
        number = value_at(knots, quality)
        if number is None:
            raise ValueError(f"{quality} is not within the table")
        picture, at = image.copy(), number
        return Made(*timed(lambda: native(picture, at)))

    return Encoder(name, name, _numbers(LEAST, step + 1), run)


def _means(points: Iterable[Point]) -> dict[str, Pairs]:
    """By encoder, (number, mean score over all pictures) by rising number."""
    scores: dict[tuple[str, int], list[float]] = defaultdict(list)
    for point in points:
        scores[point.encoder, point.number].append(point.score)
    curves: dict[str, Pairs] = defaultdict(list)
    for (encoder, number), found in sorted(scores.items()):
        curves[encoder].append((number, round(fmean(found), 3)))
    return dict(curves)


def _tenths(knots: Pairs) -> Pairs:
    return [(quality, round(number, 1)) for quality, number in knots]
