package cacheplugin

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"gorm.io/gorm"
	"gorm.io/gorm/callbacks"

	"github.com/cachewright/cachewright/coherence"
	"github.com/cachewright/cachewright/internal/sqltext"
	core "github.com/cachewright/cachewright/internal/writeback"
	"github.com/cachewright/cachewright/policy"
)

const (
	// patience is how long a statement waits for a flush that fails before it reports why it does.
	patience = 2 * time.Second
	// patienceInside is how long a statement in a transaction waits for a flush, which the transaction's own locks or
	// connection may be holding up.
	patienceInside = 10 * time.Second
)

// beforeStatement flushes what a read must see, after its stamps were taken and before it is sent: the tables its text
// names, or all where that cannot be told. A locking read in a transaction takes the gates of its rows.
func (w *writeback) beforeStatement(ctx context.Context, db *gorm.DB, m *model) error {
	if !w.used() {
		return nil
	}
	stmt := db.Statement
	if stmt.SQL.Len() == 0 {
		if callbacks.BuildQuerySQL(db); db.Error != nil {
			return nil //nolint:nilerr // GORM has its error already
		}
	}
	v := w.plugin.texts.Read(w.plugin.dialect, stmt.SQL.String())
	known := v.TablesKnown
	for _, name := range v.Tables {
		rel, err := w.plugin.relation(ctx, stmt.ConnPool, name)
		known = known && err == nil && rel.exists && rel.ordinary
	}
	own, _ := txOf(stmt.ConnPool)
	locking := own != nil && (v.Refusal == sqltext.ReasonLocking || locks(stmt))
	for folded, t := range w.list() {
		if known && !names(v.Tables, folded) {
			continue
		}
		var err error
		if locking {
			err = w.lock(ctx, stmt, t, m)
		} else {
			err = w.flushFor(ctx, stmt.ConnPool, t)
		}
		if err != nil {
			return err
		}
	}
	return nil
}

func names(tables []sqltext.Name, folded string) bool {
	for _, name := range tables {
		if name.Folded() == folded {
			return true
		}
	}
	return false
}

// lock takes the gates of the rows that a locking read may return.
func (w *writeback) lock(ctx context.Context, stmt *gorm.Statement, t *dirtyTable, m *model) error {
	tags, pins := []coherence.Tag{t.model.table}, [][]string(nil)
	if m != nil && m.folded == t.model.folded && sameKey(m, t.model) && len(stmt.Joins) == 0 {
		if p, ok := pinned(stmt, m, t.classes); ok && len(p.keys) > 0 {
			tags, pins = []coherence.Tag{t.tag(p.keys[0])}, p.keys
		}
	}
	_, err := w.gate(ctx, stmt.ConnPool, tags, m, pins) // in a transaction, which releases at its end
	return err
}

// beforeTables flushes what is pending in the tables of the tags before they are read.
func (w *writeback) beforeTables(ctx context.Context, c gorm.ConnPool, tags []coherence.Tag) error {
	if !w.used() {
		return nil
	}
	for _, t := range w.list() {
		for _, tag := range tags {
			if tag.Table() != t.model.table {
				continue
			}
			if err := w.flushFor(ctx, c, t); err != nil {
				return err
			}
			break
		}
	}
	return nil
}

// beforeText flushes the tables that a statement that writes may read, besides the one it writes: those its text names.
func (w *writeback) beforeText(ctx context.Context, c gorm.ConnPool, query string, written *model) error {
	if !w.used() {
		return nil
	}
	for folded, t := range w.list() {
		if written != nil && (written.folded == folded || !strings.Contains(strings.ToLower(query), strings.ToLower(folded))) {
			continue
		}
		if err := w.flushFor(ctx, c, t); err != nil {
			return err
		}
	}
	return nil
}

