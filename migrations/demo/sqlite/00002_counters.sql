-- What is counted rather than recorded, and written many times a second. The application chooses the keys.

-- +goose Up
CREATE TABLE page_views (
    path TEXT NOT NULL PRIMARY KEY,
    hits INTEGER NOT NULL
);

CREATE TABLE sensor_metrics (
    sensor  TEXT NOT NULL,
    minute  INTEGER NOT NULL, -- since 1970, UTC
    samples INTEGER NOT NULL,
    total   INTEGER NOT NULL, -- of all samples, in thousandths of the sensor's unit
    PRIMARY KEY (sensor, minute)
);

-- +goose Down
DROP TABLE sensor_metrics;
DROP TABLE page_views;
