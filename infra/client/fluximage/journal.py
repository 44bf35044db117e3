"""The journal: what is being sent, written down before it is, so that a crash costs nothing.

The same call with the same journal, after a kill -9 at any point:

before a batch was sent         sends it again, under the same Idempotency-Key
sent, no answer yet             the same: the service attaches it to what it accepted, unpaid
a part of it sent, no answer    the same: the service names the batch that the part became, whose
                                results are read; the rest is sent under another key
accepted, its id is here        reads its results from the session
its results were read           yields them from here, while their links are valid
its results were half read      yields all of them again: a batch is closed once the caller has
                                come back for the next result after its last one

An image that failed is forgotten when its batch is closed, so that another call sends it anew.
"""

import hashlib
import json
import os
import secrets
import sqlite3
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path
from uuid import uuid4

from fluximage.answers import Image, Notice, known
from fluximage.journal_lock import lock
from fluximage.results import Done
from fluximage.sources import Source
from fluximage.upload import Measured

_TABLES = """
CREATE TABLE IF NOT EXISTS fluximage_journal (
    one INTEGER PRIMARY KEY CHECK (one = 1), id TEXT NOT NULL);
CREATE TABLE IF NOT EXISTS fluximage_calls (
    settings TEXT PRIMARY KEY, session_id TEXT NOT NULL);
CREATE TABLE IF NOT EXISTS fluximage_batches (
    -- AUTOINCREMENT: the number of a batch that was closed never comes again, nor does its key.
    number INTEGER PRIMARY KEY AUTOINCREMENT, settings TEXT NOT NULL, session_id TEXT NOT NULL,
    key TEXT, batch_id TEXT, created_at TEXT NOT NULL DEFAULT CURRENT_TIMESTAMP);
CREATE TABLE IF NOT EXISTS fluximage_sources (
    number INTEGER NOT NULL, place INTEGER NOT NULL, content TEXT NOT NULL, name TEXT NOT NULL,
    size INTEGER NOT NULL, mtime_ns INTEGER NOT NULL, sha256 TEXT NOT NULL,
    PRIMARY KEY (number, place)) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS fluximage_done (
    settings TEXT NOT NULL, content TEXT NOT NULL, name TEXT NOT NULL, size INTEGER NOT NULL,
    mtime_ns INTEGER NOT NULL, sha256 TEXT NOT NULL, expires_at TEXT NOT NULL,
    result TEXT NOT NULL, PRIMARY KEY (settings, content, name)) WITHOUT ROWID;
"""
_DELETE_EXPIRED = """
DELETE FROM fluximage_done WHERE expires_at < ?
"""
# No call has come back for them, and the service keeps an Idempotency-Key no longer either.
_OLD = (
    "number IN (SELECT number FROM fluximage_batches WHERE created_at < datetime('now', '-1 day'))"
)
_DELETE_OLD_SOURCES = f"""
DELETE FROM fluximage_sources WHERE {_OLD}
"""  # noqa: S608 - our own constant
_DELETE_OLD_BATCHES = f"""
DELETE FROM fluximage_batches WHERE {_OLD}
"""  # noqa: S608 - our own constant
_INSERT_ID = """
INSERT OR IGNORE INTO fluximage_journal VALUES (1, ?)
"""
_SELECT_ID = """
SELECT id FROM fluximage_journal
"""
_SELECT_SESSION = """
SELECT session_id FROM fluximage_calls WHERE settings = ?
"""
_INSERT_SESSION = """
INSERT INTO fluximage_calls VALUES (?, ?)
"""
_DELETE_SESSION = """
DELETE FROM fluximage_calls WHERE settings = :settings
    AND NOT EXISTS (SELECT * FROM fluximage_batches WHERE settings = :settings)
"""
_INSERT_BATCH = """
INSERT INTO fluximage_batches (settings, session_id) VALUES (?, ?) RETURNING number
"""
_SET_KEY = """
UPDATE fluximage_batches SET key = ? WHERE number = ?
"""
_INSERT_SOURCE = """
INSERT INTO fluximage_sources VALUES (?, ?, ?, ?, ?, ?, ?)
"""
_SET_BATCH_ID = """
UPDATE fluximage_batches SET batch_id = ? WHERE number = ?
"""
_SELECT_BATCHES = """
SELECT number, session_id, key, batch_id FROM fluximage_batches
WHERE settings = ? ORDER BY number
"""
_SELECT_SOURCES = """
SELECT content, name, size, mtime_ns, sha256 FROM fluximage_sources
WHERE number = ? ORDER BY place
"""
_INSERT_DONE = """
INSERT OR REPLACE INTO fluximage_done
    (settings, content, name, size, mtime_ns, sha256, expires_at, result)
VALUES (?, ?, ?, ?, ?, ?, ?, ?)
"""
_DELETE_SOURCES = """
DELETE FROM fluximage_sources WHERE number = ? AND place >= ?
"""
_DELETE_BATCH = """
DELETE FROM fluximage_batches WHERE number = ?
"""
_SELECT_DONE = """
SELECT content, name, size, mtime_ns, sha256, result FROM fluximage_done
WHERE settings = ? AND content = ? AND name = ? AND expires_at > ?
"""


