package cacheplugin

import (
	"context"
	"iter"

	"gorm.io/gorm"

	"github.com/cachewright/cachewright/coherence"
	"github.com/cachewright/cachewright/internal/sqltext"
)

// writeback binds write-back models to their dirty tables.
type writeback struct {
	plugin *Plugin
	db     *gorm.DB
}

// WriteBackStats are the figures of one write-back table.
type WriteBackStats struct {
	Pending int
}

// FlushError tells of a row the database refused for good.
type FlushError struct {
	Table string
	Err   error
}

func newWriteback(p *Plugin, db *gorm.DB) *writeback { return &writeback{plugin: p, db: db} }

func (w *writeback) used() bool                                       { return false }
func (w *writeback) write(db *gorm.DB, op operation, m *model) bool   { return false }
func (w *writeback) beforeRead(ctx context.Context, db *gorm.DB) error { return nil }
func (w *writeback) beforeTables(ctx context.Context, db *gorm.DB, tags []coherence.Tag) error {
	return nil
}
func (w *writeback) beforeRaw(ctx context.Context, c gorm.ConnPool, v *sqltext.Write) error { return nil }
func (w *writeback) Flush(ctx context.Context) error                                         { return nil }
func (w *writeback) Close(ctx context.Context) error                                         { return nil }
func (w *writeback) stats() iter.Seq2[string, WriteBackStats] {
	return func(func(string, WriteBackStats) bool) {}
}
func (r *reader) pending(key []string) bool { return false }
