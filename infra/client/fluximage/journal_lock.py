"""A lock on a journal: a file beside it, locked by the system as long as its process lives."""

import os
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from fluximage.errors import JournalInUse

try:
    import fcntl
except ImportError:  # Windows, where nothing is locked
    fcntl = None  # type: ignore[assignment]  # asked for below


@contextmanager
def lock(path: Path | None) -> Iterator[None]:
    """Holds the lock; None locks nothing. Raises JournalInUse where another call holds it.

    The journal's own file cannot be locked so: closing it would end SQLite's locks on it.
    """
    if path is None or fcntl is None:
        yield
        return
    descriptor = _taken(path)
    try:
        yield
    finally:
        with suppress(OSError):
            path.unlink()  # before the lock ends, so that nobody else's is removed
        os.close(descriptor)


def _taken(path: Path) -> int:
    while True:
        descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o666)
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
            if _is_at(descriptor, path):
                return descriptor
        except BlockingIOError:
            os.close(descriptor)
            journal = path.name.removesuffix(".lock")
            raise JournalInUse(
                f"Another call works with the journal {journal}; wait for its end, or take another"
                " journal",
                code="journal_in_use",
            ) from None
        except BaseException:
            os.close(descriptor)
            raise
        os.close(descriptor)  # its holder has just removed it


def _is_at(descriptor: int, path: Path) -> bool:
    try:
        return os.path.samestat(os.fstat(descriptor), os.stat(path))
    except FileNotFoundError:
        return False
