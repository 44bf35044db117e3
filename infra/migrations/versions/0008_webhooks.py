"""Webhooks: whom to call when a batch has closed, and the secrets that sign the calls."""

from infra.migrations.run import run_sql

revision = "0008"
down_revision = "0007"

SQL = """
-- Of an account: the one without an end is the newest; the others sign along until they expire.
CREATE TABLE webhook_secrets (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    account_id bigint NOT NULL REFERENCES accounts ON DELETE CASCADE,
    secret bytea NOT NULL,  -- encrypted (shared/secret_keys.py)
    expires_at timestamptz
);
CREATE INDEX webhook_secrets_account ON webhook_secrets (account_id, id);

-- Outlives its batch and its session: no reference to them.
CREATE TABLE webhooks (
    batch_id uuid PRIMARY KEY,
    account_id bigint NOT NULL REFERENCES accounts ON DELETE CASCADE,
    session_id uuid NOT NULL,
    session_name text NOT NULL,
    url text NOT NULL,
    origin text NOT NULL,  -- host and port of the url; calls to it are bounded
    event text NOT NULL DEFAULT 'batch.completed'
        CHECK (event IN ('batch.completed', 'batch.cancelled')),
    status text NOT NULL DEFAULT 'waiting'
        CHECK (status IN ('waiting', 'pending', 'delivered', 'failed')),
    message_id uuid NOT NULL DEFAULT gen_random_uuid(),  -- the same at every attempt
    created_at timestamptz NOT NULL DEFAULT now(),
    occurred_at timestamptz,  -- when the batch closed, or was cancelled
    due_at timestamptz,  -- of the next attempt
    attempts integer NOT NULL DEFAULT 0,
    is_repeat boolean NOT NULL GENERATED ALWAYS AS (attempts > 0) STORED,
    last_status integer,
    token uuid,  -- of the present claim; fences its commit
    lease_until timestamptz,
    claimed_by text,
    ended_at timestamptz,
    CHECK ((status = 'waiting') = (due_at IS NULL)),
    CHECK ((status IN ('delivered', 'failed')) = (ended_at IS NOT NULL)),
    CHECK (token IS NULL OR status = 'pending')
);
-- The calls that are due are looked for account by account, first attempts before repeats.
CREATE INDEX webhooks_due ON webhooks (account_id, is_repeat, due_at)
    WHERE status = 'pending' AND token IS NULL;
CREATE INDEX webhooks_claimed ON webhooks (lease_until) WHERE token IS NOT NULL;
CREATE INDEX webhooks_undelivered ON webhooks (session_id, created_at)
    WHERE status <> 'delivered';
CREATE INDEX webhooks_ended ON webhooks (ended_at) WHERE ended_at IS NOT NULL;

-- Triggers, so that whatever closes a batch or deletes a session does so in the same transaction:
-- also a process of an older version, which knows no webhooks.
CREATE FUNCTION webhook_becomes_due() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    UPDATE webhooks SET status = 'pending', occurred_at = now(), due_at = now()
    WHERE batch_id = NEW.id AND status = 'waiting';
    RETURN NULL;
END $$;
CREATE TRIGGER batches_make_their_webhook_due AFTER UPDATE OF closed_at ON batches
FOR EACH ROW WHEN (OLD.closed_at IS NULL AND NEW.closed_at IS NOT NULL)
EXECUTE FUNCTION webhook_becomes_due();

-- Each receiver that was not told of its batch's end is told that it was cancelled, once. That is
-- another event, so it has another id: a receiver drops an id that it has seen. A call that is
-- under way loses its claim.
CREATE FUNCTION webhooks_are_cancelled() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    UPDATE webhooks
    SET event = 'batch.cancelled', status = 'pending', message_id = gen_random_uuid(),
        attempts = 0, last_status = NULL, occurred_at = now(), due_at = now(), token = NULL,
        lease_until = NULL
    WHERE session_id = NEW.id AND status IN ('waiting', 'pending');
    RETURN NULL;
END $$;
CREATE TRIGGER sessions_cancel_their_webhooks AFTER UPDATE OF cancelled_at ON sessions
FOR EACH ROW WHEN (OLD.cancelled_at IS NULL AND NEW.cancelled_at IS NOT NULL)
EXECUTE FUNCTION webhooks_are_cancelled();
"""


def upgrade() -> None:
    """Tables of webhooks and their secrets; closing a batch makes its call due."""
    run_sql(SQL)
