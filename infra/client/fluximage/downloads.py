"""Saving what the service gives: streamed, whole or not at all, a path atomically."""

import os
import secrets
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO

import httpx2

from fluximage.backoff import Backoff, OnRetry
from fluximage.calls import authorities, unreachable
from fluximage.errors import DownloadError, NotFound, Temporary

_TIMEOUT = httpx2.Timeout(60.0, connect=10.0)
_GONE = {403, 404, 410}  # as object stores answer a link that has expired
_CHUNK_BYTES = 256 * 1024


class Downloads:
    """Gets signed links, without the API key; threads may share it."""

    def __init__(self, retry_seconds: float, on_retry: OnRetry | None = None) -> None:
        self._retry_seconds = retry_seconds
        self._on_retry = on_retry
        self._by_scheme: dict[str, httpx2.Client] = {}
        self._lock = threading.Lock()

    def close(self) -> None:
        """Closes the connections."""
        for http in self._by_scheme.values():
            http.close()

    def save(self, url: str, size: int, to: BinaryIO) -> None:
        """Writes the `size` bytes behind the link.

        Raises NotFound where the link has expired, Temporary where the store stays away.
        """
        backoff = Backoff(self._retry_seconds, on_retry=self._on_retry)
        start = to.tell() if to.seekable() else None
        while True:
            try:
                return self._save(url, size, to)
            except Temporary as error:
                if start is None:  # a pipe takes nothing back
                    raise
                backoff.wait(error)
                to.seek(start)
                to.truncate()

    def _save(self, url: str, size: int, to: BinaryIO) -> None:
        with unreachable(url), self._http(url).stream("GET", url) as answer:
            status = answer.status_code
            if status in _GONE:
                raise NotFound("The link has expired", code="link_expired", status=status)
            if status >= 500 or status == 429:
                raise Temporary("The object store is busy", code="store", status=status)
            if status != 200:
                raise DownloadError(f"The object store answered {status}", status=status)
            count = copied(answer, to)
        if count != size:
            raise DownloadError(f"{count} bytes arrived in place of {size}", code="wrong_size")

    def _http(self, url: str) -> httpx2.Client:
        scheme = url.partition(":")[0]
        with self._lock:  # else two threads make one each, and one is never closed
            if scheme not in self._by_scheme:
                self._by_scheme[scheme] = httpx2.Client(timeout=_TIMEOUT, verify=authorities(url))
            return self._by_scheme[scheme]


def copied(answer: httpx2.Response, to: BinaryIO) -> int:
    """Writes the body of a streamed answer; returns its bytes."""
    return sum(map(to.write, answer.iter_raw(_CHUNK_BYTES)))


def save_to(to: Path | str | BinaryIO, write: Callable[[BinaryIO], None]) -> None:
    """Calls `write` with the file; a path has it whole and synced, or stays as it was."""
    if isinstance(to, str | Path):
        with _atomic(Path(to)) as file:
            write(file)
    else:
        write(to)


@contextmanager
def _atomic(path: Path) -> Iterator[BinaryIO]:
    part = path.with_name(f".{path.name[:200]}.{secrets.token_hex(4)}.part")
    try:
        with part.open("xb") as file:
            yield file
            file.flush()
            os.fsync(file.fileno())
        part.replace(path)
    finally:
        part.unlink(missing_ok=True)
