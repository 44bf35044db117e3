"""The memory of this machine, or of the container or service that we run in."""

import os
from collections.abc import Iterator
from pathlib import Path


def machine_bytes(
    cgroups: Path = Path("/sys/fs/cgroup"), own: Path = Path("/proc/self/cgroup")
) -> int:
    """Bytes of memory of the machine, or the lowest limit of a control group around this process.

    cgroups, own: where Linux describes control groups; other systems have neither.
    """
    physical = os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")
    return min([physical, *_limits(cgroups, own)])


def _limits(cgroups: Path, own: Path) -> Iterator[int]:
    """Limits of our group and its parents, in version 1's `memory` hierarchy and in version 2's.

    A container may be given the path of its group on the host, and see its own group at the root.
    """
    lines = own.read_text().splitlines() if own.exists() else []
    for line in lines:
        _, controllers, path = line.split(":", 2)
        names = ["memory.max", "memory.high"]  # from `high` on, the kernel slows the group down
        root = cgroups
        if controllers:
            if "memory" not in controllers.split(","):
                continue
            root, names = cgroups / "memory", ["memory.limit_in_bytes"]
        group = root / path.lstrip("/")
        for folder in (group, *group.parents):
            if folder.is_relative_to(root):
                yield from _written(folder, names)


def _written(folder: Path, names: list[str]) -> Iterator[int]:
    for name in names:
        if (folder / name).exists():
            limit = (folder / name).read_text().strip()
            if limit != "max":
                yield int(limit)
