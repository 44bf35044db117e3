"""Images that are made again, and which of two stands in the lists."""

from infra.migrations.run import run_sql

revision = "0007"
down_revision = "0006"

SQL = """
-- No references: either row may be deleted first.
ALTER TABLE images
    ADD COLUMN retry_of uuid,  -- the image that this one makes again
    ADD COLUMN replaced_by uuid;  -- the image that lists and counts have instead of this one

-- An image has at most one open retry, whatever a statement forgets.
CREATE UNIQUE INDEX images_open_retry ON images (retry_of)
    WHERE retry_of IS NOT NULL AND ended_number IS NULL;

-- How often an image was made again.
CREATE INDEX images_retries ON images (retry_of) WHERE retry_of IS NOT NULL;

-- Among these is what a retry looks for.
CREATE INDEX images_imperfect ON images (session_id) WHERE state = 'failed' OR warnings <> '[]';
"""


def upgrade() -> None:
    """Columns that tie an image to the one that it makes again."""
    run_sql(SQL)
