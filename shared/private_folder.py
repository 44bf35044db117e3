"""A folder in TMPDIR that the processes of one user share, and no other user can place there."""

import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path


def path_of(name: str) -> Path:
    """Where the folder of this user is; it may not exist yet."""
    return Path(tempfile.gettempdir()) / f"fluximage-{name}-{os.geteuid()}"


@contextmanager
def opened(path: Path) -> Iterator[int]:
    """A file descriptor of the folder, which is made when it is missing.

    Raises OSError, also when it is a link or belongs to another user.
    """
    path.mkdir(mode=0o700, exist_ok=True)
    folder = os.open(path, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW)
    try:
        if os.fstat(folder).st_uid != os.geteuid():
            raise PermissionError(f"{path} belongs to another user")
        yield folder
    finally:
        os.close(folder)
