"""From points to figures: comparisons at equal score, means by quality, parity of the formats."""

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import asdict
from statistics import fmean
from typing import Any

from infra.benchmarks.codecs.curves import Ratio, Sample, at_score, ratio
from infra.benchmarks.codecs.encoder import Point
from infra.benchmarks.codecs.our_encoders import TURBO, WEBP_4, name_of
from infra.benchmarks.codecs.sharp_encoders import avif_name
from shared.imagetype import ImageType
from shared.models import Effort

Samples = dict[str, list[Sample]]  # by picture
_LOSSY = (ImageType.WEBP, ImageType.AVIF, ImageType.JPG)


def pairs(
    efforts: Iterable[Effort], all_efforts: bool, sharp_avif: Sequence[int]
) -> list[tuple[str, str]]:
    """Which encoder of ours is compared with which; `comparisons` drops those not measured."""
    efforts = list(efforts)
    avif = [
        (name_of(ImageType.AVIF, effort), avif_name(theirs))
        for theirs in sharp_avif
        for effort in efforts
    ]
    others = [
        (name_of(format, effort), theirs)
        for format, theirs in (
            (ImageType.JPG, "sharp mozjpeg"),
            (ImageType.WEBP, "sharp webp"),
            (ImageType.PNG, "sharp png"),
        )
        for effort in (efforts if all_efforts else [Effort.BALANCED])
    ]
    return [*avif, (name_of(ImageType.AVIF, Effort.FAST), WEBP_4), *others]


def comparisons(
    points: Sequence[Point], pairs: Iterable[tuple[str, str]], targets: Sequence[float]
) -> list[dict[str, Any]]:
    """The ratios of each pair at each target score; lossless encoders at 100."""
    by_encoder = _by_encoder(points)
    return [
        {"ours": one, "theirs": other, "at": _ratios(by_encoder[one], by_encoder[other], targets)}
        for one, other in pairs
        if one in by_encoder and other in by_encoder
    ]


def _by_encoder(points: Iterable[Point]) -> dict[str, Samples]:
    found: dict[str, Samples] = defaultdict(lambda: defaultdict(list))
    for point in points:
        found[point.encoder][point.picture].append(
            Sample(point.score, point.size, point.cpu_seconds)
        )
    return dict(found)


def _ratios(one: Samples, other: Samples, targets: Sequence[float]) -> list[dict[str, Any]]:
    lossless = all(sample.score == 100 for samples in one.values() for sample in samples)
    scores = [100.0] if lossless else targets
    return [
        {"score": score, **asdict(found)}
        for score in scores
        if (found := _ratio_at(one, other, score)) is not None
    ]


def _ratio_at(one: Samples, other: Samples, score: float) -> Ratio | None:
    """Over the pictures at which both encoders reach the score."""
    reached = (
        (at_score(one[picture], score), at_score(other[picture], score))
        for picture in sorted(one.keys() & other.keys())
    )
    return ratio([(mine, theirs) for mine, theirs in reached if mine and theirs])


def means(points: Iterable[Point], megapixels: float) -> dict[str, list[dict[str, float]]]:
    """By encoder and quality, over all pictures: score, bits per pixel, CPU per megapixel."""
    found: dict[tuple[str, int], list[Point]] = defaultdict(list)
    for point in points:
        found[point.encoder, point.quality].append(point)
    rows: dict[str, list[dict[str, float]]] = defaultdict(list)
    for (encoder, quality), group in sorted(found.items()):
        rows[encoder].append(
            {
                "number": quality,
                "score": round(fmean(point.score for point in group), 3),
                "bits_per_pixel": round(sum(p.size for p in group) * 8e-6 / megapixels, 4),
                "cpu_per_megapixel": round(sum(p.cpu_seconds for p in group) / megapixels, 5),
            }
        )
    return dict(rows)


def parity(rows: dict[str, list[dict[str, float]]]) -> dict[str, Any]:
    """The mean score of each format and of libjpeg-turbo at the same quality.

    apart: the difference between the best and the worst of webp, avif and jpg, in points.
    """
    names = {format.value: name_of(format, Effort.BALANCED) for format in _LOSSY}
    scores = {key: _scores(rows, name) for key, name in {**names, "turbo": TURBO}.items()}
    shared = sorted(set.intersection(*(set(each) for each in scores.values())))
    at = [_parity_at(quality, scores, list(names)) for quality in shared]
    return {"at": at, "most_apart": max((row["apart"] for row in at), default=None)}


def _parity_at(
    quality: float, scores: dict[str, dict[float, float]], formats: Sequence[str]
) -> dict[str, float]:
    row = {key: each[quality] for key, each in scores.items()}
    ours = [row[format] for format in formats]
    return {"quality": quality, **row, "apart": round(max(ours) - min(ours), 3)}


def _scores(rows: dict[str, list[dict[str, float]]], name: str) -> dict[float, float]:
    return {row["number"]: row["score"] for row in rows.get(name, ())}
