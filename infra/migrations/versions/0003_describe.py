"""The step that describes an image, and what it spends."""

from infra.migrate import run_file

revision = "0003"
down_revision = "0002"


def upgrade() -> None:
    """Columns of the second step, and the table of tokens by account and day."""
    run_file("0003_describe.sql")
