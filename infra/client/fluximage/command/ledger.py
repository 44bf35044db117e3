"""The ledger: what was done to which file, beside the results, so that nothing is done twice."""

import fcntl
import json
import os
import sqlite3
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path

from fluximage.command.exits import CommandError
from fluximage.command.output import digest, finish
from fluximage.command.walk import Found

NAME = ".fluximage.sqlite"
LOCK = ".fluximage.lock"
VERSION = 1

TABLES = """
CREATE TABLE files (
    source ANY NOT NULL,        -- from the ledger's folder; bytes where it is no valid text
    options TEXT NOT NULL,      -- digest of all that shapes the result
    state TEXT NOT NULL,        -- placing: the result is about to get its name; done
    size INTEGER NOT NULL,      -- of the source, in bytes, as it was sent
    mtime_ns INTEGER NOT NULL,
    sha256 TEXT NOT NULL,
    target ANY,                 -- as source; null: the original was kept
    target_size INTEGER NOT NULL DEFAULT 0,
    target_sha256 TEXT NOT NULL DEFAULT '',
    result TEXT NOT NULL,       -- JSON
    at INTEGER NOT NULL,        -- seconds since 1970
    PRIMARY KEY (source, options)
) STRICT;
"""

FIND = "SELECT * FROM files WHERE source = ? AND options = ?"
PUT = """
INSERT OR REPLACE INTO files
    (source, options, state, size, mtime_ns, sha256, target, target_size, target_sha256, result, at)
VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)
"""
ALL = "SELECT * FROM files WHERE state = 'done' ORDER BY source, at"
PLACING = "SELECT * FROM files WHERE state = 'placing'"
SETTLE = "UPDATE files SET state = 'done' WHERE source = ? AND options = ?"
FORGET = "DELETE FROM files WHERE source = ? AND options = ?"
TARGETS = "SELECT target FROM files WHERE target IS NOT NULL AND target <> source"


@dataclass(frozen=True)
class Result:
    """What became of an image. `name`: its path below the common folder of what was named."""

    name: str
    format: str
    width: int
    height: int
    original_size: int
    compressed_size: int
    alt_text: str | None = None


@dataclass(frozen=True)
class Hashes:
    """SHA-256, in hex, of a source and of its result."""

    source: str
    result: str


@dataclass(frozen=True)
class Entry:
    """A row: `target` None means that the original was kept, as nothing smaller was to be had.

    place: the target's path from the ledger's folder.
    """

    target: Path | None
    place: str
    result: Result


