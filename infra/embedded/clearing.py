"""Deletes a data directory: what the stack has created in it, and nothing else."""

import os
import shutil
import stat
from contextlib import suppress
from pathlib import Path

from infra.embedded.data_dir import FILES, FOLDERS, DataDir, has_mark
from infra.embedded.leftovers import end_leftovers
from infra.embedded.postgres_home import outside_of
from shared.errors import OperatorError


def size_bytes(data_dir: Path) -> int:
    """How much would be deleted; raises OperatorError when `data_dir` is not a data directory."""
    _check(data_dir)
    total = 0
    for folder in filter(None, (data_dir, outside_of(data_dir))):
        for place, _, names in os.walk(folder):
            for name in names:
                with suppress(OSError):
                    total += (Path(place) / name).lstat().st_size
    return total


def clear(data_dir: Path) -> list[str]:
    """Deletes the data in `data_dir`, then the directory itself when nothing else is in it.

    Returns the names of what is left. Raises OperatorError when it is not a data directory, when
    a start uses it, or when something cannot be deleted.
    """
    _check(data_dir)
    directory = DataDir(data_dir)
    lock = directory.try_lock()
    if lock is None:
        raise OperatorError(
            f"fluximage runs on {directory.path}; stop it first (Ctrl-C where it runs)."
        )
    try:
        end_leftovers(directory.state().get("pids", {}).values(), [directory.path])
        _delete(directory.path)
    except OSError as error:
        raise OperatorError(f"{error.filename} cannot be deleted: {error.strerror}.") from error
    finally:
        os.close(lock)
    left = sorted(path.name for path in data_dir.iterdir()) if data_dir.exists() else []
    if not left:
        with suppress(OSError):  # somebody's working directory, or a mount
            data_dir.rmdir()
    return left


def _check(data_dir: Path) -> None:
    try:
        mode = data_dir.lstat().st_mode
    except OSError as error:
        raise OperatorError(f"There is nothing at {data_dir}: {error.strerror}.") from error
    if not stat.S_ISDIR(mode):  # a link is refused too: what it names is shown to nobody
        raise OperatorError(f"{data_dir} is not a folder; give the folder itself.")
    if not has_mark(data_dir):
        raise OperatorError(
            f"{data_dir.absolute()} is not a data directory of fluximage; nothing was deleted."
        )


def _delete(data_dir: Path) -> None:
    """The mark and the lock go last: a deletion that was cut short can be repeated."""
    if outside := outside_of(data_dir):
        shutil.rmtree(outside, ignore_errors=True)
    for name in FOLDERS:
        path = data_dir / name
        if path.is_symlink():
            path.unlink()
        elif path.exists():
            shutil.rmtree(path)  # follows no link
    for name in FILES:
        for partial in data_dir.glob(f".{name}.*"):  # of a start that was killed as it wrote
            partial.unlink()
        (data_dir / name).unlink(missing_ok=True)
