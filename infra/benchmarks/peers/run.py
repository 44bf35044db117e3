"""One run: each case through each side in turns, at qualities that look the same."""

import itertools
import os
import platform
import time
from collections import Counter
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from statistics import median
from typing import Any

from fluximage import Source
from fluximage.sources import SUFFIXES
from infra.benchmarks.codecs import sharp
from infra.benchmarks.codecs.scoring import start_scorer
from infra.benchmarks.cpu_by_process import cpu_seconds
from infra.benchmarks.peers.looks import Looks, nearest_quality
from infra.benchmarks.peers.sides import (
    BATCH_IMAGES,
    CLIENTS,
    Format,
    Side,
    Wanted,
    imgproxy,
    ours,
    sharp_server,
)
from infra.processes import usable_cores
from shared.errors import OperatorError
from shared.models import Options

_SMALL = Path("tests/samples/rocket.jpg")
# What follows an answer, such as log lines and notes in the database, is that answer's CPU.
_SETTLE_SECONDS = 0.5


@dataclass(frozen=True)
class Plan:
    """What one run measures.

    count: photographs, the folder's repeated if too few. rounds: of which the median counts.
    requests: of the small image in a round. sample: photographs that choose a peer's quality.
    sharp: the folder that npm installed it into. avif_effort: of sharp, None for its default.
    imgproxy: its binary, None for none.
    """

    folder: Path
    count: int = 40
    rounds: int = 3
    requests: int = 50
    sample: int = 6
    sharp: Path = Path(".bench")
    avif_effort: int | None = None
    imgproxy: Path | None = None


@dataclass(frozen=True)
class Case:
    """uploads: all at once by two clients, or one at a time. different: without repetitions."""

    name: str
    uploads: Sequence[Source]
    different: Sequence[Source]
    format: Format
    one_at_a_time: bool = False


@dataclass(frozen=True)
class Round:
    """wall, cpu: seconds. files: the results in the order of the uploads."""

    wall: float
    cpu: Counter[str]
    files: Sequence[bytes]


def run(plan: Plan, progress: Callable[[str], None]) -> dict[str, Any]:
    """All figures of one run; raises OperatorError if there is nothing to measure."""
    cases = _cases(plan)
    without = sharp.missing(plan.sharp)
    with ExitStack() as stack:
        looks = Looks(stack.enter_context(start_scorer()))
        sides: list[Side] = [stack.enter_context(ours())]
        if not without:
            sides.append(stack.enter_context(sharp_server(plan.sharp, plan.avif_effort)))
        if plan.imgproxy:
            names = {upload.name: upload for case in cases for upload in case.uploads}
            sides.append(stack.enter_context(imgproxy(plan.imgproxy, list(names.values()))))
        return {
            "date": datetime.now(UTC).date().isoformat(),
            "machine": f"{platform.system()} {platform.machine()}",
            "cores": usable_cores(),
            "load_before": round(os.getloadavg()[0], 1),
            "clients": CLIENTS,
            "batch_images": BATCH_IMAGES,
            "rounds": plan.rounds,
            "without_sharp": without,
            "about": {side.name: side.about for side in sides},
            "cases": {case.name: _figures(case, plan, sides, looks, progress) for case in cases},
        }


def _cases(plan: Plan) -> list[Case]:
    paths = sorted(path for path in plan.folder.iterdir() if path.suffix.lower() in SUFFIXES)
    if not paths:
        raise OperatorError(f"There are no photographs in {plan.folder}")
    # By number, since a name may hold what imgproxy's addresses do not.
    different = [
        Source(path.read_bytes(), f"{number:03}{path.suffix}")
        for number, path in enumerate(paths[: plan.count])
    ]
    photographs = list(itertools.islice(itertools.cycle(different), plan.count))
    small = [Source(_SMALL.read_bytes(), f"small{_SMALL.suffix}")]
    return [
        Case("webp", photographs, different, "webp"),
        Case("avif", photographs, different, "avif"),
        Case("small", small * plan.requests, small, "webp", one_at_a_time=True),
    ]


def _figures(
    case: Case,
    plan: Plan,
    sides: Sequence[Side],
    looks: Looks,
    progress: Callable[[str], None],
) -> dict[str, Any]:
    progress(f"{case.name}: qualities that look the same")
    count = min(plan.sample, len(case.different))
    sample = [case.different[index * len(case.different) // count] for index in range(count)]
    wanted = _wanted(case.format, sample, sides, looks)
    found: dict[str, list[Round]] = {side.name: [] for side in sides}
    for number in range(plan.rounds):
        for side in sides:
            progress(f"{case.name}: round {number + 1} of {plan.rounds}, {side.name}")
            found[side.name].append(_round(case, side, wanted[side.name]))
    return {
        "images": len(case.uploads),
        "input_bytes": sum(upload.size() for upload in case.uploads),
        "one_at_a_time": case.one_at_a_time,
        "sides": {
            side.name: _side(case, found[side.name], wanted[side.name], looks) for side in sides
        },
    }


def _wanted(
    format: Format, sample: Sequence[Source], sides: Sequence[Side], looks: Looks
) -> dict[str, Wanted]:
    """Our default quality, and for each peer the one with our mean score on the sample.

    The search also warms up all sides.
    """
    service, *peers = sides
    wanted = {service.name: Wanted(format, Options().quality)}
    target = looks.mean(sample, service.convert(sample, wanted[service.name]))
    for peer in peers:
        score = partial(_score, format, sample, peer, looks)
        wanted[peer.name] = Wanted(format, nearest_quality(score, target))
    return wanted


def _score(
    format: Format, sample: Sequence[Source], side: Side, looks: Looks, quality: int
) -> float:
    return looks.mean(sample, side.convert(sample, Wanted(format, quality)))


def _round(case: Case, side: Side, wanted: Wanted) -> Round:
    before, started = cpu_seconds(side.pid), time.monotonic()
    if case.one_at_a_time:
        files = [file for upload in case.uploads for file in side.convert([upload], wanted)]
    else:
        files = side.convert(case.uploads, wanted)
    wall = time.monotonic() - started
    time.sleep(_SETTLE_SECONDS)
    used = cpu_seconds(side.pid)
    used.subtract(before)
    return Round(wall, used, files)


def _side(case: Case, rounds: Sequence[Round], wanted: Wanted, looks: Looks) -> dict[str, Any]:
    """A side's figures of one case: medians over its rounds; bytes and score of the first."""
    files = rounds[0].files
    names = sorted({name for each in rounds for name in each.cpu})
    by_process = {name: round(median(each.cpu[name] for each in rounds), 2) for name in names}
    return {
        "wall_seconds": round(median(each.wall for each in rounds), 3),
        "cpu_seconds": round(median(each.cpu.total() for each in rounds), 2),
        "cpu_by_process": {name: seconds for name, seconds in by_process.items() if seconds},
        "output_bytes": sum(len(file) for file in files),
        "score": round(looks.mean(case.different, files[: len(case.different)]), 2),
        "quality": wanted.quality,
    }
