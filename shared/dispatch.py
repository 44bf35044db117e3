"""dispatch(): lets waiting batches out to the workers, a window at a time, fair by account.

It is a function over rows. Called after every accept, when a batch closes, and by the
periodic process; any number of callers at once do no harm.
"""

import logging
from uuid import UUID

from shared.database import Database
from shared.errors import UnavailableError
from shared.queue import Queue

logger = logging.getLogger(__name__)

_LOCK = 0x64697370  # one dispatcher at a time: two that count together overshoot the window


def dispatch(database: Database, queue: Queue, window_images: int) -> int:
    """Publishes batches while fewer than `window_images` images are out; gives how many.

    Of the accounts with a waiting batch the one served least lately goes first. A publish
    that fails puts its batch back; what a crash leaves published but unsent, the sweeper sends.
    """
    published = 0
    while (batch := _take(database, window_images)) is not None:
        try:
            queue.publish_batch(*batch)
        except UnavailableError:
            logger.warning("a batch could not be published; it waits", extra={"batch": batch[0]})
            _put_back(database, batch[0])
            break
        published += 1
    return published


def _take(database: Database, window_images: int) -> tuple[UUID, list[UUID]] | None:
    with database.transaction() as connection:
        connection.execute("SELECT pg_advisory_xact_lock(%s)", (_LOCK,))
        row = connection.execute(
            "UPDATE batches SET published_at = now() WHERE id = ("
            " SELECT b.id FROM batches AS b JOIN accounts AS a ON a.id = b.account_id"
            " WHERE b.published_at IS NULL AND b.closed_at IS NULL"
            " AND (SELECT coalesce(sum(total - ended), 0) FROM batches"
            "      WHERE published_at IS NOT NULL AND closed_at IS NULL) < %s"
            " ORDER BY a.served_at, a.id, b.created_at LIMIT 1 FOR UPDATE OF b SKIP LOCKED)"
            " RETURNING id, account_id",
            (window_images,),
        ).fetchone()
        if row is None:
            return None
        connection.execute(
            "UPDATE accounts SET served_at = clock_timestamp() WHERE id = %s", (row["account_id"],)
        )
        images = connection.execute(
            "SELECT id FROM images WHERE batch_id = %s AND state = 'queued' ORDER BY index",
            (row["id"],),
        ).fetchall()
    return row["id"], [image["id"] for image in images]


def _put_back(database: Database, batch_id: UUID) -> None:
    with database.autocommit() as connection:
        connection.execute("UPDATE batches SET published_at = NULL WHERE id = %s", (batch_id,))