@dataclass(frozen=True, slots=True)
class Written:
    """A source as the journal has it; `content` is its absolute path, or says its SHA-256."""

    content: str
    name: str
    size: int
    mtime_ns: int
    sha256: str


@dataclass(frozen=True, slots=True)
class WrittenBatch:
    """A batch that is not closed. batch_id: None until the service has accepted it."""

    number: int
    session_id: str
    key: str
    batch_id: str | None
    sources: tuple[Written, ...]


class Journal:
    """A journal in an SQLite database of its own, or in tables of a given one.

    Its tables begin with `fluximage_`. It serves one `Client.compress` at a time, and is used in
    the thread that reads the results. It commits what the given connection has begun.
    """

    def __init__(self, where: Path | str | sqlite3.Connection) -> None:
        """`where`: a file, which is created, or an open connection, which stays open."""
        self._owned = not isinstance(where, sqlite3.Connection)
        self._database = (
            where
            if isinstance(where, sqlite3.Connection)
            else sqlite3.connect(where, check_same_thread=False, timeout=60)
        )
        self.keeps = str(where) != MEMORY  # in memory, what is done would only take room
        self._database.executescript(_TABLES)
        with self._transaction() as database:
            database.execute(_DELETE_EXPIRED, (_now(),))
            database.execute(_DELETE_OLD_SOURCES)
            database.execute(_DELETE_OLD_BATCHES)
            database.execute(_INSERT_ID, (secrets.token_hex(16),))
        (self._id,) = self._database.execute(_SELECT_ID).fetchone()

    def close(self) -> None:
        """Closes the database, if the journal opened it."""
        if self._owned:
            self._database.close()

    def __enter__(self) -> "Journal":
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def session(self, settings: str) -> tuple[str, bool]:
        """Returns the session of the call with these settings that has not finished, or a new one.

        The second value says whether it is new.
        """
        with self._transaction() as database:
            for (found,) in database.execute(_SELECT_SESSION, (settings,)):
                return str(found), False
            made = str(uuid4())
            database.execute(_INSERT_SESSION, (settings, made))
        return made, True

    def finish(self, settings: str) -> None:
        """The call has ended: the next one with these settings gets a session of its own.

        Not while it has open batches, whose results are in this session.
        """
        with self._transaction() as database:
            database.execute(_DELETE_SESSION, {"settings": settings})

    def forget(self, settings: str) -> None:
        """The session of the call was cancelled, with all that is in it."""
        for batch in self.open_batches(settings):
            self.close_batch(settings, batch.number)
        self.finish(settings)

    def begin(self, settings: str, session_id: str, files: Sequence[Measured]) -> WrittenBatch:
        """Writes down a batch, which may be sent from now on; returns it with its key."""
        written = tuple(
            Written(content_of(f.source, f.sha256), f.source.name, f.size, f.mtime_ns, f.sha256)
            for f in files
        )
        with self._transaction() as database:
            (number,) = database.execute(_INSERT_BATCH, (settings, session_id)).fetchone()
            key = self._key(settings, session_id, number, written)
            database.execute(_SET_KEY, (key, number))
            rows = [(number, place, *_row(source)) for place, source in enumerate(written)]
            database.executemany(_INSERT_SOURCE, rows)
        return WrittenBatch(number, session_id, key, None, written)

    def _key(self, settings: str, session_id: str, number: int, written: Sequence[Written]) -> str:
        """The Idempotency-Key: a digest of the batch and of this try, which `number` stands for."""
        contents = [(source.name, source.sha256) for source in written]
        facts = json.dumps([self._id, number, settings, session_id, contents])
        return hashlib.sha256(facts.encode()).hexdigest()

    def shorten(self, number: int, count: int) -> None:
        """Only the batch's first sources may be accepted; the others are sent in another one."""
        with self._transaction() as database:
            database.execute(_DELETE_SOURCES, (number, count))

    def accepted(self, number: int, batch_id: str, count: int) -> None:
        """The service has accepted so many of the batch's first sources, or fewer."""
        with self._transaction() as database:
            database.execute(_SET_BATCH_ID, (batch_id, number))
            database.execute(_DELETE_SOURCES, (number, count))

    @contextmanager
    def locked(self) -> Iterator[None]:
        """Holds the journal for one call; raises JournalInUse where another one holds it.

        The lock is of the process, so that it ends with it.
        """
        (file,) = (row[2] for row in self._database.execute("PRAGMA database_list") if row[0] == 0)
        with lock(Path(f"{file}.lock") if file else None):
            yield

    def open_batches(self, settings: str) -> list[WrittenBatch]:
        """Returns the batches that a call with these settings left open."""
        return [
            WrittenBatch(number, session_id, key, batch_id, self._sources(number))
            for number, session_id, key, batch_id in self._database.execute(
                _SELECT_BATCHES, (settings,)
            ).fetchall()
        ]

    def _sources(self, number: int) -> tuple[Written, ...]:
        return tuple(Written(*row) for row in self._database.execute(_SELECT_SOURCES, (number,)))

    def close_batch(
        self, settings: str, number: int, done: Sequence[tuple[Written, Done]] = ()
    ) -> None:
        """Forgets the batch; keeps what is done, for as long as its link is valid."""
        rows = [
            (settings, *_row(source), result.image.expires_at, _dump(result))
            for source, result in done
            if self.keeps
        ]
        with self._transaction() as database:
            database.executemany(_INSERT_DONE, rows)
            database.execute(_DELETE_SOURCES, (number, 0))
            database.execute(_DELETE_BATCH, (number,))

    def done(self, settings: str, content: str, source: Source) -> tuple[Written, Done] | None:
        """Returns what a call with these settings made of the source, if its link is valid."""
        values = (settings, content, source.name, _now())
        row = self._database.execute(_SELECT_DONE, values).fetchone()
        return (Written(*row[:5]), _load(source, row[5])) if row else None

    @contextmanager
    def _transaction(self) -> Iterator[sqlite3.Connection]:
        """Synced to the disk at its end (SQLite's default), or undone."""
        if not self._database.in_transaction:
            self._database.execute("BEGIN IMMEDIATE")
        try:
            yield self._database
        except BaseException:
            self._database.rollback()
            raise
        self._database.commit()


MEMORY = ":memory:"


def content_of(source: Source, sha256: str | None = None) -> str:
    """Returns what identifies a source's content: its absolute path, or the digest of its bytes."""
    if isinstance(source.content, Path):
        # A name on a disk may be no text, which SQLite does not take.
        return os.fsencode(source.content.absolute()).decode(errors="backslashreplace")
    return f"sha256:{sha256 or hashlib.sha256(source.content).hexdigest()}"


def _row(source: Written) -> tuple[str, str, int, int, str]:
    return source.content, source.name, source.size, source.mtime_ns, source.sha256


def _now() -> str:
    return datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")  # as `expires_at` of an image


def _dump(result: Done) -> str:
    return json.dumps([asdict(result.image), [asdict(notice) for notice in result.warnings]])


def _load(source: Source, text: str) -> Done:
    image, warnings = json.loads(text)
    return Done(source, known(Image, image), tuple(known(Notice, each) for each in warnings))
