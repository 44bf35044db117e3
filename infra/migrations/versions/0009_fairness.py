"""Fairness by work: what an image is estimated to cost, and what each account has had."""

from infra.migrations.run import run_sql

revision = "0009"
down_revision = "0008"

SQL = """
ALTER TABLE images
    ADD COLUMN account_id bigint,  -- of its batch; null in rows that ended before this column was
    ADD COLUMN waited_for boolean NOT NULL DEFAULT false,  -- its request waits for the result
    -- The estimate, null until it is made. max: for any pixels of that size.
    ADD COLUMN cpu_seconds double precision,
    ADD COLUMN max_cpu_seconds double precision,
    ADD COLUMN memory_bytes bigint,
    ADD COLUMN lane text CHECK (lane IN ('images', 'express')),  -- the queue that it was sent to
    ADD COLUMN claimed_at timestamptz,  -- when its present claim was made
    ADD COLUMN not_before timestamptz,  -- no message is sent earlier
    ADD COLUMN memory_waits integer NOT NULL DEFAULT 0;  -- how often it found no memory

UPDATE images AS i
SET account_id = b.account_id, published_at = coalesce(i.published_at, b.published_at)
FROM batches AS b WHERE b.id = i.batch_id AND i.ended_number IS NULL;

-- Rows that the version before this one inserts have no account.
CREATE FUNCTION images_know_their_account() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    NEW.account_id := (SELECT account_id FROM batches WHERE id = NEW.batch_id);
    RETURN NEW;
END $$;
CREATE TRIGGER images_know_their_account BEFORE INSERT ON images
    FOR EACH ROW WHEN (NEW.account_id IS NULL) EXECUTE FUNCTION images_know_their_account();

CREATE INDEX images_to_send ON images (account_id, waited_for DESC, created_at, index)
    WHERE state = 'queued' AND published_at IS NULL;
CREATE INDEX images_backlog ON images (account_id, created_at)
    WHERE state IN ('queued', 'optimised');

-- Bytes in the store: of originals and watermark until they are deleted, and of outputs.
ALTER TABLE batches
    ADD COLUMN measured_at timestamptz,  -- when its images were estimated, or last sent for that
    ADD COLUMN input_bytes bigint NOT NULL DEFAULT 0,
    ADD COLUMN output_bytes bigint NOT NULL DEFAULT 0;

-- Start-time fair queueing: the virtual time of each account, and of the whole system.
CREATE TABLE shares (
    account_id bigint PRIMARY KEY REFERENCES accounts ON DELETE CASCADE,
    virtual_seconds double precision NOT NULL DEFAULT 0
);
CREATE TABLE dispatcher (
    is_one boolean PRIMARY KEY DEFAULT true CHECK (is_one),
    virtual_seconds double precision NOT NULL DEFAULT 0
);
INSERT INTO dispatcher DEFAULT VALUES;

-- CPU seconds that were spent for an account, by the hour; those of failures too.
CREATE TABLE work (
    account_id bigint NOT NULL REFERENCES accounts ON DELETE CASCADE,
    hour timestamptz NOT NULL,
    cpu_seconds double precision NOT NULL,
    PRIMARY KEY (account_id, hour)
);
CREATE INDEX work_age ON work (hour);
"""


def upgrade() -> None:
    """Estimates, shares and work."""
    run_sql(SQL)
