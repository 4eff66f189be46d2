package database

import (
	"context"
	"fmt"
	"log/slog"
	"net/url"
)

// besideSchema is the schema of PostgreSQL in which the tables of a database beside another are.
const besideSchema = "textbook"

// Beside opens a second database that goes with the first: on SQLite a file of its own, on PostgreSQL a schema.
func Beside(ctx context.Context, d *Database, log *slog.Logger) (*Database, error) {
	dsn, err := BesideDSN(d.target.dsn)
	if err != nil {
		return nil, err
	}
	if d.target.dialect == "postgres" {
		if _, err := d.Outside.ExecContext(ctx, "CREATE SCHEMA IF NOT EXISTS "+besideSchema); err != nil {
			return nil, fmt.Errorf("make the schema %s: %w", besideSchema, err)
		}
	}
	return Open(ctx, dsn, log)
}

// BesideDSN is the DSN of the database that [Beside] opens.
func BesideDSN(dsn string) (string, error) {
	found, err := parse(dsn)
	if err != nil {
		return "", err
	}
	if found.dialect == "sqlite" {
		return dsn + ".textbook", nil
	}
	u, err := url.Parse(dsn)
	if err != nil {
		return "", fmt.Errorf("read the DSN: %w", err)
	}
	q := u.Query()
	q.Set("search_path", besideSchema)
	u.RawQuery = q.Encode()
	return u.String(), nil
}

// DSN is what the database was opened by, with its password.
func (d *Database) DSN() string { return d.target.dsn }

// Shown is a DSN for people: without its password.
func Shown(dsn string) string {
	found, err := parse(dsn)
	if err != nil {
		return "a database"
	}
	return found.shown
}
