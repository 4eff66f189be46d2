package cacheplugin

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"sync"
	"sync/atomic"

	"gorm.io/gorm"

	"github.com/cachewright/cachewright/coherence"
	"github.com/cachewright/cachewright/internal/sqltext"
	core "github.com/cachewright/cachewright/internal/writeback"
	"github.com/cachewright/cachewright/policy"
)

// writeback binds write-back models to their dirty tables: it turns GORM's calls into changes of rows, shows readers what
// is pending, and keeps statements that need the database from meeting rows that are not there yet.
type writeback struct {
	plugin *Plugin
	db     *gorm.DB
	buffer *core.Buffer
	any    atomic.Bool // whether there is a dirty table at all

	mu     sync.RWMutex // guards tables, which is replaced and never changed
	tables map[string]*dirtyTable

	deadMu    sync.Mutex // guards deadReady
	deadReady bool       // the dead-letter table is there
}

// WriteBackStats are the figures of one write-back table.
type WriteBackStats = core.Stats

// FlushError is a dead letter: a change that the database refused for good, with what was pending behind it.
type FlushError = core.FlushError

func newWriteback(p *Plugin, db *gorm.DB) *writeback {
	w := &writeback{plugin: p, db: db.Session(&gorm.Session{NewDB: true}), tables: map[string]*dirtyTable{}}
	options := core.Options{Logger: p.logger}
	if f := p.settings.onFlushError; f != nil {
		options.OnError = func(e *core.FlushError) { f(*e) }
	}
	w.buffer = core.New(&sink{writeback: w}, options)
	return w
}

// used reports whether any row may be pending.
func (w *writeback) used() bool { return w.any.Load() }

// list is the dirty tables of now, by folded name.
func (w *writeback) list() map[string]*dirtyTable {
	w.mu.RLock()
	defer w.mu.RUnlock()
	return w.tables
}

// of is the dirty table of a model, nil when its table cannot have one; then its writes go to the database at once.
func (w *writeback) of(ctx context.Context, m *model) (*dirtyTable, error) {
	if t := w.list()[m.folded]; t != nil {
		if t.model != m {
			return nil, nil // another struct over the same table
		}
		return t, nil
	}
	t, err := w.newTable(ctx, m)
	if err != nil || t == nil {
		return nil, err
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	if have := w.tables[m.folded]; have != nil {
		return have, nil
	}
	if t.Table, err = w.buffer.Table(t.config); err != nil {
		if errors.Is(err, core.ErrClosed) {
			return nil, nil
		}
		return nil, fmt.Errorf("cacheplugin: %w", err)
	}
	tables := make(map[string]*dirtyTable, len(w.tables)+1)
	for name, have := range w.tables {
		tables[name] = have
	}
	tables[m.folded] = t
	w.tables = tables
	w.any.Store(true)
	return t, nil
}

// write takes a statement of a write-back model. It reports whether the statement is done: acknowledged, or failed.
func (w *writeback) write(db *gorm.DB, op operation, m *model) bool {
	if m == nil || m.policy.Strategy != policy.WriteBack || w.plugin.closed.Load() {
		return false
	}
	stmt := db.Statement
	if t, foreign := txOf(stmt.ConnPool); t != nil || foreign || stmt.SQL.Len() > 0 {
		return false
	}
	ctx := stmt.Context
	t, err := w.of(ctx, m)
	if err != nil {
		_ = db.AddError(err)
		return true
	}
	if t == nil {
		return false
	}
	before := saveClauses(stmt)
	changes, ok := t.changes(db, op)
	if db.Error != nil {
		return true
	}
	if !ok {
		before.restore(stmt)
		return false
	}
	w.plugin.noteWrite(ctx)
	affected, err := t.acknowledge(ctx, changes)
	if errors.Is(err, core.ErrSync) || errors.Is(err, core.ErrClosed) {
		before.restore(stmt)
		return false
	}
	if err != nil {
		_ = db.AddError(publicError(err))
		return true
	}
	db.RowsAffected = affected
	if stmt.Result != nil {
		stmt.Result.Result, stmt.Result.RowsAffected = rowsAffected(affected), affected
	}
	return true
}

// publicError gives the errors of the dirty table the names users know.
func publicError(err error) error {
	switch {
	case errors.Is(err, core.ErrBacklogFull):
		return fmt.Errorf("%w: %w", ErrBacklogFull, err)
	case errors.Is(err, core.ErrDuplicate):
		return gorm.ErrDuplicatedKey
	default:
		return err
	}
}

// beforeRead flushes everything pending before a read whose tables cannot be told. The caller has taken its stamps.
func (w *writeback) beforeRead(ctx context.Context, db *gorm.DB) error {
	if !w.used() {
		return nil
	}
	for _, t := range w.list() {
		if err := w.flushFor(ctx, db.Statement.ConnPool, t); err != nil {
			return err
		}
	}
	return nil
}

// beforeTables flushes what is pending in the tables of the tags before they are read. The caller has taken its stamps:
// taken after the flush they would vouch for a change that came in between and is not in the database yet.
func (w *writeback) beforeTables(ctx context.Context, db *gorm.DB, tags []coherence.Tag) error {
	if !w.used() {
		return nil
	}
	for _, t := range w.list() {
		for _, tag := range tags {
			if tag.Table() != t.model.table {
				continue
			}
			if err := w.flushFor(ctx, db.Statement.ConnPool, t); err != nil {
				return err
			}
		}
	}
	return nil
}

// flushFor flushes a table for a reader. One that lags by policy is left alone, and so is one of which the reader's own
// transaction holds a gate: what it holds was flushed, and the flusher may be waiting for its locks.
func (w *writeback) flushFor(ctx context.Context, c gorm.ConnPool, t *dirtyTable) error {
	if t.model.policy.Reads == policy.ReadsFlushed || t.Pending() == 0 {
		return nil
	}
	if own, _ := txOf(c); own != nil {
		if own.holds[t] {
			return nil
		}
		if w.plugin.dialect == sqltext.SQLite && !own.effects.empty() {
			return nil // it holds SQLite's one write lock, and its snapshot is older than what is pending
		}
	}
	if err := t.Flush(ctx); err != nil {
		return fmt.Errorf("cacheplugin: flushing %s before a read: %w", t.Name(), err)
	}
	return nil
}

// Flush brings everything pending to the database.
func (w *writeback) Flush(ctx context.Context) error {
	if err := w.buffer.Flush(ctx); err != nil {
		return fmt.Errorf("cacheplugin: flushing: %w", err)
	}
	return nil
}

// Close flushes and ends the flusher. Writes of write-back models go to the database at once from now on.
func (w *writeback) Close(ctx context.Context) error {
	if err := w.buffer.Close(ctx); err != nil {
		return fmt.Errorf("cacheplugin: closing: %w", err)
	}
	return nil
}

// stats are the figures of each table.
func (w *writeback) stats() iter.Seq2[string, WriteBackStats] {
	return func(yield func(string, WriteBackStats) bool) {
		for name, t := range w.list() {
			if !yield(name, t.Stats()) {
				return
			}
		}
	}
}
