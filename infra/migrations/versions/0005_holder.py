"""Who holds a claim, so that it ends with its holder and not with its lease."""

from infra.migrations.run import run_sql

revision = "0005"
down_revision = "0004"

SQL = """
-- worker/process of the newest claim (workers/holder.py).
ALTER TABLE images ADD COLUMN claimed_by text;
"""


def upgrade() -> None:
    """The holder of a claim."""
    run_sql(SQL)
