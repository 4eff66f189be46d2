package cacheplugin

import (
	"context"
	"errors"
	"fmt"

	"gorm.io/gorm"

	"github.com/cachewright/cachewright/coherence"
	"github.com/cachewright/cachewright/internal/sqltext"
	core "github.com/cachewright/cachewright/internal/writeback"
)

// ErrPendingRow is the error of a statement in a SQLite transaction that has written already and now touches a write-back
// row with changes not yet flushed: SQLite has one writer, so the flush would wait for the transaction and the transaction
// for the flush. Write the write-back model first, or call Plugin.Flush before the transaction.
var ErrPendingRow = errors.New("cacheplugin: the row has changes to be flushed, which this SQLite transaction keeps from the database")

func nothing() {}

// gate keeps a statement that goes to the database itself and the dirty tables apart: the rows it names, or the whole
// table where they are not known, are flushed first, and changes of them by others wait until the statement's transaction
// has ended. pins are rows of own; tags are all the statement may write. release is called when the statement is done.
func (w *writeback) gate(ctx context.Context, c gorm.ConnPool, tags []coherence.Tag, own *model, pins [][]string) (release func(), err error) {
	if !w.used() {
		return nothing, nil
	}
	var (
		holder *core.Holder
		t, _   = txOf(c)
	)
	release = nothing
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
			return nothing, fmt.Errorf("cacheplugin: waiting for pending rows: %w", err)
		}
	}
	return release, nil
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
		t.holder = w.buffer.Holder()
		t.atEnd = append(t.atEnd, t.holder.Release)
		t.holds = map[*dirtyTable]bool{}
	}
	return t.holder, nothing
}

func (w *writeback) hold(ctx context.Context, t *tx, h *core.Holder, table *dirtyTable, all bool, pins [][]string) error {
	keys := make([]string, len(pins))
	for i, parts := range pins {
		keys[i] = table.key(parts)
	}
	if t != nil {
		if w.plugin.dialect == sqltext.SQLite && t.wrote && table.waits(all, keys) {
			return ErrPendingRow
		}
		t.holds[table] = true
	}
	if all {
		return h.HoldAll(ctx, table.Table)
	}
	return h.Hold(ctx, table.Table, keys...)
}

// waits reports whether holding would have to wait for a flush.
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
