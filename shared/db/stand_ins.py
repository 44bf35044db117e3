"""Which of two images stands in lists and counts: the one of before, or the one made again.

`replaced_by` says it of the other one, which is in no list and no count of its session. An image
is done or failed for good, so only a retry that ends changes anything here.
"""

from uuid import UUID

from shared.db.database import Connection

# What is gone is not kept in its place: neither its row nor its output.
_SETTLE = """
WITH pair AS (
    SELECT n.id AS new, o.id AS old,
        o.state <> 'done' OR o.output_key IS NULL OR %(brings_text)s AS replaces
    FROM images AS n JOIN images AS o ON o.id = n.retry_of
    WHERE n.id = %(id)s
), hidden AS (
    UPDATE images AS i SET replaced_by = CASE WHEN pair.replaces THEN pair.new ELSE pair.old END
    FROM pair WHERE i.id = CASE WHEN pair.replaces THEN pair.old ELSE pair.new END
    RETURNING i.session_id, i.state, i.original_size, i.compressed_size
)
UPDATE sessions AS s
SET completed = completed - (hidden.state = 'done')::int,
    failed = failed - (hidden.state = 'failed')::int,
    original_bytes = s.original_bytes
        - CASE hidden.state WHEN 'done' THEN hidden.original_size ELSE 0 END,
    compressed_bytes = s.compressed_bytes
        - CASE hidden.state WHEN 'done' THEN hidden.compressed_size ELSE 0 END
FROM hidden WHERE s.id = hidden.session_id
"""

# `_LET_GO` locks the old batch and, by a trigger, the account, and the caller then the new batch.
_LOCK_BATCHES = """
SELECT FROM batches WHERE id IN (
    SELECT unnest(ARRAY[n.batch_id, o.batch_id])
    FROM images AS n JOIN images AS o ON o.id = n.retry_of WHERE n.id = %s)
ORDER BY id FOR NO KEY UPDATE
"""
# The sweep looks at its inputs anew: repeated retries must not fill the store with copies.
_LET_GO = """
UPDATE batches AS b SET inputs_deleted_at = NULL
FROM images AS n JOIN images AS o ON o.id = n.retry_of
WHERE n.id = %s AND o.replaced_by = n.id AND b.id = o.batch_id
"""


def settle(connection: Connection, image_id: UUID, *, brings_text: bool) -> None:
    """After a retry has ended and was counted: hides it or the image that it made again.

    A failed image is replaced by its retry, however that ended: the newest word counts. An image
    without text stays where its retry brought none either. What was kept to make a replaced image
    again is deleted by the sweep. The caller has locked the session.
    """
    connection.execute(_SETTLE, {"id": image_id, "brings_text": brings_text})
    connection.execute(_LOCK_BATCHES, (image_id,))
    connection.execute(_LET_GO, (image_id,))
