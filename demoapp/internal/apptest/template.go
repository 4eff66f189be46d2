// Package apptest gives tests of the demo a database with the shop in it, sooner than by seeding one each. Only test code
// imports it.
package apptest

import (
	"context"
	"log/slog"
	"os"
	"path/filepath"
	"sync"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/cachewright/cachewright/demoapp/internal/database"
	"github.com/cachewright/cachewright/demoapp/internal/seed"
)

// template is a seeded SQLite database as bytes, made once in a test process.
var template struct {
	once  sync.Once
	bytes []byte
	err   error
}

// SQLite returns the DSN of a seeded SQLite database that goes with the test.
func SQLite(tb testing.TB) string {
	tb.Helper()
	template.once.Do(func() { template.bytes, template.err = makeTemplate() })
	require.NoError(tb, template.err)
	path := filepath.Join(tb.TempDir(), "shop.db")
	require.NoError(tb, os.WriteFile(path, template.bytes, 0o600))
	require.NoError(tb, os.WriteFile(path+".textbook", template.bytes, 0o600)) // the one beside it, for those who open it
	return "sqlite:" + path
}

func makeTemplate() (_ []byte, err error) {
	dir, err := os.MkdirTemp("", "cachewright-template-")
	if err != nil {
		return nil, err
	}
	defer func() { _ = os.RemoveAll(dir) }() // the system's own cleaning gets what stays
	path := filepath.Join(dir, "shop.db")
	ctx := context.Background()
	db, err := database.Open(ctx, "sqlite:"+path, slog.New(slog.DiscardHandler))
	if err != nil {
		return nil, err
	}
	err = db.Migrate(ctx)
	if err == nil {
		err = seed.Seed(ctx, db.GORM, nil)
	}
	// The last connection to close moves everything from the write-ahead log into the file.
	if closed := db.Close(); err == nil {
		err = closed
	}
	if err != nil {
		return nil, err
	}
	return os.ReadFile(path)
}
