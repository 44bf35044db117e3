"""The list of an account's sessions, the newest first."""

from dataclasses import dataclass
from datetime import datetime

from shared.db.database import Database, Row
from shared.db.views import Progress, Status, status_of


@dataclass(frozen=True)
class SessionSummary:
    """A session without its images."""

    name: str
    status: Status
    progress: Progress
    created_at: datetime


@dataclass(frozen=True)
class Place:
    """A place in the list: the session of that name and moment."""

    created_at: datetime
    name: str


# One statement for the whole page: open images are counted from their partial index.
_NEWEST = """
SELECT s.*, open.queued, open.processing
FROM (
    SELECT name, created_at, cancelled_at, completed, failed, cancelled, original_bytes,
        compressed_bytes, id
    FROM sessions
    WHERE account_id = %(account_id)s {below}
    ORDER BY created_at DESC, name DESC LIMIT %(limit)s
) AS s CROSS JOIN LATERAL (
    SELECT count(*) FILTER (WHERE state = 'queued') AS queued,
        count(*) FILTER (WHERE state <> 'queued') AS processing
    FROM images WHERE session_id = s.id AND state NOT IN ('done', 'failed', 'cancelled')
) AS open
ORDER BY s.created_at DESC, s.name DESC
"""
_BELOW = "AND (created_at, name) < (%(created_at)s, %(name)s)"


def newest_sessions(
    database: Database, account_id: int, *, after: Place | None, limit: int
) -> tuple[list[SessionSummary], Place | None]:
    """At most `limit` sessions that follow a place, and the last one's place if more follow."""
    values = {"account_id": account_id, "limit": limit + 1} | (vars(after) if after else {})
    rows = database.execute(_NEWEST.format(below=_BELOW if after else ""), values)
    found = [_summary(row) for row in rows[:limit]]
    more = len(rows) > limit
    return found, Place(found[-1].created_at, found[-1].name) if more else None


def _summary(row: Row) -> SessionSummary:
    counts = {key: row[key] for key in ("queued", "processing", "completed", "failed", "cancelled")}
    sizes = {key: row[key] for key in ("original_bytes", "compressed_bytes")}
    progress = Progress(sum(counts.values()), **counts, **sizes)
    status = status_of(progress, cancelled=row["cancelled_at"] is not None)
    return SessionSummary(row["name"], status, progress, row["created_at"])
