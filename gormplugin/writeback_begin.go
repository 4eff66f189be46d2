package cacheplugin

import (
	"context"
	"database/sql"
	"fmt"

	"gorm.io/gorm"

	core "github.com/cachewright/cachewright/internal/writeback"
	"github.com/cachewright/cachewright/policy"
)

type quietKey struct{}

// quiet is a context whose BEGIN flushes nothing: of a transaction around a single statement, which sees to its rows itself.
func quiet(ctx context.Context) context.Context { return context.WithValue(ctx, quietKey{}, true) }

// beforeBegin flushes everything before a transaction begins that cannot see or cannot wait for what is flushed later:
// under an isolation above READ COMMITTED, on SQLite, or with the pool's only connection.
func (w *writeback) beforeBegin(ctx context.Context, opts *sql.TxOptions) error {
	if !w.used() || ctx.Value(quietKey{}) != nil {
		return nil
	}
	if !w.narrow() && !w.frozen.Load() && (opts == nil || opts.Isolation <= sql.LevelReadCommitted) {
		return nil
	}
	for _, t := range w.list() {
		if t.Pending() == 0 {
			continue
		}
		if err := w.await(ctx, t, nil, false, t.Flush); err != nil {
			return fmt.Errorf("beginning a transaction: %w", err)
		}
	}
	return nil
}

// holdBefore takes the gate of a write-back model's table before the default transaction of its statement begins, where
// nothing could be flushed while that is open. nil: there is no need.
func (w *writeback) holdBefore(ctx context.Context, m *model) (*core.Holder, error) {
	if !w.used() || !w.narrow() || m == nil || m.policy.Strategy != policy.WriteBack {
		return nil, nil
	}
	t := w.list()[m.folded]
	if t == nil {
		return nil, nil
	}
	h := w.buffer.Holder()
	if err := w.hold(ctx, nil, h, t, true, nil); err != nil {
		h.Release()
		return nil, err
	}
	return h, nil
}

// beginHolding runs begin with the gate of the model's table held, and hands the gate to the transaction begun.
func (w *writeback) beginHolding(ctx context.Context, m *model, begin func() (gorm.ConnPool, error)) error {
	h, err := w.holdBefore(ctx, m)
	if err != nil {
		return err
	}
	if h == nil {
		_, err := begin()
		return err
	}
	adopted := false
	defer func() {
		if !adopted {
			h.Release()
		}
	}()
	c, err := begin()
	if err != nil {
		return err
	}
	if t, _ := txOf(c); t != nil && t.holder == nil {
		t.adopt(h)
		adopted = true
	}
	return nil
}
