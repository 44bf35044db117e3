"""The folders that images were sent in, and the list of an account's sessions."""

from infra.migrations.run import run_sql

revision = "0006"
down_revision = "0005"

SQL = """
-- Where the image lies in its session, with slashes: shoes/red. Null: in no folder.
ALTER TABLE images ADD COLUMN folder text;

-- file_names.folded is the whole path now, and holds the folders too: their path as it was first
-- written, for every later file that is sent in them. Null where no folder has the name.
ALTER TABLE file_names ADD COLUMN folder text;

-- The newest first; the name decides between two of one moment.
CREATE INDEX sessions_newest ON sessions (account_id, created_at DESC, name DESC);
"""


def upgrade() -> None:
    """A folder for each image, the folders of a session, and an index of the newest sessions."""
    run_sql(SQL)
