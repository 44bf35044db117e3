"""The arithmetic: linear interpolation, its inverse, and ratios between two encoders."""

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import accumulate, pairwise
from statistics import fmean

Curve = Sequence[tuple[float, float]]  # (x, y), by rising x


def value_at(curve: Curve, x: float) -> float | None:
    """y at x by linear interpolation; None outside of the points."""
    for (left, low), (right, high) in pairwise(curve):
        if left <= x <= right:
            return low if left == right else low + (high - low) * (x - left) / (right - left)
    return curve[0][1] if len(curve) == 1 and curve[0][0] == x else None


def running_maximum(curve: Curve) -> list[tuple[float, float]]:
    """The curve with each y raised to the highest before it, so that it never falls."""
    maxima = accumulate((y for _, y in curve), max)
    return [(x, maximum) for (x, _), maximum in zip(curve, maxima, strict=True)]


def inverse_at(curve: Curve, y: float) -> float:
    """The lowest x at which a curve that never falls reaches y; the nearer end if it does not."""
    if y <= curve[0][1]:
        return curve[0][0]
    for (left, low), (right, high) in pairwise(curve):
        if low < y <= high:
            return left + (right - left) * (y - low) / (high - low)
    return curve[-1][0]


def calibrated(native: Curve, target: Curve) -> list[tuple[float, float]]:
    """(quality, encoder quality), so that each quality has the score of the target curve.

    native: an encoder's score over its own encoder quality. target: the wanted score over our
    quality. Encoder qualities never fall as quality rises.
    """
    rising = running_maximum(native)
    return [(quality, inverse_at(rising, score)) for quality, score in running_maximum(target)]


@dataclass(frozen=True)
class Sample:
    """One encode of one picture: `size` in bytes."""

    score: float
    size: float
    cpu_seconds: float


def at_score(samples: Iterable[Sample], score: float) -> Sample | None:
    """Size and CPU at that score, interpolated; None if the samples do not reach it.

    The size by its logarithm, which is nearly linear in the score.
    """
    ordered = sorted(samples, key=lambda sample: sample.score)
    size = value_at([(sample.score, math.log(sample.size)) for sample in ordered], score)
    cpu = value_at([(sample.score, sample.cpu_seconds) for sample in ordered], score)
    return None if size is None or cpu is None else Sample(score, math.exp(size), cpu)


@dataclass(frozen=True)
class Ratio:
    """One encoder's bytes and CPU divided by another's: sums over the pictures, and a mean.

    bytes_mean: the geometric mean of the pictures' ratios, in which all pictures weigh the same.
    """

    pictures: int
    bytes_sum: float
    bytes_mean: float
    cpu: float


def ratio(pairs: Sequence[tuple[Sample, Sample]]) -> Ratio | None:
    """One encoder's samples divided by another's, a pair per picture; None without pairs."""
    if not pairs:
        return None
    return Ratio(
        len(pairs),
        sum(one.size for one, _ in pairs) / sum(other.size for _, other in pairs),
        math.exp(fmean(math.log(one.size / other.size) for one, other in pairs)),
        sum(one.cpu_seconds for one, _ in pairs) / sum(other.cpu_seconds for _, other in pairs),
    )
