"""One run of the benchmark: the engine's encoders against sharp's, on the same pixels."""

import os
import platform
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path
from typing import Any

from infra.benchmarks.codecs import (
    memory,
    our_encoders,
    pictures,
    report,
    resizing,
    sharp,
    sharp_encoders,
    sweep,
)
from infra.benchmarks.codecs.encoder import Encoder, Point
from infra.benchmarks.codecs.scoring import start_scorer
from infra.benchmarks.codecs.sharp import Sharp
from infra.processes import usable_cores
from shared.imagetype import ImageType
from shared.models import MAX_QUALITY, MIN_QUALITY, Effort

_PACKAGES = (
    "pillow",
    "pillow-avif-plugin",
    "pyjpegli",
    "mozjpeg-lossless-optimization",
    "oxipng-pybind",
    "ssimulacra2",
)


@dataclass(frozen=True)
class Plan:
    """What one run measures.

    side: pixels that each picture is scaled to fit, 0 for full size. limit: pictures at most.
    step: between our qualities. targets: the SSIMULACRA2 scores to compare at. sharp: the folder
    that npm installed it into. all_efforts: for webp, jpg and png too. megapixels: of the picture
    for memory, 0 for none. resize: of the picture for resizing in pixels, None for none.
    """

    folder: Path
    side: int = 1024
    limit: int | None = None
    step: int = 5
    targets: Sequence[float] = (60, 70, 77, 80, 85)
    sharp: Path = Path(".bench")
    sharp_efforts: Sequence[int] = (sharp_encoders.AVIF_DEFAULT_EFFORT, 2)
    all_efforts: bool = False
    megapixels: float = 50
    resize: tuple[int, int] | None = resizing.SIZE


def run(plan: Plan, progress: Callable[[str], None]) -> dict[str, Any]:
    """All figures of one run; raises OperatorError if there is nothing to measure."""
    os.environ["RAYON_NUM_THREADS"] = "1"  # the PNG encoder's threads, as in a worker
    photographs = pictures.load(plan.folder, plan.side, plan.limit)
    without = sharp.missing(plan.sharp)
    with ExitStack() as stack:
        scorer = stack.enter_context(start_scorer())
        node = None if without else stack.enter_context(sharp.running(plan.sharp))
        encoders = _encoders(plan, node)
        points = sweep.measure(photographs, encoders, scorer, progress)
        largest = max(photographs, key=lambda each: each.megapixels)
        resize = resizing.measure(largest, scorer, node, plan.resize) if plan.resize else None
        versions = _versions(node)
    peaks = plan.megapixels and memory.measure(
        largest, plan.megapixels, None if without else plan.sharp, progress
    )
    return {
        "date": datetime.now(UTC).date().isoformat(),
        "machine": f"{platform.system()} {platform.machine()}",
        "cores": usable_cores(),
        "versions": versions,
        "without_sharp": without,
        "side": plan.side,
        "pictures": [each.name for each in photographs],
        "megapixels": round(sum(each.megapixels for each in photographs), 3),
        **_figures(plan, points, sum(each.megapixels for each in photographs)),
        "resize": resize,
        "memory": peaks or None,
        "formats": {encoder.name: encoder.format for encoder in encoders},
        "points": _compact(points),
    }


def _encoders(plan: Plan, node: Sharp | None) -> list[Encoder]:
    qualities = range(MIN_QUALITY, MAX_QUALITY + 1, plan.step)
    others = [ImageType.WEBP, ImageType.JPG, ImageType.PNG]
    efforts = list(Effort) if plan.all_efforts else [Effort.BALANCED]
    return [
        *our_encoders.engine(qualities, [ImageType.AVIF], Effort),
        *our_encoders.engine(qualities, others, efforts),
        *our_encoders.references(qualities),
        *(sharp_encoders.encoders(node, plan.step + 2, plan.sharp_efforts) if node else ()),
    ]


def _figures(plan: Plan, points: Sequence[Point], megapixels: float) -> dict[str, Any]:
    pairs = report.pairs(Effort, plan.all_efforts, plan.sharp_efforts)
    means = report.means(points, megapixels)
    return {
        "comparisons": report.comparisons(points, pairs, plan.targets),
        "parity": report.parity(means),
        "means": means,
    }


def _compact(points: Sequence[Point]) -> dict[str, Any]:
    """The points by encoder, as (index of the picture, quality, bytes, CPU seconds, score)."""
    names = {name: index for index, name in enumerate(dict.fromkeys(p.picture for p in points))}
    rows: dict[str, list[Any]] = {}
    for p in points:
        row = [names[p.picture], p.quality, p.size, round(p.cpu_seconds, 5), round(p.score, 3)]
        rows.setdefault(p.encoder, []).append(row)
    return rows


def _versions(node: Sharp | None) -> dict[str, Any]:
    installed = {name: version(name) for name in _PACKAGES}
    python = {"python": platform.python_version(), **installed}
    return {"ours": python, "theirs": node.ask("versions") if node else None}
