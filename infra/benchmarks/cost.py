"""`make bench-cost PHOTOS=folder`: how accurate the estimates of `workers.cost` are.

Draws random cases (type of upload, size, format, quality, effort, box, watermark), runs each in a
process of its own and prints one JSON line: per format, the ratio of measured to estimated cost.
Prints each case to stderr too, as a JSON line, for fitting the constants again. Linux only,
because the peak memory of a process is read from /proc.
"""

import json
import statistics
import sys
import tempfile
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from infra.benchmarks.cost_cases import Case, draw
from infra.benchmarks.measuring import in_child, measure, write_files
from shared.errors import OperatorError
from shared.imagetype import OUTPUT_TYPES
from workers.cost.estimate import Cost

_SUFFIXES = {".jpg", ".jpeg", ".png", ".webp"}

# Smaller differences count as none: a ratio of two small numbers says nothing.
_IGNORED = Cost(memory_bytes=8 << 20, cpu_seconds=0.02, max_cpu_seconds=0.02)
_FACTOR = 1.5  # "within_1.5"


def main(folder: str, count: str = "400", seed: str = "1") -> dict[str, Any]:
    """The figures of `count` random cases with the photographs of a folder."""
    rows = list(_rows(draw(photographs(folder), int(count), int(seed))))
    by_format = {to.value: [row for row in rows if row["format"] == to] for to in OUTPUT_TYPES}
    return {to: _figures(some) for to, some in (by_format | {"all": rows}).items() if some}


def photographs(folder: str) -> list[Path]:
    """The photographs to measure with; raises OperatorError if there are none."""
    paths = [path for path in sorted(Path(folder).iterdir()) if path.suffix.lower() in _SUFFIXES]
    if not paths:
        raise OperatorError(f"There are no photographs in {folder}")
    return paths


def _rows(cases: Sequence[Case]) -> Iterator[dict[str, Any]]:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder)
        for case in cases:
            in_child(write_files, case, path)
            row = case.to_json() | in_child(measure, case, path)
            print(json.dumps(row), file=sys.stderr, flush=True)
            yield row


def _figures(rows: Sequence[dict[str, Any]]) -> dict[str, Any]:
    return {
        "cases": len(rows),
        "memory": _ratios(rows, "memory", "memory_bound", _IGNORED.memory_bytes),
        "cpu": _ratios(rows, "cpu", "cpu_expected", _IGNORED.cpu_seconds),
    }


def _ratios(
    rows: Sequence[dict[str, Any]], what: str, estimated: str, ignored: float
) -> dict[str, float]:
    """The ratios of measured to estimated; 1 if they differ by `ignored` at most."""
    pairs = [(row[what], row[estimated]) for row in rows]
    ratios = [1.0 if abs(a - b) <= ignored else a / b for a, b in pairs]
    within = sum(1 / _FACTOR <= ratio <= _FACTOR for ratio in ratios)
    return {
        "median": round(statistics.median(a / b for a, b in pairs), 2),
        "lowest": round(min(ratios), 2),
        "highest": round(max(ratios), 2),
        "within_1.5": round(within / len(ratios), 3),
    }


if __name__ == "__main__":
    try:
        print(json.dumps(main(*sys.argv[1:])))
    except OperatorError as error:
        sys.exit(error.message)
