"""Finding, watching, cancelling and deleting sessions; `views` reads what is in them."""

from uuid import UUID

from shared.db import credits, image_states
from shared.db.database import Connection, Database, Row
from shared.errors import NotFoundError

_IS_CLOSED = "SELECT closed_at IS NOT NULL AS closed FROM batches WHERE id = %s"


def is_batch_closed(database: Database, batch_id: UUID) -> bool:
    """Whether every image of the batch has ended."""
    return all(row["closed"] for row in database.execute(_IS_CLOSED, (batch_id,)))


_COUNT_CANCELLED = """
UPDATE sessions
SET last_ended = last_ended + %(n)s, cancelled = cancelled
    + (SELECT count(*) FROM images WHERE id = ANY(%(ids)s) AND replaced_by IS NULL)
WHERE id = %(id)s
"""
_CLOSE_BATCHES = """
UPDATE batches SET ended = total, closed_at = now()
WHERE session_id = %s AND closed_at IS NULL RETURNING id
"""


def cancel(database: Database, account_id: int, name: str) -> tuple[UUID, list[UUID]]:
    """Ends what has not ended and gives its credits back; the session takes more batches.

    An image in work is cancelled too: its worker's commit will be refused. Returns the session's
    id and the batches that this closed. Raises NotFoundError.
    """
    with database.transaction() as connection:
        session_id = find(connection, account_id, name, lock="FOR NO KEY UPDATE")["id"]
        return session_id, _cancel_open(connection, session_id)


def _cancel_open(connection: Connection, session_id: UUID) -> list[UUID]:
    cancelled = image_states.cancel_open(connection, session_id)
    connection.execute(_COUNT_CANCELLED, {"id": session_id, "ids": cancelled, "n": len(cancelled)})
    closed = connection.execute(_CLOSE_BATCHES, (session_id,)).fetchall()
    credits.release(connection, cancelled)
    return [row["id"] for row in closed]


_NOTE_DELETED = """
UPDATE sessions SET cancelled_at = coalesce(cancelled_at, now()) WHERE id = %s
"""
_FORGET_OUTPUTS = """
UPDATE images SET output_key = NULL WHERE session_id = %s AND output_key IS NOT NULL
"""
_BATCHES = "SELECT id FROM batches WHERE session_id = %s"


def delete(database: Database, account_id: int, name: str) -> tuple[UUID, list[UUID]]:
    """Cancels the session, forgets every output, and takes no further batch.

    Returns the session's id and its batches, whose objects the caller deletes. Raises
    NotFoundError.
    """
    with database.transaction() as connection:
        session_id = find(connection, account_id, name, lock="FOR NO KEY UPDATE")["id"]
        connection.execute(_FORGET_OUTPUTS, (session_id,))
        _cancel_open(connection, session_id)
        connection.execute(_NOTE_DELETED, (session_id,))
        batches = connection.execute(_BATCHES, (session_id,)).fetchall()
    return session_id, [row["id"] for row in batches]


_SESSION = """
SELECT id, cancelled_at, completed, failed, cancelled, last_ended, original_bytes, compressed_bytes
FROM sessions WHERE account_id = %s AND name = %s {lock}
"""


def find(connection: Connection, account_id: int, name: str, lock: str = "") -> Row:
    """The row of the account's session of that name; raises NotFoundError."""
    row = connection.execute(_SESSION.format(lock=lock), (account_id, name)).fetchone()
    if row is None:
        raise NotFoundError("There is no such session")
    return row
