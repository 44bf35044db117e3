"""The first schema."""

from infra.migrate import run_file

revision = "0001"
down_revision = None


def upgrade() -> None:
    """Accounts, keys, credits, sessions, batches, images."""
    run_file("0001_first.sql")
