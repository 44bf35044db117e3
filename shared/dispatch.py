"""dispatch(): lets waiting batches out to the workers, a window at a time, fair by account.

It is a function over rows. Called after every accept, when a batch closes, and by the
periodic process; any number of callers at once do no harm.
"""

import logging
from dataclasses import dataclass
from uuid import UUID

from shared.clients.celery_queue import Queue
from shared.db.database import Database
from shared.errors import UnavailableError

logger = logging.getLogger(__name__)

_LOCK = 0x64697370  # one dispatcher at a time: two that count together overshoot the window


def dispatch(database: Database, queue: Queue, window_images: int, ai_window_images: int) -> int:
    """Publishes batches while fewer than `window_images` images wait for a core; gives how many.

    Batches with AI only while fewer than `ai_window_images` of their images are open, so that a
    slow provider holds up no other batch. Of the accounts with a waiting batch the one served
    least lately goes first. A publish that fails puts its batch back; what a crash leaves
    published but unsent, the sweeper sends.
    """
    published = 0
    while (batch := _take(database, window_images, ai_window_images)) is not None:
        try:
            queue.publish_batch(batch.id, batch.image_ids, ai=batch.ai)
        except UnavailableError:
            logger.warning("a batch could not be published; it waits", extra={"batch": batch.id})
            _put_back(database, batch.id)
            break
        published += 1
    return published


@dataclass(frozen=True)
class _Batch:
    id: UUID
    image_ids: list[UUID]
    ai: bool


_TAKE = """
WITH out AS (
    SELECT count(*) FILTER (WHERE i.state IN ('queued', 'processing')) AS images,
           count(*) FILTER (WHERE i.ended_number IS NULL AND o.options->>'brief' IS NOT NULL) AS ai
    FROM batches AS o JOIN images AS i ON i.batch_id = o.id
    WHERE o.published_at IS NOT NULL AND o.closed_at IS NULL)
UPDATE batches SET published_at = now() WHERE id = (
    SELECT b.id FROM batches AS b JOIN accounts AS a ON a.id = b.account_id, out
    WHERE b.published_at IS NULL AND b.closed_at IS NULL AND out.images < %s
    AND (b.options->>'brief' IS NULL OR out.ai < %s)
    ORDER BY a.served_at, a.id, b.created_at LIMIT 1 FOR UPDATE OF b SKIP LOCKED)
RETURNING id, account_id, options->>'brief' IS NOT NULL AS ai
"""


def _take(database: Database, window_images: int, ai_window_images: int) -> _Batch | None:
    with database.transaction() as connection:
        connection.execute("SELECT pg_advisory_xact_lock(%s)", (_LOCK,))
        row = connection.execute(_TAKE, (window_images, ai_window_images)).fetchone()
        if row is None:
            return None
        connection.execute(
            "UPDATE accounts SET served_at = clock_timestamp() WHERE id = %s", (row["account_id"],)
        )
        images = connection.execute(
            "SELECT id FROM images WHERE batch_id = %s AND state = 'queued' ORDER BY index",
            (row["id"],),
        ).fetchall()
    return _Batch(row["id"], [image["id"] for image in images], row["ai"])


def _put_back(database: Database, batch_id: UUID) -> None:
    with database.autocommit() as connection:
        connection.execute("UPDATE batches SET published_at = NULL WHERE id = %s", (batch_id,))
