package cacheplugin

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"maps"
	"slices"
	"strings"
	"sync"
	"sync/atomic"

	"gorm.io/gorm"

	"github.com/cachewright/cachewright/internal/journal"
	core "github.com/cachewright/cachewright/internal/writeback"
	"github.com/cachewright/cachewright/policy"
)

// writeback binds write-back models to their dirty tables: it turns GORM's calls into changes of rows, shows readers what
// is pending, and keeps statements that need the database from meeting rows that are not there yet.
type writeback struct {
	plugin *Plugin
	db     *gorm.DB
	buffer *core.Buffer

	passages *passages

	tables atomic.Pointer[map[string]*dirtyTable] // by folded name; replaced, never changed

	mu      sync.Mutex        // guards refused and versions, and serialises the changes of tables
	refused map[*model]uint64 // models whose table cannot have a dirty table, with the catalogue's generation
	version int               // counts the dirty tables made, so that each has a name of its own

	frozen atomic.Bool // PostgreSQL's transactions begin above READ COMMITTED here

	schema librarySchema
	mark   *watermark // of tables without a journal

	journal   *journal.Journal // nil if there is none
	kept      *watermark       // of tables that have it
	recovered RecoveryStats
}

// WriteBackStats are the figures of one write-back table.
type WriteBackStats = core.Stats

func newWriteback(p *Plugin, db *gorm.DB) *writeback {
	w := &writeback{plugin: p, db: db.Session(&gorm.Session{NewDB: true}), refused: map[*model]uint64{}, passages: newPassages(), mark: newWatermark(p)}
	w.schema.purpose, w.schema.tables = "write-back", writebackTables
	w.tables.Store(&map[string]*dirtyTable{})
	return w
}

// markOf is the watermark of tables with a journal, or of those without.
func (w *writeback) markOf(journaled bool) *watermark {
	if journaled {
		return w.kept
	}
	return w.mark
}

// used reports whether any row may be pending.
func (w *writeback) used() bool { return len(w.list()) > 0 && !w.plugin.closed.Load() }

// list is the dirty tables of now, by folded name. It is not to be changed.
func (w *writeback) list() map[string]*dirtyTable { return *w.tables.Load() }

// of is the dirty table of a model, nil when its table cannot have one; then its writes go to the database at once. What
// was learned of the table is learned again after DDL.
func (w *writeback) of(ctx context.Context, m *model) (*dirtyTable, error) {
	generation := w.plugin.catalogue.generation()
	t := w.list()[m.folded]
	if t != nil && t.model != m {
		return nil, nil // another struct over the same table
	}
	if t != nil && t.generation.Load() == generation {
		return t, nil
	}
	w.mu.Lock()
	refused, known := w.refused[m]
	w.mu.Unlock()
	if t == nil && known && refused == generation {
		return nil, nil
	}
	fresh, err := w.newTable(ctx, m)
	if err != nil {
		return nil, err
	}
	if t != nil && fresh != nil && t.like(fresh) {
		t.generation.Store(generation)
		return t, nil
	}
	if t != nil {
		if retired, err := w.retire(ctx, t); err != nil || !retired {
			return nil, err
		}
	}
	return w.install(m, fresh, generation)
}

// install makes a dirty table the model's. Of two that are made at once the first stays.
func (w *writeback) install(m *model, t *dirtyTable, generation uint64) (*dirtyTable, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if t == nil {
		w.refused[m] = generation
		return nil, nil
	}
	if have := w.list()[m.folded]; have != nil {
		if have.model != m {
			return nil, nil
		}
		return have, nil
	}
	config := t.config
	if w.version++; w.version > 1 {
		config.Name = fmt.Sprintf("%s#%d", config.Name, w.version)
	}
	var err error
	if t.Table, err = w.buffer.Table(config); err != nil {
		if errors.Is(err, core.ErrClosed) {
			return nil, nil
		}
		return nil, fmt.Errorf("cacheplugin: %w", err)
	}
	t.generation.Store(generation)
	tables := maps.Clone(w.list())
	tables[m.folded] = t
	w.tables.Store(&tables)
	t.born.Store(w.passages.table())
	return t, nil
}

