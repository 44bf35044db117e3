"""The backlog: batches that wait to be dispatched, and how long the queue of images is."""

from dataclasses import dataclass
from uuid import UUID

from shared.db.database import Database, one
from shared.errors import QueueFullError

_DISPATCHER_LOCK = 0x64697370  # one dispatcher at a time: two that count together pass the window


@dataclass(frozen=True)
class WaitingBatch:
    """A batch that goes out to the workers now.

    image_ids: those that wait for the first step. optimised_ids: those that wait to be described.
    ai: whether the former are described too.
    """

    id: UUID
    image_ids: list[UUID]
    optimised_ids: list[UUID]
    ai: bool


_LOCK_DISPATCHER = "SELECT pg_advisory_xact_lock(%s)"
_TAKE_BATCH = """
WITH out AS (
    SELECT count(*) FILTER (WHERE i.state IN ('queued', 'processing')) AS images,
           count(*) FILTER (WHERE i.ended_number IS NULL AND o.options->>'brief' IS NOT NULL) AS ai
    FROM batches AS o JOIN images AS i ON i.batch_id = o.id
    WHERE o.published_at IS NOT NULL AND o.closed_at IS NULL)
UPDATE batches SET published_at = now() WHERE id = (
    SELECT b.id FROM batches AS b JOIN accounts AS a ON a.id = b.account_id, out
    WHERE b.published_at IS NULL AND b.closed_at IS NULL AND out.images < %(window_images)s
    AND NOT EXISTS (
        SELECT FROM images WHERE batch_id = b.id AND state = 'queued' AND cpu_seconds IS NULL)
    AND (b.options->>'brief' IS NULL OR out.ai < %(ai_window_images)s)
    ORDER BY a.served_at, a.id, b.created_at LIMIT 1 FOR UPDATE OF b SKIP LOCKED)
RETURNING id, account_id, options->>'brief' IS NOT NULL AS ai
"""
_NOTE_SERVED = "UPDATE accounts SET served_at = clock_timestamp() WHERE id = %s"
_WAITING_IMAGES = """
SELECT id, state = 'queued' AS is_queued FROM images
WHERE batch_id = %s AND state IN ('queued', 'optimised') ORDER BY index
"""


def take_batch(
    database: Database, window_images: int, ai_window_images: int
) -> WaitingBatch | None:
    """Marks the next batch as published, and returns it; None while the window is full.

    The next one is the oldest of the account that was served longest ago. window_images: images
    that may be queued or processed at one time. ai_window_images: open images of batches with AI.
    """
    with database.transaction() as connection:
        connection.execute(_LOCK_DISPATCHER, (_DISPATCHER_LOCK,))
        windows = {"window_images": window_images, "ai_window_images": ai_window_images}
        row = connection.execute(_TAKE_BATCH, windows).fetchone()
        if row is None:
            return None
        connection.execute(_NOTE_SERVED, (row["account_id"],))
        images = connection.execute(_WAITING_IMAGES, (row["id"],)).fetchall()
    return WaitingBatch(
        id=row["id"],
        image_ids=[image["id"] for image in images if image["is_queued"]],
        optimised_ids=[image["id"] for image in images if not image["is_queued"]],
        ai=row["ai"],
    )


_PUT_BACK = "UPDATE batches SET published_at = NULL WHERE id = %s"


def put_back(database: Database, batch_id: UUID) -> None:
    """Undoes `take_batch` for a batch that could not be published."""
    with database.transaction() as connection:
        connection.execute(_PUT_BACK, (batch_id,))


@dataclass(frozen=True)
class QueueState:
    """Images that wait for a worker, and the age of the oldest in seconds (0 when none)."""

    depth: int
    age_seconds: float


_QUEUE_STATE = """
SELECT count(*) AS depth,
    coalesce(extract(epoch FROM now() - min(created_at)), 0)::float8 AS age_seconds
FROM images WHERE state IN ('queued', 'optimised')
"""


def queue_state(database: Database) -> QueueState:
    """The queue of the whole installation, from the rows."""
    with database.transaction() as connection:
        return QueueState(**one(connection.execute(_QUEUE_STATE).fetchone()))


_OLDER_THAN = """
SELECT 1 FROM images WHERE state IN ('queued', 'optimised')
AND created_at < now() - make_interval(secs => %s) LIMIT 1
"""


def check_queue_age(database: Database, limit_seconds: int) -> None:
    """Raises QueueFullError when the oldest queued image is older than the limit."""
    with database.transaction() as connection:
        if connection.execute(_OLDER_THAN, (limit_seconds,)).fetchone() is not None:
            raise QueueFullError("The queue is too long now; try again later", 30)
