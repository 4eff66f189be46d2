-- What is counted rather than recorded, and written many times a second. The application chooses the keys.

-- +goose Up
CREATE TABLE page_views (
    path TEXT PRIMARY KEY,
    hits BIGINT NOT NULL
);

CREATE TABLE sensor_metrics (
    sensor  TEXT NOT NULL,
    minute  BIGINT NOT NULL, -- since 1970, UTC
    samples BIGINT NOT NULL,
    total   BIGINT NOT NULL, -- of all samples, in thousandths of the sensor's unit
    PRIMARY KEY (sensor, minute)
);

-- +goose Down
DROP TABLE sensor_metrics;
DROP TABLE page_views;
