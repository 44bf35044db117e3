"""The road of each output."""

from infra.migrate import run_file

revision = "0002"
down_revision = "0001"


def upgrade() -> None:
    """A column for `encoding`, null in the rows there are."""
    run_file("0002_encoding.sql")
