"""Fairness by work: what an image is estimated to cost, and what each account has had."""

from infra.migrations.run import run_sql

revision = "0009"
down_revision = "0008"

SQL = """
ALTER TABLE images
    ADD COLUMN account_id bigint,  -- of its batch; null in rows that ended before this column was
    ADD COLUMN ai boolean NOT NULL DEFAULT false,  -- its batch asks for a text
    ADD COLUMN waited_for boolean NOT NULL DEFAULT false,  -- its request waits for the result
    -- The estimate, null until it is made. max: for any pixels of that size.
    ADD COLUMN cpu_seconds double precision,
    ADD COLUMN max_cpu_seconds double precision,
    ADD COLUMN memory_bytes bigint,
    -- The queue that it was sent to, for the first time: then its account was charged for it.
    ADD COLUMN lane text CHECK (lane IN ('images', 'express')),
    ADD COLUMN claimed_at timestamptz,  -- when its present claim was made
    ADD COLUMN not_before timestamptz,  -- no message is sent earlier
    ADD COLUMN memory_waits integer NOT NULL DEFAULT 0;  -- how often it found no memory

-- No INSERT has to name these, those of the version before this one do not.
CREATE FUNCTION images_know_their_batch() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    SELECT account_id, options->>'brief' IS NOT NULL INTO NEW.account_id, NEW.ai
    FROM batches WHERE id = NEW.batch_id;
    IF NEW.state = 'optimised' THEN  -- no pixel is left to do
        NEW.cpu_seconds := 0; NEW.max_cpu_seconds := 0; NEW.memory_bytes := 0;
    END IF;
    RETURN NEW;
END $$;
CREATE TRIGGER images_know_their_batch BEFORE INSERT ON images
    FOR EACH ROW EXECUTE FUNCTION images_know_their_batch();

UPDATE images AS i
SET account_id = b.account_id, ai = b.options->>'brief' IS NOT NULL,
    published_at = coalesce(i.published_at, b.published_at),
    cpu_seconds = CASE i.state WHEN 'optimised' THEN 0 END,
    max_cpu_seconds = CASE i.state WHEN 'optimised' THEN 0 END,
    memory_bytes = CASE i.state WHEN 'optimised' THEN 0 END
FROM batches AS b WHERE b.id = i.batch_id AND i.ended_number IS NULL;

-- What is to be sent, by account and kind. The third column is `_IS_SMALL` of shared/db/sending.py.
CREATE INDEX images_to_send ON images (account_id, state,
    ((cpu_seconds <= 0.5 AND max_cpu_seconds <= 4 AND memory_bytes <= 200000000) IS TRUE), ai,
    waited_for DESC, created_at, index)
    WHERE published_at IS NULL AND state IN ('queued', 'optimised') AND cpu_seconds IS NOT NULL;
-- What was sent and has not ended.
CREATE INDEX images_out ON images (state, lane)
    WHERE published_at IS NOT NULL AND ended_number IS NULL;
-- What waits for memory.
CREATE INDEX images_held_back ON images (not_before)
    WHERE state = 'queued' AND not_before IS NOT NULL;
CREATE INDEX images_to_measure ON images (batch_id)
    WHERE state = 'queued' AND cpu_seconds IS NULL;
CREATE INDEX images_backlog ON images (account_id, created_at)
    WHERE state IN ('queued', 'optimised');

-- Bytes in the store: of originals and watermark until they are deleted, and of outputs.
ALTER TABLE batches
    ADD COLUMN measured_at timestamptz,  -- when its images were estimated, or last sent for that
    ADD COLUMN input_bytes bigint NOT NULL DEFAULT 0,
    ADD COLUMN output_bytes bigint NOT NULL DEFAULT 0;

-- Their sum over the account's batches, kept up by a trigger, so that whatever changes a batch
-- changes it in the same transaction.
ALTER TABLE accounts ADD COLUMN stored_bytes bigint NOT NULL DEFAULT 0;
CREATE FUNCTION stored_bytes(batch batches) RETURNS bigint LANGUAGE sql IMMUTABLE AS $$
    SELECT CASE WHEN batch.inputs_deleted_at IS NULL THEN batch.input_bytes ELSE 0 END
        + CASE WHEN batch.outputs_deleted_at IS NULL THEN batch.output_bytes ELSE 0 END
$$;
CREATE FUNCTION batches_count_as_stored() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    change bigint := CASE WHEN TG_OP = 'DELETE' THEN 0 ELSE stored_bytes(NEW) END
        - CASE WHEN TG_OP = 'INSERT' THEN 0 ELSE stored_bytes(OLD) END;
BEGIN
    IF change <> 0 THEN
        UPDATE accounts SET stored_bytes = accounts.stored_bytes + change
        WHERE id = CASE WHEN TG_OP = 'DELETE' THEN OLD.account_id ELSE NEW.account_id END;
    END IF;
    RETURN NULL;
END $$;
CREATE TRIGGER batches_count_as_stored AFTER INSERT OR DELETE
    OR UPDATE OF input_bytes, output_bytes, inputs_deleted_at, outputs_deleted_at ON batches
    FOR EACH ROW EXECUTE FUNCTION batches_count_as_stored();

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

-- All that waits, as it was last counted.
CREATE TABLE backlog (
    is_one boolean PRIMARY KEY DEFAULT true CHECK (is_one),
    images bigint NOT NULL DEFAULT 0,
    accounts bigint NOT NULL DEFAULT 0,
    cpu_seconds double precision NOT NULL DEFAULT 0,
    oldest_at timestamptz,
    counted_at timestamptz NOT NULL DEFAULT '-infinity'
);
INSERT INTO backlog DEFAULT VALUES;

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
