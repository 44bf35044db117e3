-- The second step of an image, and what its calls to the model took.
ALTER TABLE images
    ADD COLUMN preview_key text,  -- the small picture that the model sees; set while it is wanted
    ADD COLUMN optimised_at timestamptz,
    ADD COLUMN describe_attempt integer NOT NULL DEFAULT 0,
    ADD COLUMN describe_after timestamptz,  -- when its limits let it go on, should they have held it
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
