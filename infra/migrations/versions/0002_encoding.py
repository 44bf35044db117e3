"""How each output got its pixels."""

from infra.migrations.run import run_sql

revision = "0002"
down_revision = "0001"

SQL = """
-- How the output got its pixels: reencoded, lossless or original. Null for images
-- that have no output, and for those that ended before this column was there.
ALTER TABLE images ADD COLUMN encoding text;
"""


def upgrade() -> None:
    """A column for `encoding`, null in the rows there are."""
    run_sql(SQL)