// retire takes a dirty table away whose database table has changed under it, once nothing is pending in it and nobody is
// about to change that. false: not yet, and this write goes to the database.
func (w *writeback) retire(ctx context.Context, t *dirtyTable) (bool, error) {
	t.retired.Store(true)
	holder := w.buffer.Holder()
	defer holder.Release()
	if err := w.await(ctx, t, nil, false, func(ctx context.Context) error { return holder.HoldAll(ctx, t.Table) }); err != nil {
		return false, err
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	if t.users.Load() > 0 || w.list()[t.model.folded] != t {
		return false, nil
	}
	tables := maps.Clone(w.list())
	delete(tables, t.model.folded)
	w.tables.Store(&tables)
	return true, nil
}

// write takes a statement of a write-back model. It reports whether the statement is done: acknowledged, or failed.
func (w *writeback) write(db *gorm.DB, op operation, m *model) bool {
	if m == nil || m.policy.Strategy != policy.WriteBack || w.plugin.closed.Load() || !w.alone(db.Statement) {
		return false
	}
	t, err := w.of(db.Statement.Context, m)
	if err == nil && t != nil {
		if !t.guarded.Load() && !w.passages.ended(t.born.Load()) {
			return false // a transaction that is open may have written the row, and has no gate
		}
		t.guarded.Store(true)
		err = w.prepare(db.Statement.Context)
	}
	if err != nil {
		_ = db.AddError(err)
		return true
	}
	if t == nil {
		return false
	}
	t.users.Add(1)
	defer t.users.Add(-1)
	if t.retired.Load() {
		return false
	}
	return t.write(db, op)
}

// alone reports whether nothing but the statement itself decides what becomes of it: it is in no transaction but its own
// default one, in which nothing has been sent, on the plugin's database.
func (w *writeback) alone(stmt *gorm.Statement) bool {
	if stmt.SQL.Len() > 0 {
		return false
	}
	if lazy, ok := stmt.ConnPool.(*lazyTx); ok {
		return lazy.owner == stmt && lazy.inner == nil && w.plugin.watches(lazy.pool)
	}
	t, foreign := txOf(stmt.ConnPool)
	return t == nil && !foreign && w.plugin.watches(stmt.ConnPool)
}

// write acknowledges the statement if it can be merged.
func (t *dirtyTable) write(db *gorm.DB, op operation) bool {
	stmt := db.Statement
	before := saveClauses(stmt, op)
	change, ok := t.change(db, op)
	if db.Error != nil {
		return true
	}
	if !ok {
		before.restore(stmt)
		return false
	}
	t.writeback.plugin.noteWrite(stmt.Context)
	affected, err := t.apply(stmt.Context, &change)
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

// publicError gives the errors of the dirty tables the names users know.
func publicError(err error) error {
	switch {
	case errors.Is(err, core.ErrBacklogFull):
		return fmt.Errorf("%w: %w", ErrBacklogFull, err)
	case errors.Is(err, core.ErrJournal):
		return fmt.Errorf("%w: %w", ErrJournal, err)
	case errors.Is(err, core.ErrDuplicate):
		return gorm.ErrDuplicatedKey
	case errors.Is(err, core.ErrGateDeadlock):
		return fmt.Errorf("%w: %w", ErrDeadlock, err)
	default:
		return err
	}
}

// Flush brings everything pending to the database.
func (w *writeback) Flush(ctx context.Context) error {
	if err := w.buffer.Flush(ctx); err != nil {
		return fmt.Errorf("cacheplugin: flushing%s: %w", w.pending(), err)
	}
	return nil
}

// Close flushes and ends the flusher. Writes of write-back models go to the database at once from now on.
func (w *writeback) Close(ctx context.Context) error {
	if err := w.buffer.Close(ctx); err != nil {
		return errors.Join(fmt.Errorf("cacheplugin: closing%s: %w", w.pending(), err), w.closeJournal(ctx))
	}
	w.mark.remove(ctx)
	return w.closeJournal(ctx)
}

// pending says for an error which tables have rows that are not in the database.
func (w *writeback) pending() string {
	var parts []string
	for _, t := range w.list() {
		if n := t.Pending(); n > 0 {
			parts = append(parts, fmt.Sprintf("%s keeps %d rows", t.model.schema.Table, n))
		}
	}
	if len(parts) == 0 {
		return ""
	}
	slices.Sort(parts)
	return " (" + strings.Join(parts, ", ") + ")"
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
