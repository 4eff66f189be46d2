-- How far each flusher of write-back changes has come: the number of the last batch that is in this database.

-- +goose Up
CREATE TABLE IF NOT EXISTS cachewright_watermarks (
    id         TEXT NOT NULL PRIMARY KEY, -- of the flusher's journal, or of the flusher; "database" names this database
    n          BIGINT NOT NULL,
    touched_at DATETIME NOT NULL DEFAULT CURRENT_TIMESTAMP
);

-- +goose Down
DROP TABLE IF EXISTS cachewright_watermarks;
