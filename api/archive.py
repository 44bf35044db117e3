"""A ZIP of a session's finished images, as a stream of chunks in memory that does not grow.

Files are stored, since images do not deflate. One object is read at a time, in parts, and one part
ahead of what the client takes. A fault cuts the connection: what came is no valid ZIP, because the
directory at its end is missing.
"""

import errno
import logging
import stat
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from itertools import groupby
from operator import itemgetter
from typing import TypeVar

from zipstream import ZipStream

from api.archive_manifest import Manifest
from shared.db.archives import ArchivedImage, ArchiveScope, page_after
from shared.errors import FluximageError, ObjectMissingError, StoreError, UnavailableError
from shared.naming import path_of
from shared.services import Services

logger = logging.getLogger(__name__)

T = TypeVar("T")
Part = tuple[ArchivedImage, bytes]

DOWNLOADS_OF_ACCOUNT = 2  # of all processes together
MAX_DOWNLOADS = 50  # of one process; each holds a few MB
_PART_BYTES = 1024 * 1024
_CHUNK_BYTES = 64 * 1024
# Of a read that failed, in seconds: a moment's fault must not end a download of an hour.
_PAUSES = (0.5, 2.0)
_FILE_MODE = stat.S_IFREG | 0o644


def stream_archive(
    services: Services, scope: ArchiveScope, keep: Callable[[], None]
) -> Iterator[bytes]:
    """Yields the chunks of the archive; calls `keep` before each of them.

    Raises BrokenPipeError, on which the connection is closed, where it cannot be completed.
    """
    started = time.monotonic()
    try:
        with Manifest(scope) as manifest:
            for chunk in _zip(services, scope, manifest):
                keep()
                yield chunk
    except (FluximageError, OSError) as error:
        logger.warning("an archive was cut off: %s", error)
        raise BrokenPipeError(errno.EPIPE, "the archive cannot be completed") from error
    seconds = round(time.monotonic() - started, 1)
    logger.info("an archive was sent", extra={"images": scope.finished, "seconds": seconds})


def _zip(services: Services, scope: ArchiveScope, manifest: Manifest) -> Iterator[bytes]:
    archive, written = ZipStream(), 0
    for image, parts in groupby(_read_ahead(_parts(services, scope)), key=itemgetter(0)):
        path = path_of(image.folder, image.file_name) if image.output_key else None
        manifest.add(image, path)
        if path:
            archive.add(_chunks(parts), path, size=image.compressed_size)
            yield from archive.file()
            written += 1
    if written != scope.finished:  # the session was deleted meanwhile, or outputs expired
        raise StoreError(f"{scope.finished} images were there, and {written} could be read")
    for file in manifest.files():
        archive.add(file.content, file.name, size=file.size)
        yield from archive.file()
    _make_readable(archive)
    yield from archive.footer()


def _make_readable(archive: ZipStream) -> None:
    """Lets everyone read the files once they are unpacked: a web server has its own user."""
    for entry in archive._filelist:  # there is no public way, and only the footer has the modes
        entry.external_attr = _FILE_MODE << 16


def _parts(services: Services, scope: ArchiveScope) -> Iterator[Part]:
    """Yields each image with the parts of its object, or with one empty part without an object."""
    for image in _images(services, scope):
        if not image.output_key:
            yield image, b""
            continue
        size = image.compressed_size or 0
        for offset in range(0, size, _PART_BYTES):
            yield image, _part(services, image.output_key, offset, min(_PART_BYTES, size - offset))


def _images(services: Services, scope: ArchiveScope) -> Iterator[ArchivedImage]:
    number = 0
    while page := _with_patience(partial(page_after, services.database, scope, number)):
        yield from page
        number = page[-1].number


def _part(services: Services, key: str, offset: int, length: int) -> bytes:
    part = _with_patience(partial(services.store.get_part, key, offset, length))
    if len(part) != length:
        raise StoreError(f"an object has {len(part)} of {length} bytes from {offset}")
    return part


def _with_patience(read: Callable[[], T]) -> T:
    for pause in _PAUSES:
        try:
            return read()
        except ObjectMissingError:
            raise
        except UnavailableError:
            time.sleep(pause)
    return read()


def _read_ahead(parts: Iterator[Part]) -> Iterator[Part]:
    """Yields the parts, and reads the next one meanwhile."""
    with ThreadPoolExecutor(1) as pool:  # a greenlet in gunicorn's worker
        ahead = pool.submit(next, parts, None)
        while part := ahead.result():
            ahead = pool.submit(next, parts, None)
            yield part


def _chunks(parts: Iterator[Part]) -> Iterator[bytes]:
    for _, part in parts:
        for start in range(0, len(part), _CHUNK_BYTES):
            yield part[start : start + _CHUNK_BYTES]
