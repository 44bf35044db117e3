"""The journal: what is being sent, written down before it is, so that a crash costs nothing.

The same call with the same journal, after a kill -9 at any point, sends an open batch again under
the same Idempotency-Key or reads the results of one that was accepted.
"""

import sqlite3
from pathlib import Path


class Journal:
    """A journal in an SQLite database of its own, or in tables of a given one.

    Its tables begin with `fluximage_`. It is used by one call of `Client.compress` at a time, and
    from the thread that reads its results.
    """

    def __init__(self, where: Path | str | sqlite3.Connection) -> None:
        """`where`: a file, which is created, or an open connection, which stays open."""
        raise NotImplementedError

    def close(self) -> None:
        """Closes the database, if the journal opened it."""

    def __enter__(self) -> "Journal":
        return self

    def __exit__(self, *_: object) -> None:
        self.close()
