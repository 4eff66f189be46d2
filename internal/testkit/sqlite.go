package testkit

import (
	"database/sql"
	"net/url"
	"path/filepath"
	"testing"

	_ "github.com/glebarez/go-sqlite" // registers the driver "sqlite"
)

// sqliteDriver is the name under which the driver is registered.
const sqliteDriver = "sqlite"

// SQLite returns the DSN of a fresh SQLite database in a file that goes with the test. It is in WAL mode, so readers and
// one writer do not wait for each other; a second writer waits up to ten seconds; foreign keys are enforced.
func SQLite(tb testing.TB) string {
	tb.Helper()
	path := filepath.Join(tb.TempDir(), "test.db")
	dsn := (&url.URL{Scheme: "file", OmitHost: true, Path: path, RawQuery: url.Values{
		"_pragma": {"busy_timeout(10000)", "foreign_keys(1)", "synchronous(0)"},
	}.Encode()}).String()
	// The file remembers its journal mode. Set once, here: to change it, a connection must be alone.
	db, err := sql.Open(sqliteDriver, dsn)
	if err != nil {
		tb.Fatalf("testkit: open the SQLite database: %v", err)
	}
	defer db.Close()
	var mode string
	if err := db.QueryRowContext(tb.Context(), "PRAGMA journal_mode(WAL)").Scan(&mode); err != nil || mode != "wal" {
		tb.Fatalf("testkit: put the SQLite database in WAL mode: it is in %q, error %v", mode, err)
	}
	return dsn
}
