"""Finding the images to send, below the paths that were typed."""

import os
import stat
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath

from fluximage.command.filters import Filters
from fluximage.sources import SUFFIXES

# The ledger's files, and results that are being written, begin so or are hidden too.
OURS = ".fluximage"


@dataclass(frozen=True)
class Found:
    """A file to send. `relative` is its path below the common folder of all that were named."""

    path: Path
    relative: PurePosixPath
    size: int
    mtime_ns: int
    mode: int


@dataclass
class Walked:
    """All files that were found; how many others were passed over; what could not be read."""

    base: Path
    files: list[Found] = field(default_factory=list)
    others: int = 0
    links: int = 0
    hidden: int = 0
    unreadable: list[tuple[Path, str]] = field(default_factory=list)


def common_folder(paths: Sequence[Path]) -> Path:
    """The deepest folder that holds all `paths`; one folder alone is its own."""
    return Path(os.path.commonpath([_absolute(p if p.is_dir() else p.parent) for p in paths]))


def walk(
    paths: Sequence[Path],
    filters: Filters,
    *,
    without: Sequence[Path] = (),
    base: Path | None = None,
) -> Walked:
    """The images at and below `paths`, in the order of their names; each once.

    Links and hidden files in folders are passed over, and so are the folders `without`, where
    results go. `base` replaces the common folder.
    """
    walked = Walked(base or common_folder(paths))
    walker = _Walker(walked, filters, {_absolute(folder) for folder in without})
    for path in paths:
        walker.named(path)
    return walked


def _absolute(path: Path) -> str:
    return os.path.abspath(path)


class _Walker:
    def __init__(self, walked: Walked, filters: Filters, without: set[str]) -> None:
        self._walked = walked
        self._filters = filters
        self._without = without
        self._seen: set[str] = set()

    def named(self, path: Path) -> None:
        """What a person typed: a file whatever it is called, or a folder."""
        if path.is_dir():
            self._folder(path)
        else:
            self._file(path, path.stat(), named=True)

    def _folder(self, folder: Path) -> None:
        try:
            with os.scandir(folder) as entries:
                inside = sorted(entries, key=lambda entry: entry.name)
        except OSError as error:
            self._walked.unreadable.append((folder, error.strerror or str(error)))
            return
        for entry in inside:
            self._entry(Path(folder, entry.name), entry)

    def _entry(self, path: Path, entry: "os.DirEntry[str]") -> None:
        if entry.name.startswith("."):
            self._walked.hidden += not entry.name.startswith(OURS)
        elif entry.is_symlink():
            self._walked.links += 1
        elif entry.is_dir(follow_symlinks=False):
            if _absolute(path) not in self._without and self._filters.enters(self._relative(path)):
                self._folder(path)
        else:
            self._file(path, entry.stat(follow_symlinks=False), named=False)

    def _file(self, path: Path, facts: os.stat_result, *, named: bool) -> None:
        absolute = _absolute(path)
        if absolute in self._seen:
            return
        self._seen.add(absolute)
        relative = self._relative(path)
        wanted = named or self._filters.names(relative) or path.suffix.lower() in SUFFIXES
        if not stat.S_ISREG(facts.st_mode) or not wanted:
            self._walked.others += 1
        elif self._filters.takes(relative, facts.st_mtime):
            mode = stat.S_IMODE(facts.st_mode)
            self._walked.files.append(Found(path, relative, facts.st_size, facts.st_mtime_ns, mode))

    def _relative(self, path: Path) -> PurePosixPath:
        return PurePosixPath(Path(_absolute(path)).relative_to(self._walked.base).as_posix())


def listed(text: bytes) -> Iterator[Path]:
    """The paths of a --files-from list: one a line, or ended by NUL as `find -print0` writes."""
    separator = b"\0" if b"\0" in text else b"\n"
    for line in text.split(separator):
        name = line if separator == b"\0" else line.removesuffix(b"\r")
        if name:
            yield Path(os.fsdecode(name))
