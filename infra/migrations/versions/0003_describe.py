"""The step that describes an image, and what it spends."""

from infra.migrations.run import run_sql

revision = "0003"
down_revision = "0002"

SQL = """
-- The second step of an image, and what its calls to the model took.
ALTER TABLE images
    ADD COLUMN preview_key text,  -- the small picture that the model sees; set while it is wanted
    ADD COLUMN optimised_at timestamptz,
    ADD COLUMN describe_attempt integer NOT NULL DEFAULT 0,
    ADD COLUMN describe_after timestamptz,  -- when a limit that held it lets it go on
    ADD COLUMN ai_input_tokens bigint NOT NULL DEFAULT 0,
    ADD COLUMN ai_cached_tokens bigint NOT NULL DEFAULT 0,
    ADD COLUMN ai_output_tokens bigint NOT NULL DEFAULT 0;

-- What an account spends on the model by UTC day: for the limits, and it outlives the images.
CREATE TABLE ai_usage (
    account_id bigint NOT NULL REFERENCES accounts ON DELETE CASCADE,
    day date NOT NULL,
    calls bigint NOT NULL DEFAULT 0,
    input_tokens bigint NOT NULL DEFAULT 0,
    cached_tokens bigint NOT NULL DEFAULT 0,
    output_tokens bigint NOT NULL DEFAULT 0,
    PRIMARY KEY (account_id, day)
);
CREATE INDEX ai_usage_day ON ai_usage (day);
"""


def upgrade() -> None:
    """Columns of the second step, and the table of tokens by account and day."""
    run_sql(SQL)
