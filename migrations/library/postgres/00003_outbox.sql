-- What transactions have written, for the caches of other processes.

-- +goose Up
CREATE TABLE IF NOT EXISTS cachewright_outbox (
    xid        XID8 NOT NULL DEFAULT pg_current_xact_id(), -- of the transaction, not of a part of it
    n          BIGINT GENERATED ALWAYS AS IDENTITY,
    origin     UUID,  -- of the process; NULL for what a trigger noted
    tags       BYTEA, -- of a process
    table_name TEXT,  -- of a trigger
    row_keys   JSONB, -- of a trigger: a list of keys, each a list of its columns as text; NULL for the whole table
    PRIMARY KEY (xid, n)
);

CREATE TABLE IF NOT EXISTS cachewright_outbox_state (
    one        BOOLEAN NOT NULL DEFAULT TRUE PRIMARY KEY CHECK (one),
    generation UUID NOT NULL DEFAULT gen_random_uuid(), -- of the outbox: another one means another history
    trimmed    PG_SNAPSHOT NOT NULL DEFAULT '1:1:'      -- rows that were visible to it may be gone
);

INSERT INTO cachewright_outbox_state DEFAULT VALUES ON CONFLICT DO NOTHING;

-- +goose Down
DROP TABLE IF EXISTS cachewright_outbox_state;

DROP TABLE IF EXISTS cachewright_outbox;
