"""The manifest: what became of every file, as CSV and as JSON; and the list of what failed."""

import csv
import io
import json
import os
from collections.abc import Iterable
from pathlib import Path
from typing import BinaryIO

from fluximage.command.ledger import Entry
from fluximage.command.outcome import Outcome
from fluximage.command.output import part_of, place, write

NAMES = ("fluximage.csv", "fluximage.json")
COLUMNS = (
    *("old_path", "new_path", "original_size", "compressed_size", "format", "width", "height"),
    "alt_text",
)
# What a spreadsheet takes as the beginning of a formula (OWASP, CSV injection); as in the service's
# shared/csv_rows.py, which a test compares.
FORMULA = ("=", "+", "-", "@", "\t", "\r", "\n", "＝", "＋", "－", "＠")


def write_manifest(path: Path, entries: Iterable[Entry]) -> None:
    """Write the manifest of `entries` to `path`, as JSON if its suffix is .json, else as CSV.

    old_path is below the common folder of what was named, new_path below the ledger's.
    """
    rows = [dict(zip(COLUMNS, _row(entry), strict=True)) for entry in entries]
    text = json.dumps(rows, indent=1) if path.suffix.lower() == ".json" else _csv(rows)
    replace_text(path, text.encode(errors="surrogateescape"))


def replace_text(path: Path, content: bytes) -> None:
    """Write a file that is ours, whole or not at all."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with part_of(path, path) as part:
        write(part, 0o666, lambda file: _write_all(file, content))
        place(part, path, overwrite=True)


def _write_all(file: BinaryIO, content: bytes) -> None:
    file.write(content)


def is_ours(path: Path) -> bool:
    """Whether nothing is at `path`, or a manifest that may be replaced."""
    try:
        with path.open("rb") as file:
            head = file.read(4096)
    except FileNotFoundError:
        return True
    except OSError:
        return False
    return head.startswith(
        (",".join(COLUMNS).encode(), b'[\n {\n  "old_path"')
    ) or head.strip() in (b"", b"[]")


def _row(entry: Entry) -> tuple[object, ...]:
    result = entry.result
    new = result.name if entry.target is None else entry.place
    sizes = (result.original_size, result.compressed_size)
    return (result.name, new, *sizes, result.format, result.width, result.height, result.alt_text)


def _csv(rows: list[dict[str, object]]) -> str:
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(COLUMNS)
    writer.writerows([_cell(row[column]) for column in COLUMNS] for row in rows)
    return text.getvalue()


def _cell(value: object) -> object:
    return f"'{value}" if isinstance(value, str) and value.startswith(FORMULA) else value


def write_failed_list(path: Path, failures: Iterable[Outcome]) -> None:
    """Write the paths of what failed, one a line; ended by NUL where a name has a line break."""
    names = [os.fsencode(one.source) for one in failures]
    end = b"\0" if any(b"\n" in name for name in names) else b"\n"
    replace_text(path, b"".join(name + end for name in names))
