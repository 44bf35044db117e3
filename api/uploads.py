"""A file of a request: hashed while it is written, in memory as long as it is small."""

import hashlib
import logging
import tempfile
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass
from typing import IO

from shared.errors import InvalidFieldError, UnavailableError

logger = logging.getLogger(__name__)

MAX_FILE_BYTES = 20 * 1024 * 1024
_IN_MEMORY_BYTES = 64 * 1024  # a slow upload holds them for as long as it takes


@dataclass
class Upload:
    """One file of the body: `sha256` is its digest, `content` stands at its beginning."""

    field: str
    name: str
    size: int
    sha256: bytes
    content: IO[bytes]


class Arriving:
    """An upload of which there may be more to come."""

    def __init__(
        self, field: str, name: str, stack: ExitStack, hold: Callable[[int], None]
    ) -> None:
        """The file is deleted when `stack` ends; `hold` is called before bytes are kept."""
        self._hold = hold
        content = tempfile.SpooledTemporaryFile(max_size=_IN_MEMORY_BYTES)  # noqa: SIM115 - closed below
        stack.callback(_discard, content)
        self._upload = Upload(field, name, 0, b"", content)
        self._hash = hashlib.sha256()

    def write(self, data: bytes | bytearray) -> None:
        """Keeps what came.

        Raises InvalidFieldError past the 20 MB that a file may have, UnavailableError on a full
        disk, and what `hold` raises.
        """
        upload = self._upload
        upload.size += len(data)
        if upload.size > MAX_FILE_BYTES:
            raise InvalidFieldError(f"File {upload.name} exceeds the 20MB limit")
        self._hold(len(data))
        self._hash.update(data)
        with _full_disk_told():
            upload.content.write(data)

    def finish(self) -> Upload:
        """The upload, whole; raises UnavailableError on a full disk."""
        self._upload.sha256 = self._hash.digest()
        with _full_disk_told():
            self._upload.content.seek(0)  # writes what was still buffered
        return self._upload


@contextmanager
def _full_disk_told() -> Iterator[None]:
    try:
        yield
    except OSError as error:
        logger.warning("an upload could not be kept in %s: %s", tempfile.gettempdir(), error)
        raise UnavailableError("There is no room for uploads now, try again later", 30) from error


def _discard(content: IO[bytes]) -> None:
    # Closing writes what is buffered first: on a full disk that fails, and would take the place
    # of the answer that says so.
    with suppress(OSError):
        content.close()
