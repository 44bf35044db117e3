"""Folders that the processes of one user share on a machine, and no other user can place there.

They lie in the run folder: the one that `FLUXIMAGE_RUN_DIR` names, or else one in TMPDIR. That
setting is read here, without `shared.settings`, since `fluximage probe` must start quickly.
"""

import errno
import os
import stat
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

RUN_DIR = "FLUXIMAGE_RUN_DIR"
RUN_FOLDER = "run"  # its name in the data directory of `fluximage up`
_FLAGS = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW


def run_folder() -> Path:
    """The run folder of this user. Raises OSError when TMPDIR takes none."""
    named = os.environ.get(RUN_DIR)
    return Path(named) if named else _own_in(tempfile.gettempdir())


def _own_in(place: str) -> Path:
    """This user's folder in a place where others make files too.

    Who makes its usual name first cannot stop us: then it gets a name that nobody can guess, and is
    found by its owner.
    """
    name = f"fluximage-run-{os.geteuid()}"
    if not (found := _owned(place, name)):
        try:
            os.mkdir(f"{place}/{name}", 0o700)
        except FileExistsError:
            if not _owned(place, name):  # no other process of this user has made it just now
                tempfile.mkdtemp(prefix=f"{name}-", dir=place)
        found = _owned(place, name)
    return Path(min(found))


def _owned(place: str, name: str) -> list[str]:
    """The folders there with that name, or one that begins with it, which are this user's alone."""
    found = []
    with os.scandir(place) as entries:
        for entry in entries:
            if entry.name == name or entry.name.startswith(f"{name}-"):
                with suppress(OSError):
                    _check(entry.path, entry.stat(follow_symlinks=False))
                    found.append(entry.path)
    return found


@contextmanager
def opened(path: Path) -> Iterator[int]:
    """A file descriptor of the folder `path`; it and the one around it are made when missing.

    Raises OSError, also when one of the two is a link, belongs to another user or can be changed by
    one. Its `strerror` is a reason without a path.
    """
    with suppress(FileExistsError):
        path.parent.mkdir(mode=0o700)
    with _checked(path.parent) as parent:
        with suppress(FileExistsError):
            os.mkdir(path.name, 0o700, dir_fd=parent)
        with _checked(path) as folder:
            yield folder


@contextmanager
def _checked(path: Path) -> Iterator[int]:
    folder = os.open(path, _FLAGS)
    try:
        _check(str(path), os.fstat(folder))
        yield folder
    finally:
        os.close(folder)


def _check(path: str, facts: os.stat_result) -> None:
    if not stat.S_ISDIR(facts.st_mode):
        raise NotADirectoryError(errno.ENOTDIR, os.strerror(errno.ENOTDIR), path)
    if facts.st_uid != os.geteuid():
        raise PermissionError(errno.EPERM, "it belongs to another user", path)
    if facts.st_mode & 0o022:
        raise PermissionError(errno.EPERM, "other users may change it", path)
