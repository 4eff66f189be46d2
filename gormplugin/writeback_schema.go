package cacheplugin

import (
	"context"
	"database/sql"
	"fmt"
	"strings"
	"sync"
	"sync/atomic"

	"github.com/cachewright/cachewright/migrations"
)

// librarySchema sees to the library's own tables.
type librarySchema struct {
	purpose string   // what needs them
	tables  []string // which it needs

	mu    sync.Mutex  // serialises their making
	ready atomic.Bool // they are there
}

// writebackTables are the tables that write-back needs.
var writebackTables = []string{"cachewright_dead_letters", "cachewright_watermarks"}

// prepare makes sure of the tables of write-back before the first change is acknowledged: a change that nothing could be
// done with if the database refused it must not be promised.
func (w *writeback) prepare(ctx context.Context) error {
	return w.schema.prepare(ctx, w.plugin.root, w.db.Name(), !w.plugin.settings.noMigrations)
}

func (s *librarySchema) prepare(ctx context.Context, root *sql.DB, dialect string, create bool) error {
	if s.ready.Load() {
		return nil
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.ready.Load() {
		return nil
	}
	if table, missing := s.missing(ctx, root); missing != nil {
		scripts, err := migrations.LibraryScripts(dialect)
		if err != nil {
			return fmt.Errorf("cacheplugin: finding the table %s: %w", table, err)
		}
		if !create {
			files := make([]string, len(scripts))
			for i, script := range scripts {
				files[i] = "migrations/" + script.File
			}
			return fmt.Errorf("cacheplugin: %s needs the table %s: apply %s: %w", s.purpose, table, strings.Join(files, ", "), missing)
		}
		for _, script := range scripts {
			if err := apply(ctx, root, script); err != nil {
				return err
			}
		}
	}
	s.ready.Store(true)
	return nil
}

// missing is the first of the tables that cannot be read, and why.
func (s *librarySchema) missing(ctx context.Context, root *sql.DB) (string, error) {
	for _, table := range s.tables {
		if _, err := root.ExecContext(ctx, "SELECT 1 FROM "+table+" WHERE 1 = 0"); err != nil { //nolint:gosec // a name of our own
			return table, err
		}
	}
	return "", nil
}

func apply(ctx context.Context, root *sql.DB, script migrations.Script) error {
	for _, text := range script.Up {
		_, err := root.ExecContext(ctx, text)
		if err == nil {
			continue
		}
		// Another process may be making it at the same moment: then the second try finds it made.
		if _, err = root.ExecContext(ctx, text); err != nil {
			return fmt.Errorf("cacheplugin: creating the tables of migrations/%s: %w", script.File, err)
		}
	}
	return nil
}
