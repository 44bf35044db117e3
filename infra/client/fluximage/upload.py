"""The files of a form, read from disk while they are sent and compared with what was meant."""

import errno
import hashlib
import io
import os
import stat
import threading
from collections.abc import Callable
from dataclasses import dataclass
from typing import BinaryIO

from fluximage.backoff import Stopped
from fluximage.errors import FluximageError
from fluximage.sources import Source

MAX_FILES = 20
MAX_FILE_BYTES = 20 * 1024 * 1024
UPLOAD_BROKEN = "upload_broken"
_CHUNK_BYTES = 256 * 1024


class SourceFailed(FluximageError):  # noqa: N818 - it becomes a Failed
    """One file of a batch cannot be sent; nothing of the batch was accepted."""

    def __init__(self, source: Source, code: str, message: str) -> None:
        super().__init__(message, code=code)
        self.source = source


class UploadBroken(FluximageError):  # noqa: N818 - a part of it is sent instead
    """The line broke while the batch was sent, and it is not sent again as it is.

    sent_bytes: what of its files was handed to the connection. whole: all of them were, once at
    least, so that the batch may be accepted.
    """

    def __init__(self, message: str, *, sent_bytes: int, whole: bool) -> None:
        super().__init__(message, code=UPLOAD_BROKEN)
        self.sent_bytes = sent_bytes
        self.whole = whole


@dataclass(frozen=True, slots=True)
class Measured:
    """A source as it was when it was read: bytes, time of change (0 for bytes) and SHA-256."""

    source: Source
    size: int
    mtime_ns: int
    sha256: str


def measure(source: Source) -> Measured:
    """Reads the source once; raises SourceFailed where it cannot be read or is too large."""
    try:
        size, mtime_ns = facts(source)
        if size > MAX_FILE_BYTES:
            message = f"{source.name} has {size} bytes; the limit is {MAX_FILE_BYTES} (20 MB)"
            raise SourceFailed(source, "file_too_large", message)
        with _open(source) as file:
            digest = hashlib.sha256()
            while chunk := file.read(_CHUNK_BYTES):
                digest.update(chunk)
    except OSError as error:
        raise unreadable(source, error) from None
    return Measured(source, size, mtime_ns, digest.hexdigest())


def unreadable(source: Source, error: OSError) -> SourceFailed:
    """Returns the failure of a source whose file the system does not give."""
    reason = error.strerror or type(error).__name__
    return SourceFailed(source, "unreadable_file", f"{source.name} cannot be read: {reason}")


def facts(source: Source) -> tuple[int, int]:
    """Returns the size and the time of change of a source now; raises OSError."""
    if isinstance(source.content, bytes):
        return len(source.content), 0
    found = os.stat(source.content)
    if not stat.S_ISREG(found.st_mode):  # opening a pipe would wait for its writer
        raise OSError(errno.EINVAL, "it is not a file")
    return found.st_size, found.st_mtime_ns


class UploadFile:
    """A source as a file that httpx2's multipart reads; opened at its first read.

    It raises SourceFailed where the file is no longer what was measured, before its last byte is
    sent, so that the service never gets a whole request with another file.
    """

    def __init__(
        self,
        source: Source,
        measured: Measured | None = None,
        on_bytes: Callable[[int], None] | None = None,
        stop: threading.Event | None = None,
    ) -> None:
        self._source = source
        self._measured = measured
        self._size = measured.size if measured else facts(source)[0]
        self._on_bytes = on_bytes
        self._stop = stop
        self._file: BinaryIO | None = None
        self._digest = hashlib.sha256()
        self._place = 0

    def tell(self) -> int:
        """Returns the place of the next byte."""
        return self._place

    def seek(self, offset: int, whence: int = os.SEEK_SET) -> int:
        """Only for the size of the file, and back to its start."""
        self._place = self._size if whence == os.SEEK_END else offset
        return self._place

    def read(self, count: int) -> bytes:
        """Returns the next bytes, none at the end."""
        if self._stop and self._stop.is_set():
            raise Stopped("The results are no longer read")
        if self.is_sent:
            return b""
        try:
            self._file = self._file or _open(self._source)
            data = self._file.read(min(count, self._size - self._place))
            self._place += len(data)
            self._digest.update(data)
            if not data or self._place == self._size:
                self._check_end()
        except OSError as error:
            raise unreadable(self._source, error) from None
        if self._on_bytes and data:
            self._on_bytes(len(data))
        return data

    def _check_end(self) -> None:
        """Raises SourceFailed unless the whole file was read, and was as measured."""
        if self._file is None or self._file.closed:
            return
        longer = self._file.read(1)
        self._file.close()
        same = not self._measured or self._digest.hexdigest() == self._measured.sha256
        if longer or self._place != self._size or not same:
            raise SourceFailed(
                self._source, "file_changed", f"{self._source.name} changed while it was sent"
            )

    @property
    def is_sent(self) -> bool:
        """Whether its last byte was handed to the connection."""
        return self._file is not None and self._file.closed and self._place == self._size

    def close(self) -> None:
        """Closes the file, where the sending ended before its end."""
        if self._file:
            self._file.close()


def _open(source: Source) -> BinaryIO:
    if isinstance(source.content, bytes):
        return io.BytesIO(source.content)
    return open(source.content, "rb")
