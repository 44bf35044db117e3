"""What a session's poll says of all its batches: their warnings, and bytes before and after."""

from infra.migrations.run import run_sql

revision = "0004"
down_revision = "0003"

SQL = """
-- Of the images that ended well.
ALTER TABLE sessions
    ADD COLUMN original_bytes bigint NOT NULL DEFAULT 0,
    ADD COLUMN compressed_bytes bigint NOT NULL DEFAULT 0;

UPDATE sessions AS s SET original_bytes = done.original, compressed_bytes = done.compressed
FROM (
    SELECT session_id, sum(original_size) AS original, sum(compressed_size) AS compressed
    FROM images WHERE state = 'done' GROUP BY session_id
) AS done
WHERE s.id = done.session_id;

-- A poll reads the newest of them, whatever number of batches a session has.
CREATE INDEX batches_warned ON batches (session_id, created_at) WHERE warnings <> '[]';
"""


def upgrade() -> None:
    """Columns for a session's bytes, and an index of the batches with warnings."""
    run_sql(SQL)
