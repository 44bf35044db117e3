"""What this machine has, in the files by which Linux tells of control groups."""

import os
from pathlib import Path

from tests.support.cases import every_case
from workers.memory.limits import machine_bytes

PHYSICAL = os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")


def groups(tmp_path: Path, own: str, limits: dict[str, str]) -> int:
    """What is found where /proc/self/cgroup reads `own`, and the files below are there."""
    (tmp_path / "own").write_text(own)
    for name, limit in limits.items():
        path = tmp_path / "cgroup" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(limit + "\n")
    return machine_bytes(tmp_path / "cgroup", tmp_path / "own")


def test_without_control_groups_it_is_all_there_is(tmp_path: Path) -> None:
    assert machine_bytes(tmp_path / "none", tmp_path / "neither") == PHYSICAL


@every_case(
    "own, limits",
    [
        ("0::/", {"memory.max": "5000"}),
        ("0::/app/worker", {"app/worker/memory.max": "5000"}),
        ("0::/app/worker", {"app/worker/memory.max": "max", "app/memory.max": "5000"}),
        ("0::/app/worker", {"app/worker/memory.max": "9000", "app/memory.max": "5000"}),
        ("0::/app", {"app/memory.max": "9000", "app/memory.high": "5000"}),
        ("4:cpu,memory:/docker/1\n0::/", {"memory/docker/1/memory.limit_in_bytes": "5000"}),
        ("4:memory:/docker/1\n3:cpu:/x", {"memory/memory.limit_in_bytes": "5000"}),
    ],
)
def test_the_least_limit_around_us_counts(tmp_path: Path, own: str, limits: dict[str, str]) -> None:
    assert groups(tmp_path, own, limits) == 5000


def test_a_limit_beyond_the_machine_is_none(tmp_path: Path) -> None:
    assert groups(tmp_path, "0::/", {"memory.max": str(10 * PHYSICAL)}) == PHYSICAL


def test_the_limits_of_other_groups_are_none_of_ours(tmp_path: Path) -> None:
    limits = {"other/memory.max": "5", "app/memory.max": "5000", "app/x/memory.max": "7"}
    assert groups(tmp_path, "0::/app", limits) == 5000
