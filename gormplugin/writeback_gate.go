package cacheplugin

import (
	"context"
	"errors"
	"runtime"

	"gorm.io/gorm"

	"github.com/cachewright/cachewright/coherence"
	"github.com/cachewright/cachewright/internal/sqltext"
	core "github.com/cachewright/cachewright/internal/writeback"
	"github.com/cachewright/cachewright/policy"
)

// ErrPendingRow is the error of a statement in a transaction that touches a write-back row with changes not yet flushed,
// where the transaction itself keeps the flush from the database: by SQLite's one write lock, by the pool's only
// connection, or by locks it holds. What is pending before such a transaction begins is flushed first, so this needs a
// change by somebody else meanwhile. Roll the transaction back and run it again.
var ErrPendingRow = errors.New("cacheplugin: the row has changes to be flushed, which this transaction keeps from the database")

// ErrDeadlock is the error of a statement in a transaction that would wait for write-back rows another transaction holds,
// which itself waits for rows of this one, or whose COMMIT got no answer, so that nobody knows how it ended before this one
// has. Roll the transaction back and run it again.
var ErrDeadlock = errors.New("cacheplugin: two transactions wait for each other's write-back rows")

func nothing() {}

// narrow reports whether a transaction may keep everybody else from writing: SQLite has one writer, and a pool of one
// connection nothing else to write with.
func (w *writeback) narrow() bool {
	return w.plugin.dialect == sqltext.SQLite || w.plugin.root.Stats().MaxOpenConnections == 1
}

// gate keeps a statement that goes to the database itself and the dirty tables apart: the rows it names, or the whole
// table where they are not known, are flushed first, and changes of them by others wait until the statement's transaction
// has ended. pins are rows of own; tags are all the statement may write. release is called when the statement is done.
func (w *writeback) gate(ctx context.Context, c gorm.ConnPool, tags []coherence.Tag, own *model, pins [][]string) (release func(), err error) {
	t, _ := txOf(c)
	passed := nothing
	switch {
	case t == nil:
		passed = w.passages.leave[w.passages.enter()]
	case !t.passes:
		t.passes, t.passage = true, w.passages.enter()
	}
	opened, err := w.takeGates(ctx, t, tags, own, pins)
	switch {
	case err != nil:
		passed()
		return nothing, err
	case opened == nil:
		return passed, nil
	case t != nil:
		return opened, nil
	}
	return func() { opened(); passed() }, nil
}

// takeGates takes the gates there are. A nil release says that there is nothing to do in the end.
func (w *writeback) takeGates(ctx context.Context, t *tx, tags []coherence.Tag, own *model, pins [][]string) (release func(), err error) {
	if err := w.prepareGate(ctx, t, own); err != nil {
		return nil, err
	}
	if !w.used() {
		return nil, nil
	}
	var holder *core.Holder
	for _, table := range w.list() {
		all, some := touches(tags, table.model.table)
		if own != nil && own.folded == table.model.folded && !all {
			some = some || len(pins) > 0
			all = some && len(pins) == 0
		} else if some {
			all = true
		}
		if !all && !some {
			continue
		}
		if holder == nil {
			holder, release = w.holder(t)
		}
		if err := w.hold(ctx, t, holder, table, all, pins); err != nil {
			release()
			return nil, err
		}
	}
	return release, nil
}

// prepareGate makes the dirty table of a write-back model that is first written in a transaction: others may write the same
// row meanwhile, and must find its gate.
func (w *writeback) prepareGate(ctx context.Context, t *tx, own *model) error {
	if own == nil || own.policy.Strategy != policy.WriteBack || w.list()[own.folded] != nil || w.plugin.closed.Load() ||
		t != nil && (t.effects.ddl || w.narrow()) {
		return nil
	}
	_, err := w.of(ctx, own)
	return err
}

// touches reports whether the tags hold the whole table, and whether they hold rows of it.
func touches(tags []coherence.Tag, table coherence.Tag) (all, some bool) {
	for _, tag := range tags {
		switch {
		case tag == table || tag == coherence.Everything():
			return true, true
		case tag.Table() == table:
			some = true
		}
	}
	return false, some
}

// holder is the transaction's own, kept until it ends, or one for a single statement.
func (w *writeback) holder(t *tx) (*core.Holder, func()) {
	if t == nil {
		h := w.buffer.Holder()
		return h, h.Release
	}
	if t.holder == nil {
		t.adopt(w.buffer.Holder())
	}
	return t.holder, nothing
}

// adopt makes a holder the transaction's: its gates open when the transaction has ended. One that nobody can end any more is
// rolled back for that: GORM leaves its default transaction open when a hook panics.
func (t *tx) adopt(h *core.Holder) {
	t.holder = h
	t.atEnd = append(t.atEnd, h.Release)
	engine, inner := t.plugin.engine, t.inner
	t.abandoned = runtime.AddCleanup(t, func(h *core.Holder) {
		end := func(context.Context) {
			_ = inner.Rollback() // nobody is left to be told
			h.Release()
		}
		if !engine.Go(end) {
			end(context.Background())
		}
	}, h)
}

func (w *writeback) hold(ctx context.Context, t *tx, h *core.Holder, table *dirtyTable, all bool, pins [][]string) error {
	var keys []string
	if !all {
		keys = make([]string, len(pins))
		for i, parts := range pins {
			keys[i] = table.key(parts)
		}
	}
	if t != nil && (t.wrote || w.plugin.root.Stats().MaxOpenConnections == 1) && w.narrow() && table.waits(all, keys) {
		return ErrPendingRow
	}
	if t != nil && t.wrote {
		h.Open()
	}
	err := w.await(ctx, table, keys, t != nil, func(ctx context.Context) error {
		if all {
			return h.HoldAll(ctx, table.Table)
		}
		return h.Hold(ctx, table.Table, keys...)
	})
	if err == nil && t != nil {
		h.Open() // a statement follows
	}
	return err
}

// waits reports whether something is pending: for one of the rows, or at all.
func (t *dirtyTable) waits(all bool, keys []string) bool {
	if all {
		return t.Pending() > 0
	}
	for _, key := range keys {
		if _, ok := t.Get(key); ok {
			return true
		}
	}
	return false
}
