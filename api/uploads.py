"""A file of a request: hashed while it arrives, kept in memory while it is small."""

import hashlib
import logging
import tempfile
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass
from typing import IO

from shared.errors import FileTooLargeError, UnavailableError

logger = logging.getLogger(__name__)

MAX_FILE_BYTES = 20 * 1024 * 1024
_DISK_FULL = "The disk for uploads is full; try again later"
_IN_MEMORY_BYTES = 64 * 1024  # a slow upload occupies them until it is complete


@dataclass
class Upload:
    """One file of the body. `size` is in bytes; `content` is at its beginning.

    name: the last part of the path that was sent. folder: the rest of it, cleaned; None without.
    """

    field: str
    name: str
    folder: str | None
    size: int
    sha256: bytes
    content: IO[bytes]


class UploadWriter:
    """Writes an upload while it arrives."""

    def __init__(
        self,
        field: str,
        name: str,
        folder: str | None,
        stack: ExitStack,
        reserve_bytes: Callable[[int], None],
    ) -> None:
        """stack: deletes the file when it ends. reserve_bytes: the quota, asked before a write."""
        self._reserve_bytes = reserve_bytes
        content = tempfile.SpooledTemporaryFile(max_size=_IN_MEMORY_BYTES)  # noqa: SIM115 - closed below
        stack.callback(_discard, content)
        self._upload = Upload(field, name, folder, 0, b"", content)
        self._hash = hashlib.sha256()

    def write(self, data: bytes | bytearray) -> None:
        """Appends `data`.

        Raises FileTooLargeError above the 20 MB of a file, UnavailableError where the disk is
        full, and what `reserve_bytes` raises.
        """
        upload = self._upload
        upload.size += len(data)
        if upload.size > MAX_FILE_BYTES:
            raise FileTooLargeError(f"File {upload.name} exceeds the 20MB limit")
        self._reserve_bytes(len(data))
        self._hash.update(data)
        with _full_disk_is_unavailable():
            upload.content.write(data)

    def finish(self) -> Upload:
        """Returns the complete upload; raises UnavailableError where the disk is full."""
        self._upload.sha256 = self._hash.digest()
        with _full_disk_is_unavailable():
            self._upload.content.seek(0)  # writes what was still buffered
        return self._upload


@contextmanager
def _full_disk_is_unavailable() -> Iterator[None]:
    try:
        yield
    except OSError as error:
        logger.warning("an upload could not be kept in %s: %s", tempfile.gettempdir(), error)
        raise UnavailableError(_DISK_FULL, 30) from error


def _discard(content: IO[bytes]) -> None:
    # Closing writes buffered bytes first. On a full disk that fails, and the error would replace
    # the answer that says that the disk is full.
    with suppress(OSError):
        content.close()
