"""What is sent: one image, and the images in folders."""

import os
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

# By their names; the service looks at the content. The same types as in docs/api.md.
SUFFIXES = frozenset(
    {
        *(".jpg", ".jpeg", ".jpe", ".jfif", ".png", ".webp", ".avif"),
        *(".heic", ".heif", ".hif", ".gif", ".tif", ".tiff", ".bmp"),
    }
)


@dataclass(frozen=True, slots=True)
class Source:
    """One image to send. `name` may carry folders: "shoes/red/01.jpg"."""

    content: Path | bytes = field(repr=False)
    name: str

    def size(self) -> int:
        """Returns its bytes; raises OSError where its file cannot be read."""
        return (
            len(self.content) if isinstance(self.content, bytes) else os.stat(self.content).st_size
        )


def sources(paths: Iterable[str | Path | Source] | str | Path | Source) -> Iterator[Source]:
    """Yields the sources that the paths mean: files, images in folders (by suffix), Sources.

    A file that was named is sent whatever its suffix, under its own name. What is in a folder is
    named by its path below that folder, in the order of names; hidden files and links are left
    out.
    """
    for path in [paths] if isinstance(paths, str | Path | Source) else paths:
        if isinstance(path, Source):
            yield path
        elif Path(path).is_dir():
            yield from _in_folder(Path(path), "")
        else:
            yield Source(Path(path), Path(path).name)


def _in_folder(folder: Path, above: str) -> Iterator[Source]:
    with os.scandir(folder) as entries:
        ordered = sorted(entries, key=lambda entry: entry.name)
    for entry in ordered:
        if entry.name.startswith(".") or entry.is_symlink():
            continue
        if entry.is_dir():
            yield from _in_folder(Path(entry.path), f"{above}{entry.name}/")
        elif entry.is_file() and os.path.splitext(entry.name)[1].lower() in SUFFIXES:
            yield Source(Path(entry.path), above + entry.name)