// flushFor flushes a table for a reader. One that lags by policy is left alone, and so are all in a transaction of SQLite,
// where what was pending was flushed before BEGIN. A gate of the reader's own transaction is no reason not to flush: it
// covers the rows that the transaction wrote, of which nothing is pending, and not the others, which must be seen. Where
// the flusher meets the transaction's locks all the same, the wait has an end and a name.
func (w *writeback) flushFor(ctx context.Context, c gorm.ConnPool, t *dirtyTable) error {
	if t.model.policy.Reads == policy.ReadsFlushed || t.Pending() == 0 {
		return nil
	}
	own, foreign := txOf(c)
	if own != nil && w.narrow() {
		return nil
	}
	return w.await(ctx, t, nil, own != nil || foreign, t.Flush)
}

// await runs a wait for a flush of the table, or of its rows with the keys. It goes on as long as the context allows,
// but not for ever when the database refuses to take the rows, and in a transaction no longer than patienceInside.
func (w *writeback) await(
	ctx context.Context, t *dirtyTable, keys []string, inside bool, wait func(context.Context) error,
) error {
	bound := patienceInside
	if w.narrow() {
		bound = patience
	}
	for began := time.Now(); ; {
		short, cancel := context.WithTimeout(ctx, patience)
		err := wait(short)
		expired := short.Err() != nil
		cancel()
		if err == nil || onlyDead(err) {
			return nil
		}
		if errors.Is(err, core.ErrClosed) && w.plugin.closed.Load() {
			return nil // nothing will be flushed any more
		}
		if ctx.Err() != nil || !expired {
			return fmt.Errorf("cacheplugin: waiting for pending rows of %s: %w", t.model.schema.Table, publicError(err))
		}
		stuck := t.waits(len(keys) == 0, keys)
		switch last := t.Stats().LastError; {
		case stuck && inside && time.Since(began) >= bound:
			return fmt.Errorf("%w: %w", ErrPendingRow, err)
		case stuck && last != nil && !inside:
			return fmt.Errorf("cacheplugin: waiting for pending rows of %s: %w", t.model.schema.Table, err)
		}
	}
}

// onlyDead reports that nothing stayed pending: what was refused for good is in the dead letters, and the database is as
// readers see it.
func onlyDead(err error) bool {
	var stayed *core.StayedError
	return errors.As(err, &stayed) && stayed.Rows == 0
}

// pending answers a read by key from the dirty table. A page stands on the row's stamps, taken before looking.
func (r *reader) pending(parts []string) bool {
	t := r.plugin.writeback.list()[r.model.folded]
	if t == nil || t.model != r.model {
		return false // another struct over the table is answered by the database, after a flush
	}
	r.dirty, r.dirtyKey = t, t.key(parts)
	var stamps coherence.Stamps
	if r.deps != nil {
		stamps = r.plugin.engine.Stamp(nil, t.tag(parts))
	}
	row, ok := t.Get(r.dirtyKey)
	if !ok {
		return false
	}
	if err := r.ctx.Err(); err != nil {
		_ = r.db.AddError(err)
		return true
	}
	if r.deps != nil {
		r.deps.Read(stamps)
	}
	entry, err := t.entry(row)
	if err == nil && !r.deliver(entry) {
		err = errEntry
	}
	if err != nil {
		_ = r.db.AddError(fmt.Errorf("cacheplugin: showing a pending row of %s: %w", t.model.schema.Table, err))
		return true
	}
	r.hit()
	return true
}

// flushed makes the database hold what a read under stamps must see. For a read by key that is the row's pending state,
// which it returns: it may have come after the first look, and the stamps vouch for it.
func (r *reader) flushed(ctx context.Context) (entry []byte, err error) {
	w := r.plugin.writeback
	if !w.used() {
		return nil, nil
	}
	if r.dirty != nil {
		row, ok := r.dirty.Get(r.dirtyKey)
		if !ok {
			return nil, nil
		}
		return r.dirty.entry(row)
	}
	tags := r.tables
	if tags == nil {
		tags = []coherence.Tag{r.model.table}
	}
	return nil, w.beforeTables(ctx, r.db.Statement.ConnPool, tags)
}
