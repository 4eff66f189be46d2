package writeback

import (
	"context"
	"errors"
	"fmt"
	"runtime"

	"github.com/cachewright/cachewright/policy"
)

// Apply accepts a change, to be flushed later, and says what it did. base is the row as the database has it, loaded
// before the call; it is not looked at if the row is pending. With an error nothing was changed:
//
//   - ErrNeedBase: base is nil or not valid any more, and the row is not pending. Load it and call again.
//   - ErrDuplicate: a Create of a key that exists.
//   - ErrRange, ErrNull, ErrChange: the change does not fit.
//   - ErrBacklogFull, ErrSync: the row would be one more than may be pending, as the table's Full says. With FullBlock
//     Apply waits for room, and ErrBacklogFull comes joined with the context's error when that ends.
//   - ErrClosed, or the context's error: as they say. Apply waits while a gate on the row is held.
//   - ErrJournal: the journal took nothing; nothing was changed. But if the Outcome says that a row was affected, the
//     change was done, may be flushed, and may or may not survive a crash. The context's end may come so, too.
//
// A change of a row that is pending is never refused for want of room.
func (t *Table) Apply(ctx context.Context, c Change, base *Base) (Outcome, error) {
	out, err := t.apply(ctx, c, base)
	if err == nil && out.record != 0 {
		// Whoever else is about to put a record does so first: then one write hands over both. It costs a lone writer
		// nothing, and many of them as many writes.
		runtime.Gosched()
		if err = t.buffer.opts.Journal.Wait(ctx, out.record, ackOf(t.cfg.Ack)); err != nil {
			err = fmt.Errorf("%w as surely as was asked for: %w", ErrJournal, err)
		}
	}
	return out, err
}

func (t *Table) apply(ctx context.Context, c Change, base *Base) (Outcome, error) {
	if err := ctx.Err(); err != nil {
		return Outcome{}, err
	}
	if err := t.check(&c); err != nil {
		return Outcome{}, err
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	for {
		if t.closed {
			return Outcome{}, ErrClosed
		}
		r := t.rows[c.Key]
		if waited, err := t.pass(ctx, r, c.Key); err != nil {
			return Outcome{}, err
		} else if waited {
			continue
		}
		if r != nil {
			return t.change(r, &c)
		}
		if !base.usable() {
			return Outcome{}, ErrNeedBase
		}
		r, err := t.fresh(c.Key, base)
		if err != nil {
			return Outcome{}, err
		}
		if affects, err := t.affects(r, &c); err != nil || !affects {
			return Outcome{}, err
		}
		if c.idle() {
			return Outcome{Affected: 1}, nil
		}
		if waited, err := t.room(ctx); err != nil {
			return Outcome{}, err
		} else if waited {
			continue
		}
		t.rows[r.key] = r
		t.bytes += r.bytes
		out, err := t.change(r, &c)
		if err != nil {
			t.drop(r)
		}
		return out, err
	}
}

// Ready waits until a change of the row would not have to wait: for its gate, or for room under FullBlock. It reserves
// nothing. Callers announce a write only after it, so that a write that waits is not one under way.
func (t *Table) Ready(ctx context.Context, key string) error {
	t.mu.Lock()
	defer t.mu.Unlock()
	for {
		if t.closed {
			return ErrClosed
		}
		r := t.rows[key]
		waited, err := t.pass(ctx, r, key)
		if err == nil && !waited && r == nil && t.cfg.Full == policy.FullBlock {
			waited, err = t.room(ctx)
		}
		if err != nil || !waited {
			return err
		}
	}
}

// pass waits, with the lock released, while changes of the row have to: it reports whether it waited.
func (t *Table) pass(ctx context.Context, r *row, key string) (waited bool, err error) {
	if r != nil && r.burying {
		return true, t.waitMoved(ctx, t.buffer.closing)
	}
	if t.all == nil && len(t.gates) == 0 {
		return false, nil
	}
	g := t.gates[key]
	if g == nil && t.all != nil && t.all.held {
		g = t.all
	}
	if g == nil {
		return false, nil
	}
	t.mu.Unlock()
	defer t.mu.Lock()
	select {
	case <-g.done:
		return true, nil
	case <-ctx.Done():
		return false, fmt.Errorf("wait for a transaction that writes %s: %w", t.cfg.Name, ctx.Err())
	case <-t.buffer.closing:
		return false, ErrClosed
	}
}

// room makes sure that one more row may be pending, as the configuration says; it reports whether it waited, with the
// lock released.
func (t *Table) room(ctx context.Context) (waited bool, err error) {
	if len(t.rows) < t.cfg.Pending {
		return false, nil
	}
	switch t.cfg.Full {
	case policy.FullSync:
		t.buffer.poke()
		return false, ErrSync
	case policy.FullReject:
		return false, ErrBacklogFull
	}
	t.buffer.poke()
	if err := t.waitMoved(ctx, t.buffer.closing); err != nil {
		if errors.Is(err, ErrClosed) {
			return false, err
		}
		return false, fmt.Errorf("wait for room in the backlog of %s: %w",
			t.cfg.Name, errors.Join(ErrBacklogFull, err, t.lastErr))
	}
	return true, nil
}
