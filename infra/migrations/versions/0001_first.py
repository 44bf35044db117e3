"""The first schema."""

from infra.migrations.run import run_sql

revision = "0001"
down_revision = None

SQL = """
CREATE TABLE accounts (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    name text NOT NULL UNIQUE CHECK (name <> ''),
    plan text NOT NULL CHECK (plan IN ('free', 'starter', 'pro', 'agency')),
    topup_credits bigint NOT NULL DEFAULT 0 CHECK (topup_credits >= 0),
    created_at timestamptz NOT NULL DEFAULT now(),  -- its day renews the billing period
    served_at timestamptz NOT NULL DEFAULT '-infinity'  -- dispatch serves the least lately served
);

CREATE TABLE api_keys (
    key_hash bytea PRIMARY KEY,
    account_id bigint NOT NULL REFERENCES accounts ON DELETE CASCADE,
    created_at timestamptz NOT NULL DEFAULT now(),
    revoked_at timestamptz
);
CREATE UNIQUE INDEX api_keys_one_live ON api_keys (account_id) WHERE revoked_at IS NULL;

CREATE TABLE usage (
    account_id bigint NOT NULL REFERENCES accounts ON DELETE CASCADE,
    period date NOT NULL,
    images bigint NOT NULL DEFAULT 0 CHECK (images >= 0),
    ai_credits bigint NOT NULL DEFAULT 0 CHECK (ai_credits >= 0),
    PRIMARY KEY (account_id, period)
);

-- Outlives the images: no reference to them.
CREATE TABLE ledger (
    image_id uuid NOT NULL,
    unit text NOT NULL CHECK (unit IN ('image', 'ai')),
    kind text NOT NULL CHECK (kind IN ('reserved', 'spent', 'released')),
    account_id bigint NOT NULL REFERENCES accounts ON DELETE CASCADE,
    source text NOT NULL CHECK (source IN ('period', 'topup')),
    period date NOT NULL,
    at timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (image_id, unit, kind)
);
-- Spent or released, never both.
CREATE UNIQUE INDEX ledger_settled_once ON ledger (image_id, unit) WHERE kind <> 'reserved';

CREATE TABLE sessions (
    id uuid PRIMARY KEY,
    account_id bigint NOT NULL REFERENCES accounts ON DELETE CASCADE,
    name text NOT NULL,
    created_at timestamptz NOT NULL DEFAULT now(),
    cancelled_at timestamptz,
    completed integer NOT NULL DEFAULT 0,
    failed integer NOT NULL DEFAULT 0,
    cancelled integer NOT NULL DEFAULT 0,
    -- Numbers the images in the order in which they ended. Drawn under this row's lock, so
    -- that a reader who has seen number n has seen all below it.
    last_ended bigint NOT NULL DEFAULT 0,
    UNIQUE (account_id, name)
);

CREATE TABLE batches (
    id uuid PRIMARY KEY,
    session_id uuid NOT NULL REFERENCES sessions ON DELETE CASCADE,
    account_id bigint NOT NULL REFERENCES accounts ON DELETE CASCADE,
    options jsonb NOT NULL,
    watermark_key text,
    warnings jsonb NOT NULL,
    total integer NOT NULL CHECK (total > 0),
    ended integer NOT NULL DEFAULT 0 CHECK (ended <= total),
    created_at timestamptz NOT NULL DEFAULT now(),
    published_at timestamptz,
    closed_at timestamptz,
    inputs_deleted_at timestamptz,
    outputs_deleted_at timestamptz
);
CREATE INDEX batches_waiting ON batches (account_id, created_at)
    WHERE published_at IS NULL AND closed_at IS NULL;
CREATE INDEX batches_out ON batches (id) WHERE published_at IS NOT NULL AND closed_at IS NULL;
CREATE INDEX batches_inputs ON batches (closed_at) WHERE inputs_deleted_at IS NULL;
CREATE INDEX batches_outputs ON batches (closed_at) WHERE outputs_deleted_at IS NULL;
CREATE INDEX batches_closed ON batches (closed_at);
CREATE INDEX batches_session ON batches (session_id);

CREATE TABLE images (
    id uuid PRIMARY KEY,
    batch_id uuid NOT NULL REFERENCES batches ON DELETE CASCADE,
    session_id uuid NOT NULL REFERENCES sessions ON DELETE CASCADE,
    index integer NOT NULL,
    original_name text NOT NULL,
    original_size bigint NOT NULL,
    original_sha256 bytea NOT NULL,
    file_name text NOT NULL,
    created_at timestamptz NOT NULL DEFAULT now(),
    state text NOT NULL DEFAULT 'queued' CHECK (state IN
        ('queued', 'processing', 'optimised', 'describing', 'done', 'failed', 'cancelled')),
    published_at timestamptz,  -- when its own message was published again, if it was
    attempt integer NOT NULL DEFAULT 0,
    token uuid,  -- of the present claim; fences its commit
    lease_until timestamptz,
    format text,
    width integer,
    height integer,
    compressed_size bigint,
    output_key text,  -- names the winner; null once the output was deleted
    watermarked boolean NOT NULL DEFAULT false,
    alt_text text,
    warnings jsonb NOT NULL DEFAULT '[]',
    error_code text,
    error_message text,
    ended_at timestamptz,
    ended_number bigint,
    UNIQUE (batch_id, index),
    UNIQUE (session_id, ended_number),
    CHECK ((state IN ('done', 'failed', 'cancelled')) = (ended_number IS NOT NULL)),
    CHECK ((state IN ('processing', 'describing')) = (token IS NOT NULL))
);
CREATE INDEX images_queued ON images (created_at) WHERE state IN ('queued', 'optimised');
CREATE INDEX images_claimed ON images (lease_until) WHERE state IN ('processing', 'describing');
CREATE INDEX images_open ON images (session_id, state)
    WHERE state NOT IN ('done', 'failed', 'cancelled');

-- The state machine of shared/db/image_states.py, so that no mistake in a statement can break it.
CREATE FUNCTION images_keep_to_transitions() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF (OLD.state, NEW.state) NOT IN (
        ('queued', 'processing'), ('queued', 'failed'), ('queued', 'cancelled'),
        ('processing', 'queued'), ('processing', 'optimised'), ('processing', 'done'),
        ('processing', 'failed'), ('processing', 'cancelled'),
        ('optimised', 'describing'), ('optimised', 'done'),
        ('optimised', 'failed'), ('optimised', 'cancelled'),
        ('describing', 'optimised'), ('describing', 'done'),
        ('describing', 'failed'), ('describing', 'cancelled')
    ) THEN
        RAISE EXCEPTION 'image % may not go from % to %', OLD.id, OLD.state, NEW.state;
    END IF;
    RETURN NEW;
END $$;
CREATE TRIGGER images_keep_to_transitions BEFORE UPDATE OF state ON images
    FOR EACH ROW WHEN (OLD.state IS DISTINCT FROM NEW.state)
    EXECUTE FUNCTION images_keep_to_transitions();

-- Every file name that was given out in a session, case-folded, and the next number to try
-- when it is asked for again.
CREATE TABLE file_names (
    session_id uuid NOT NULL REFERENCES sessions ON DELETE CASCADE,
    folded text NOT NULL,
    next_number integer NOT NULL DEFAULT 2,
    PRIMARY KEY (session_id, folded)
);

CREATE TABLE idempotency_keys (
    account_id bigint NOT NULL REFERENCES accounts ON DELETE CASCADE,
    key text NOT NULL,
    fingerprint bytea NOT NULL,
    token uuid NOT NULL,  -- of the request that is being accepted; fences its end
    accepting_until timestamptz NOT NULL,
    created_at timestamptz NOT NULL DEFAULT now(),
    batch_id uuid REFERENCES batches ON DELETE CASCADE,
    PRIMARY KEY (account_id, key)
);
CREATE INDEX idempotency_keys_age ON idempotency_keys (created_at);
CREATE INDEX idempotency_keys_batch ON idempotency_keys (batch_id);  -- for the cascade
"""


def upgrade() -> None:
    """Accounts, keys, credits, sessions, batches, images."""
    run_sql(SQL)
