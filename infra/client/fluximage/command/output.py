"""Writing a result: whole or not at all, and never over a file that was not to be replaced."""

import contextlib
import errno
import hashlib
import os
import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO

from fluximage.command.walk import Found

OF_THE_DISK = {errno.ENOSPC, errno.EDQUOT, errno.EFBIG, errno.EROFS, errno.EIO}


def is_of_the_disk(error: OSError) -> bool:
    """Whether every further file would meet the same error: the disk is full or read-only."""
    return error.errno in OF_THE_DISK


def _part(target: Path, source: Path) -> Path:
    both = os.fsencode(target.name) + b"\0" + os.fsencode(os.path.abspath(source))
    name = hashlib.sha256(both).hexdigest()[:16]
    return target.parent / f".{name}.fluximage-part"


@contextmanager
def part_of(target: Path, source: Path) -> Iterator[Path]:
    """A name beside `target` for what is being written; what is left there at the end is deleted.

    The name follows from both paths, so that the next run finds what a killed one left.
    """
    part = _part(target, source)
    try:
        yield part
    finally:
        with contextlib.suppress(OSError):
            part.unlink(missing_ok=True)


def write(part: Path, mode: int, save: Callable[[BinaryIO], None]) -> None:
    """Create `part` with `mode`, fill it by `save` and sync it."""
    with contextlib.suppress(FileNotFoundError):
        part.unlink()
    descriptor = os.open(part, os.O_WRONLY | os.O_CREAT | os.O_EXCL, mode & 0o666 | 0o600)
    with os.fdopen(descriptor, "wb") as file:
        save(file)
        file.flush()
        os.fsync(file.fileno())


def place(part: Path, target: Path, *, overwrite: bool) -> None:
    """Give `part` its name; raises FileExistsError when it is taken and `overwrite` is false."""
    if overwrite:
        part.replace(target)
    else:
        try:
            os.link(part, target)
        except FileExistsError:
            raise
        except OSError:  # a file system without hard links
            os.close(os.open(target, os.O_WRONLY | os.O_CREAT | os.O_EXCL))
            part.replace(target)
    sync_folder(target.parent)


def place_beside(part: Path, target: Path) -> Path:
    """As `place`, under the first free name of `a.webp`, `a-2.webp`, …; returns it."""
    number, free = 1, target
    while True:
        try:
            place(part, free, overwrite=False)
        except FileExistsError:
            number += 1
            free = target.with_stem(f"{target.stem}-{number}")
        else:
            return free


def finish(target: Path, source: Path, sha256: str) -> bool:
    """Whether the result with that digest is at `target`, where a killed run was to place it.

    A result of its own is placed now, if its name is free; an original is not replaced.
    """
    part = _part(target, source)
    try:
        free = not target.exists() or target.stat().st_size == 0  # as `place` takes a name
        if free and part.is_file() and digest(part) == sha256:
            part.replace(target)
            sync_folder(target.parent)
        part.unlink(missing_ok=True)
        return target.is_file() and digest(target) == sha256
    except OSError:
        return False


def replace_original(part: Path, original: Found, backup: Path | None) -> None:
    """Put `part`, which is synced, in the place of the original; keep its mode, owner and time.

    backup: the file to copy the original to first.
    """
    if backup:
        _keep(original.path, backup)
    facts = original.path.stat()
    with contextlib.suppress(PermissionError):
        os.chown(part, facts.st_uid, facts.st_gid)
    part.chmod(original.mode)
    os.utime(part, ns=(facts.st_atime_ns, facts.st_mtime_ns))
    place(part, original.path, overwrite=True)


def _keep(original: Path, backup: Path) -> None:
    backup.parent.mkdir(parents=True, exist_ok=True)
    with part_of(backup, original) as part:
        with original.open("rb") as source:
            write(part, original.stat().st_mode, lambda file: shutil.copyfileobj(source, file))
        shutil.copystat(original, part)
        if not (backup.exists() and digest(backup) == digest(part)):
            place_beside(part, backup)


def sync_folder(folder: Path) -> None:
    """Sync the names in `folder`, where the system can do that."""
    with contextlib.suppress(OSError):
        descriptor = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)


def digest(path: Path) -> str:
    """The SHA-256 of a file's content, in hex."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
