"""How much memory this machine has, or the container or service that we run in."""

import os
from collections.abc import Iterator
from pathlib import Path


def machine_bytes(
    cgroups: Path = Path("/sys/fs/cgroup"), own: Path = Path("/proc/self/cgroup")
) -> int:
    """The machine's memory, or the least that a control group around this process allows.

    cgroups, own: where Linux tells of groups; elsewhere there is neither.
    """
    physical = os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")
    return min([physical, *_limits(cgroups, own)])


def _limits(cgroups: Path, own: Path) -> Iterator[int]:
    """Of our group and of all around it: version 1's `memory` hierarchy, and version 2's only one.

    A container may be told the path that its group has outside, and see only its own at the root.
    """
    lines = own.read_text().splitlines() if own.exists() else []
    for line in lines:
        _, controllers, path = line.split(":", 2)
        if controllers == "":
            root, name = cgroups, "memory.max"
        elif "memory" in controllers.split(","):
            root, name = cgroups / "memory", "memory.limit_in_bytes"
        else:
            continue
        group = root / path.lstrip("/")
        for folder in (group, *group.parents):
            if folder.is_relative_to(root) and (folder / name).exists():
                limit = (folder / name).read_text().strip()
                if limit != "max":
                    yield int(limit)
