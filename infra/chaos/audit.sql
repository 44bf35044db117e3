-- How often something happened to a row, which the row itself does not keep.
CREATE TABLE chaos_events (
    id uuid NOT NULL,  -- of an image or a batch
    event text NOT NULL
);
CREATE FUNCTION chaos_note() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    INSERT INTO chaos_events VALUES (NEW.id, TG_ARGV[0]);
    RETURN NULL;
END $$;
CREATE TRIGGER chaos_claimed AFTER UPDATE OF state ON images
    FOR EACH ROW WHEN (OLD.state = 'queued' AND NEW.state = 'processing')
    EXECUTE FUNCTION chaos_note('claimed');
CREATE TRIGGER chaos_ended AFTER UPDATE OF ended_number ON images
    FOR EACH ROW WHEN (OLD.ended_number IS DISTINCT FROM NEW.ended_number)
    EXECUTE FUNCTION chaos_note('ended');
CREATE TRIGGER chaos_closed AFTER UPDATE OF closed_at ON batches
    FOR EACH ROW WHEN (OLD.closed_at IS DISTINCT FROM NEW.closed_at)
    EXECUTE FUNCTION chaos_note('closed');
