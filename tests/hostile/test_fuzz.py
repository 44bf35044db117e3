"""The fuzzer: its first files and what it once found end well, and it reports what does not."""

from itertools import product
from pathlib import Path
from random import Random

import pytest

from shared.imagetype import OUTPUT_TYPES, ImageType
from shared.models import Options
from tests.hostile import fuzz
from tests.hostile.clean import faults
from tests.hostile.judge import Judge, Limits, Verdict
from tests.hostile.mutate import broken, parts, repaired
from tests.workers.imaging.making import noise, saved

SEEDS = sorted((Path(__file__).parent / "seeds").iterdir())


@pytest.mark.parametrize("count", [200, pytest.param(4_000, marks=pytest.mark.full)])
def test_files_broken_at_random_end_well(count: int) -> None:
    *findings, tried = fuzz.fuzz(seed=1, seconds=200, most=count)
    assert not findings
    assert tried


@pytest.mark.parametrize("path", SEEDS, ids=lambda path: path.name)
def test_what_was_found_before_ends_well(path: Path) -> None:
    with Judge(fuzz.LIMITS) as judge:
        for to, quality in product(OUTPUT_TYPES, (82, 100)):
            options = Options(format=to, quality=quality)
            assert not faults(judge.judge(path.read_bytes(), options), to), options


def test_the_same_seed_breaks_files_alike() -> None:
    files = fuzz.files()
    first, second = ([broken(Random(9), files) for _ in range(3)] for _ in range(2))
    assert first == second


def test_every_file_of_the_fuzzer_is_read() -> None:
    with Judge(fuzz.LIMITS) as judge:
        for data in fuzz.files():
            assert judge.judge(data, Options()).outcome == "ok"


def test_parts_of_every_container_are_told_apart() -> None:
    for kind in ("JPEG", "PNG", "WEBP", "AVIF", "HEIF"):
        assert len(parts(saved(noise(), kind))) > 1 or kind == "WEBP", kind


def test_a_whole_file_needs_no_repair() -> None:
    for kind in ("PNG", "WEBP"):
        data = saved(noise(), kind)
        assert repaired(data) == data, kind


def test_a_process_that_dies_is_reported_and_replaced() -> None:
    with Judge() as judge:
        judge.judge(saved(noise(), "PNG"), Options())
        judge._child.kill()
        died = judge.judge(saved(noise(), "PNG"), Options())
        assert died.outcome.startswith("the process died")
        assert judge.judge(saved(noise(), "PNG"), Options()).outcome == "ok"


def test_a_fault_of_ours_is_reported_with_its_traceback() -> None:
    with Judge(Limits(10**9, 10**6, 10**9)) as judge:
        verdict = judge.judge(saved(noise(), "PNG"), Options(quality="none"))  # type: ignore[arg-type] # that is the fault
    assert "Traceback" in verdict.outcome
    assert faults(verdict, ImageType.WEBP)


def test_what_passes_a_bound_is_a_fault() -> None:
    for verdict in (Verdict("ok", 2.1, 90.0), Verdict("corrupt_image", 0.1, 700.0), Verdict("hm")):
        assert faults(verdict, ImageType.PNG), verdict
