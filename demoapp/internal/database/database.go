// Package database opens the demo's database, PostgreSQL or SQLite, with its tables made and its statements counted.
package database

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"log/slog"
	"time"

	"github.com/pressly/goose/v3"
	"gorm.io/gorm"
	"gorm.io/gorm/logger"

	"github.com/cachewright/cachewright/demoapp/internal/meter"
	"github.com/cachewright/cachewright/migrations"
)

// versionTable is where goose remembers which of the demo's migrations were applied.
const versionTable = "cachewright_demo_migrations"

const (
	connections   = 16          // of the application
	slowStatement = time.Second // what GORM warns of
)

// Database is an open database.
type Database struct {
	GORM  *gorm.DB     // what the application works with
	Meter *meter.Meter // counts what GORM's pool sends
	Name  string       // for people: the DSN without its password

	// Outside is a pool of its own that nobody counts, past GORM and its plugins: it shows what the database really holds.
	Outside *sql.DB

	target target
	pool   *sql.DB
}

// Open connects to the database that the DSN names, and sees that it answers. DSNs are postgres://… and sqlite:PATH; a
// SQLite file that is not there is made. Errors do not show the password.
func Open(ctx context.Context, dsn string, log *slog.Logger) (_ *Database, err error) {
	found, err := parse(dsn)
	if err != nil {
		return nil, err
	}
	counts := new(meter.Meter)
	pool, outside := sql.OpenDB(counts.Connector(found.connector)), sql.OpenDB(found.connector)
	pool.SetMaxOpenConns(connections)
	pool.SetMaxIdleConns(connections)
	defer func() {
		if err != nil {
			err = errors.Join(err, pool.Close(), outside.Close())
		}
	}()
	if err := pool.PingContext(ctx); err != nil {
		return nil, fmt.Errorf("connect to the database %s: %w", found.shown, err)
	}
	db, err := gorm.Open(found.dialector(pool), &gorm.Config{
		TranslateError: true, // a key that exists is gorm.ErrDuplicatedKey on every database
		Logger: logger.NewSlogLogger(log, logger.Config{
			SlowThreshold: slowStatement, LogLevel: logger.Warn, IgnoreRecordNotFoundError: true, ParameterizedQueries: true,
		}),
	})
	if err != nil {
		return nil, fmt.Errorf("open GORM on %s: %w", found.shown, err)
	}
	return &Database{GORM: db, Meter: counts, Name: found.shown, Outside: outside, target: found, pool: pool}, nil
}

// Migrate makes the demo's tables, or brings them to their newest form.
func (d *Database) Migrate(ctx context.Context) error {
	files, err := migrations.Demo(d.target.dialect)
	if err != nil {
		return err
	}
	provider, err := goose.NewProvider(d.target.goose, d.Outside, files, goose.WithTableName(versionTable))
	if err != nil {
		return fmt.Errorf("read the migrations: %w", err)
	}
	if _, err := provider.Up(ctx); err != nil {
		return fmt.Errorf("migrate the database %s: %w", d.Name, err)
	}
	return nil
}

// Ping reports whether the database answers.
func (d *Database) Ping(ctx context.Context) error {
	if err := d.pool.PingContext(ctx); err != nil {
		return fmt.Errorf("reach the database: %w", err)
	}
	return nil
}

// Close closes the pools. It comes after the cache was closed, which may still have something to write.
func (d *Database) Close() error {
	if err := errors.Join(d.pool.Close(), d.Outside.Close()); err != nil {
		return fmt.Errorf("close the database: %w", err)
	}
	return nil
}
