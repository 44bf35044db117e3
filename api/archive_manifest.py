"""The manifest of an archive: each image's old and new path, sizes and texts, as JSON and CSV."""

import json
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from tempfile import SpooledTemporaryFile
from types import TracebackType
from typing import Any, Self

from shared.answers import failure_message, saved_percent
from shared.csv_rows import START, csv_row
from shared.db.archives import ArchivedImage, ArchiveScope
from shared.naming import folded, path_of

_MEMORY_BYTES = 256 * 1024  # of each of the two files; what is above goes to the disk
_CHUNK_BYTES = 64 * 1024

_COLUMNS = (
    *("old_path", "new_path", "format", "width", "height", "original_size", "compressed_size"),
    *("saved_percent", "alt_text", "warnings", "error", "message"),
)


@dataclass(frozen=True)
class ManifestFile:
    """A file at the end of the archive: its name, its size in bytes, and its content."""

    name: str
    size: int
    content: Iterator[bytes]


class Manifest:
    """Collects the rows of both files on the disk, so that memory does not grow with the images."""

    def __init__(self, scope: ArchiveScope) -> None:
        """Closes with its `with` block."""
        self._files = ExitStack()
        json_file = SpooledTemporaryFile(_MEMORY_BYTES)  # noqa: SIM115 - _files closes it
        csv_file = SpooledTemporaryFile(_MEMORY_BYTES)  # noqa: SIM115 - as above
        self._json = self._files.enter_context(json_file)
        self._csv = self._files.enter_context(csv_file)
        self._top_folders: set[str] = set()
        head = {"session_id": scope.session_name, "complete": scope.complete}
        self._json.write(json.dumps(head)[:-1].encode() + b', "images": [')
        self._csv.write((START + csv_row(_COLUMNS)).encode())
        self._separator = b"\n"

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        exc_type: type[BaseException] | None,
        exc: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self._files.close()

    def add(self, image: ArchivedImage, new_path: str | None) -> None:
        """Adds an image; new_path: None where it is not in the archive."""
        row = _row(image, new_path)
        self._json.write(self._separator + json.dumps(row, ensure_ascii=False).encode())
        self._separator = b",\n"
        warnings = "; ".join(f"{w['code']}: {w['message']}" for w in row["warnings"])
        cells = row | {"warnings": warnings}
        self._csv.write(csv_row(cells[name] for name in _COLUMNS).encode())
        if new_path and "/" in new_path:
            self._top_folders.add(folded(new_path.partition("/")[0]))

    def files(self) -> Iterator[ManifestFile]:
        """Yields both files, under names that no folder of the archive has."""
        self._json.write(b"\n]}\n")
        yield from (
            ManifestFile(self._free_name(ending), file.tell(), _content(file))
            for ending, file in (("json", self._json), ("csv", self._csv))
        )

    def _free_name(self, ending: str) -> str:
        name, number = f"manifest.{ending}", 1
        while name in self._top_folders:
            number += 1
            name = f"manifest-{number}.{ending}"
        return name


def _row(image: ArchivedImage, new_path: str | None) -> dict[str, Any]:
    saved = message = None
    if image.compressed_size is not None:
        saved = saved_percent(image.original_size, image.compressed_size)
    if image.error_code:
        message = failure_message(image.original_name, image.error_message)
    return {
        "batch_id": str(image.batch_id),
        "index": image.index,
        "old_path": path_of(image.folder, image.original_name),
        "new_path": new_path,
        "format": image.format,
        "width": image.width,
        "height": image.height,
        "original_size": image.original_size,
        "compressed_size": image.compressed_size,
        "saved_percent": saved,
        "alt_text": image.alt_text,
        "warnings": [{"code": n.code, "message": n.message} for n in image.notices],
        "error": image.error_code,
        "message": message,
    }


def _content(file: "SpooledTemporaryFile[bytes]") -> Iterator[bytes]:
    file.seek(0)
    while chunk := file.read(_CHUNK_BYTES):
        yield chunk
