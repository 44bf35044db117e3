"""What images really cost: a short form of `make bench-cost` and `make check-memory`."""

import statistics
import sys
from typing import Any

import pytest

from infra.benchmarks.cost_cases import Case
from infra.benchmarks.measuring import in_child, measure, write_files
from infra.benchmarks.memory import faults, residents
from shared.imagetype import OUTPUT_TYPES
from shared.models import Effort, Options
from tests.support.paths import SAMPLES

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="reads /proc")

MB = 1_000_000


@pytest.fixture(scope="module")
def rows(tmp_path_factory: pytest.TempPathFactory) -> list[dict[str, Any]]:
    """A photograph of two megapixels to each format, and scaled down, from a WebP too."""
    folder = tmp_path_factory.mktemp("cost")
    photograph = SAMPLES / "seeding_by_Clements_Engelhardt.jpg"
    small = Options(max_width=400)
    asked = [("JPEG", Options(to)) for to in OUTPUT_TYPES] + [("JPEG", small), ("WEBP", small)]
    found = []
    for kind, options in asked:
        case = Case(photograph, kind, 2.0, 85, False, options, Effort.FAST)
        in_child(write_files, case, folder)
        found.append(in_child(measure, case, folder))
    return found


@pytest.mark.full
def test_images_take_no_more_than_the_estimated_memory(rows: list[dict[str, Any]]) -> None:
    for row in rows:
        assert row["memory"] < row["memory_bound"] + 12 * MB


@pytest.mark.full
def test_images_take_the_estimated_cpu_relative_to_each_other(
    rows: list[dict[str, Any]],
) -> None:
    ratios = [row["cpu"] / row["cpu_expected"] for row in rows]
    usual = statistics.median(ratios)  # of this machine
    assert usual / 3 < min(ratios) <= max(ratios) < usual * 3


@pytest.mark.full
def test_a_workers_memory_does_not_grow_with_the_number_of_images() -> None:
    paths = [SAMPLES / "coffee.png", SAMPLES / "rocket.jpg"]
    after, later = in_child(residents, paths, (60, 200), (0.005, 0.02))
    assert later < 1.1 * after


def test_the_memory_check_names_each_exceeded_limit() -> None:
    peaks = {"JPEG to jpg": 601.0, "WEBP to jpg": 599.0}
    assert faults({"peak_mb": peaks, "limit_mb": {"jpg": 600}, "growth": 0.1}) == [
        "50 megapixels, JPEG to jpg, took 601.0 MB; 600 are allowed"
    ]
    assert faults({"peak_mb": {}, "limit_mb": {}, "growth": 0.101}) == [
        "Memory grew by 10.1% from the 50th to the 500th image"
    ]
