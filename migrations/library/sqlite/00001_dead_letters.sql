-- Write-back changes that the database refused for good, each with what was pending behind it on the same row.

-- +goose Up
CREATE TABLE IF NOT EXISTS cachewright_dead_letters (
    id         INTEGER PRIMARY KEY AUTOINCREMENT, -- a number is not used again after its letter was dealt with
    table_name TEXT NOT NULL,
    row_key    TEXT NOT NULL,
    changes    TEXT NOT NULL, -- JSON, the oldest change first
    error      TEXT NOT NULL, -- what the database said
    failed_at  DATETIME NOT NULL DEFAULT CURRENT_TIMESTAMP
);

CREATE INDEX IF NOT EXISTS cachewright_dead_letters_row ON cachewright_dead_letters (table_name, row_key);

-- +goose Down
DROP TABLE IF EXISTS cachewright_dead_letters;