class Ledger:
    """The ledger in `folder`. Threads may share it."""

    def __init__(self, folder: Path, *, read_only: bool = False) -> None:
        """Opens the ledger; `read_only` creates none, and is empty where there is none."""
        self.folder = Path(os.path.abspath(folder))
        self.path = self.folder / NAME
        self._mutex = threading.Lock()
        with self._faults():
            self._rows = self._open(read_only)

    def _open(self, read_only: bool) -> sqlite3.Connection:
        where: Path | str = self.path
        if read_only and not self.path.exists():
            where = ":memory:"
        rows = sqlite3.connect(where, timeout=30, isolation_level=None, check_same_thread=False)
        rows.row_factory = sqlite3.Row
        version = rows.execute("PRAGMA user_version").fetchone()[0]
        if version > VERSION:
            raise CommandError(f"{self.path} was written by a newer version of fluximage.")
        if version == 0:
            rows.executescript(f"BEGIN; {TABLES} PRAGMA user_version = {VERSION}; COMMIT;")
        return rows

    @contextmanager
    def _faults(self) -> Iterator[None]:
        try:
            with self._mutex:
                yield
        except sqlite3.Error as error:
            raise CommandError(
                f"The ledger {self.path} cannot be used: {error}. If it is damaged, move it away;"
                " what it knows is then done again."
            ) from error

    def done(self, found: Found, options: str, target: Path | None) -> Entry | None:
        """What was done to this file with these options, if its result is still there.

        target: where the result goes, None where that is known only afterwards.
        """
        with self._faults():
            row = self._rows.execute(FIND, (self._key(found.path), options)).fetchone()
        if row is None:
            return None
        if row["target"] is None:  # the original was kept
            return self._entry(row) if self._is(found, row, row["size"]) else None
        if row["target"] == row["source"]:  # in place, where the time of change is kept
            return self._entry(row) if self._is(found, row, row["target_size"]) else None
        if not self._is(found, row, row["size"]) or not self._is_there(row):
            return None
        return self._entry(row) if target is None or self._key(target) == row["target"] else None

    def _is(self, found: Found, row: sqlite3.Row, size: int) -> bool:
        """Whether the file is what the row tells of; `size`: of the source, or of its result."""
        if found.size != size:
            return False
        if found.mtime_ns == row["mtime_ns"]:
            return True
        of_result = size == row["target_size"] and row["target"] == row["source"]
        return digest(found.path) == str(row["target_sha256" if of_result else "sha256"])

    def _is_there(self, row: sqlite3.Row) -> bool:
        """Whether the result is where the row says."""
        placed = self._path(row["target"])
        return placed.is_file() and placed.stat().st_size == int(row["target_size"])

    def record(
        self,
        state: str,
        found: Found,
        options: str,
        hashes: Hashes,
        target: Path | None,
        result: Result,
    ) -> None:
        """Write down what became of a file, or (`placing`) is about to; it is synced."""
        facts = json.dumps(asdict(result))
        place = None if target is None else self._key(target)
        values = (
            found.size,
            found.mtime_ns,
            hashes.source,
            place,
            result.compressed_size,
            hashes.result,
        )
        with self._faults():
            key = self._key(found.path)
            self._rows.execute(PUT, (key, options, state, *values, facts, int(time.time())))

    def recover(self) -> None:
        """Finish what a killed run was about to place, or forget it; under the lock."""
        with self._faults():
            rows = self._rows.execute(PLACING).fetchall()
        for row in rows:
            target, source = self._path(row["target"]), self._path(row["source"])
            placed = finish(target, source, row["target_sha256"])
            with self._faults():
                self._rows.execute(SETTLE if placed else FORGET, (row["source"], row["options"]))

    def entries(self) -> Iterator[Entry]:
        """Everything that was done."""
        with self._faults():
            rows = self._rows.execute(ALL).fetchall()
        return map(self._entry, rows)

    def targets(self) -> set[Path]:
        """Every file that this ledger's runs wrote beside an original."""
        with self._faults():
            rows = self._rows.execute(TARGETS).fetchall()
        return {self._path(row["target"]) for row in rows}

    def close(self) -> None:
        """Close the file."""
        self._rows.close()

    def _key(self, path: Path) -> str | bytes:
        relative = os.path.relpath(path, self.folder)
        try:
            relative.encode()
        except UnicodeEncodeError:
            return os.fsencode(relative)
        return relative

    def _path(self, key: str | bytes) -> Path:
        return Path(os.path.normpath(self.folder / os.fsdecode(key)))

    def _entry(self, row: sqlite3.Row) -> Entry:
        target = None if row["target"] is None else self._path(row["target"])
        place = "" if target is None else os.fsdecode(row["target"])
        return Entry(target, place, Result(**json.loads(row["result"])))


def folder_of(base: Path) -> Path:
    """Where the ledger of results beside originals is: at `base`, or above if one is there."""
    return next((folder for folder in (base, *base.parents) if (folder / NAME).exists()), base)


@contextmanager
def locked(folder: Path) -> Iterator[None]:
    """Only one run at a time works on a folder; raises CommandError for the second."""
    descriptor = os.open(folder / LOCK, os.O_RDWR | os.O_CREAT, 0o666)
    try:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            holder = os.read(descriptor, 20).decode(errors="replace").strip() or "another"
            raise CommandError(
                f"Another fluximage works on {folder} (process {holder}). Wait for it, or stop it."
            ) from None
        os.ftruncate(descriptor, 0)
        os.write(descriptor, f"{os.getpid()}\n".encode())
        yield
    finally:
        os.close(descriptor)
