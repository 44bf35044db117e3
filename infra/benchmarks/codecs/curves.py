"""The arithmetic: straight lines between points, their inverse, and ratios of two sides."""

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import accumulate, pairwise
from statistics import fmean

Curve = Sequence[tuple[float, float]]  # (x, y), by rising x


def value_at(curve: Curve, x: float) -> float | None:
    """y at x on straight lines between the points; None outside of them."""
    for (left, low), (right, high) in pairwise(curve):
        if left <= x <= right:
            return low if left == right else low + (high - low) * (x - left) / (right - left)
    return curve[0][1] if len(curve) == 1 and curve[0][0] == x else None


def never_falling(curve: Curve) -> list[tuple[float, float]]:
    """The curve with each y at least as high as those before it."""
    heights = accumulate((y for _, y in curve), max)
    return [(x, height) for (x, _), height in zip(curve, heights, strict=True)]


def where(curve: Curve, y: float) -> float:
    """The least x at which a curve that never falls reaches y; its nearer end where it does not."""
    if y <= curve[0][1]:
        return curve[0][0]
    for (left, low), (right, high) in pairwise(curve):
        if low < y <= high:
            return left + (right - left) * (y - low) / (high - low)
    return curve[-1][0]


def calibrated(native: Curve, target: Curve) -> list[tuple[float, float]]:
    """(quality, number) so that each quality gets the score that the target curve has there.

    native: an encoder's score over its own number. target: the score wanted over our quality.
    Neither the score nor the number ever falls as quality rises.
    """
    rising = never_falling(native)
    return [(quality, where(rising, score)) for quality, score in never_falling(target)]


@dataclass(frozen=True)
class Sample:
    """One encode of one picture: `size` in bytes, `cpu` in seconds."""

    score: float
    size: float
    cpu: float


def at_score(samples: Iterable[Sample], score: float) -> Sample | None:
    """Size and CPU at that score, between two samples; None where they do not reach it.

    The size by its logarithm, which is nearly straight over the score.
    """
    ordered = sorted(samples, key=lambda sample: sample.score)
    size = value_at([(sample.score, math.log(sample.size)) for sample in ordered], score)
    cpu = value_at([(sample.score, sample.cpu) for sample in ordered], score)
    return None if size is None or cpu is None else Sample(score, math.exp(size), cpu)


@dataclass(frozen=True)
class Ratio:
    """One side over the other, below 1 being less: sums over the pictures counted, and a mean.

    bytes_mean: the geometric mean of each picture's ratio, in which all pictures weigh alike.
    """

    pictures: int
    bytes_sum: float
    bytes_mean: float
    cpu: float


def ratio(pairs: Sequence[tuple[Sample, Sample]]) -> Ratio | None:
    """One side's samples over the other's, picture by picture; None without any."""
    if not pairs:
        return None
    return Ratio(
        len(pairs),
        sum(one.size for one, _ in pairs) / sum(other.size for _, other in pairs),
        math.exp(fmean(math.log(one.size / other.size) for one, other in pairs)),
        sum(one.cpu for one, _ in pairs) / sum(other.cpu for _, other in pairs),
    )
