package writeback

import (
	"context"
	"errors"
	"fmt"
	"slices"
)

// Holder is what one explicit transaction holds: gates on rows and tables that it writes itself. While a gate is held
// nothing is pending for its rows, and changes of them by others wait. A Holder is used by one goroutine at a time.
//
// A holder must not ask for a flush of a table of which it holds something: the flush may wait for locks that its
// transaction has in the database. Hold itself flushes what is pending for the rows it takes; if the holder already
// holds anything it waits for one batch only, and takes its roll-back for a deadlock.
type Holder struct {
	buffer *Buffer
	held   []hold
	// waits is the holder whose gate this one waits for. Guarded by Buffer.gateMu.
	waits *Holder
	// open says that the database knows the transaction, unsettled that its outcome is not known before every open one
	// has ended. Guarded by Buffer.gateMu.
	open, unsettled bool
	// released says that it is over.
	released bool
}

// hold is a gate that is held: on a row, or on the table if all.
type hold struct {
	table *Table
	key   string
	all   bool
}

// gate stands in the way of changes. Its fields are written once, but for held, which Table.mu guards.
type gate struct {
	holder *Holder
	// done is closed when the gate is gone.
	done chan struct{}
	// held is false while a gate on a whole table still waits for those on its rows: then it only keeps out holders that
	// have nothing of the table yet.
	held bool
}

// Holder begins a transaction's holding. The caller must end it with Release.
func (b *Buffer) Holder() *Holder { return &Holder{buffer: b} }

// Hold takes the gates of the rows and returns when nothing is pending for them. A gate that is already this holder's is
// no error. It waits for other holders; ErrGateDeadlock says that one of them waits for this one. After an error what was
// taken so far stays held until Release.
func (h *Holder) Hold(ctx context.Context, t *Table, keys ...string) error {
	if h.released {
		return ErrClosed
	}
	once := len(h.held) > 0
	keys = slices.Clone(keys)
	slices.Sort(keys) // all take the gates of one call in the same order
	keys = slices.Compact(keys)
	for _, key := range keys {
		if err := h.take(ctx, t, key); err != nil {
			return fmt.Errorf("hold a row of %s: %w", t.cfg.Name, err)
		}
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	rows := make([]*row, 0, len(keys))
	for _, key := range keys {
		if r := t.rows[key]; r != nil {
			rows = append(rows, r)
		}
	}
	if err := h.drain(ctx, t, rows, once); err != nil {
		return fmt.Errorf("hold a row of %s: %w", t.cfg.Name, err)
	}
	return nil
}

// HoldAll is as Hold for all rows of the table, those that do not exist included.
func (h *Holder) HoldAll(ctx context.Context, t *Table) error {
	if h.released {
		return ErrClosed
	}
	once := len(h.held) > 0
	if err := h.takeAll(ctx, t); err != nil {
		return fmt.Errorf("hold %s: %w", t.cfg.Name, err)
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	rows := make([]*row, 0, len(t.rows))
	for _, r := range t.rows {
		rows = append(rows, r)
	}
	if err := h.drain(ctx, t, rows, once); err != nil {
		return fmt.Errorf("hold %s: %w", t.cfg.Name, err)
	}
	return nil
}

// Release opens the gates. It is called when the transaction has ended, after its stamps were published. The holder is
// of no use afterwards; a second Release does nothing.
func (h *Holder) Release() {
	h.released = true
	for _, held := range h.held {
		t := held.table
		t.mu.Lock()
		g := t.gates[held.key]
		if held.all {
			g, t.all = t.all, nil
		} else {
			delete(t.gates, held.key)
		}
		t.mu.Unlock()
		close(g.done)
	}
	h.held = nil
}

// Open says that the holder's transaction has written: one whose outcome is not known waits for its end.
func (h *Holder) Open() {
	h.buffer.gateMu.Lock()
	defer h.buffer.gateMu.Unlock()
	h.open = true
}

// Unsettled says that the transaction is over and that nobody knows how, until every transaction that is open now has
// ended. So those must not wait for its gates: they get ErrGateDeadlock, which a holder that waits already gets when it
// asks again.
func (h *Holder) Unsettled() {
	h.buffer.gateMu.Lock()
	defer h.buffer.gateMu.Unlock()
	h.unsettled = true
}

// take takes the gate of a row.
func (h *Holder) take(ctx context.Context, t *Table, key string) error {
	for {
		t.mu.Lock()
		g := t.gates[key]
		switch {
		case g != nil && g.holder == h, t.all != nil && t.all.holder == h:
			t.mu.Unlock()
			return nil
		case g == nil && t.all != nil && (t.all.held || !h.holds(t)):
			g = t.all
		case g == nil:
			t.gates[key] = &gate{holder: h, done: make(chan struct{}), held: true}
			h.held = append(h.held, hold{table: t, key: key})
			t.mu.Unlock()
			return nil
		}
		t.mu.Unlock()
		if err := h.await(ctx, g); err != nil {
			return err
		}
	}
}

// takeAll takes the gate of the table: first against holders that have nothing of it, then, when no other holds one of
// its rows, against all.
func (h *Holder) takeAll(ctx context.Context, t *Table) error {
	for {
		t.mu.Lock()
		if t.all != nil && t.all.holder == h && t.all.held {
			t.mu.Unlock()
			return nil
		}
		if t.all == nil {
			t.all = &gate{holder: h, done: make(chan struct{})}
		}
		g := t.all
		if g.holder == h {
			g = t.gateOfOther(h)
		}
		if g == nil {
			t.all.held = true
			h.held = append(h.held, hold{table: t, all: true})
			t.mu.Unlock()
			return nil
		}
		t.mu.Unlock()
		if err := h.await(ctx, g); err != nil {
			t.mu.Lock()
			defer t.mu.Unlock()
			if t.all != nil && t.all.holder == h {
				close(t.all.done)
				t.all = nil
			}
			return err
		}
	}
}

// gateOfOther is a row's gate that another holds, nil if there is none. Table.mu is held.
func (t *Table) gateOfOther(h *Holder) *gate {
	for _, g := range t.gates {
		if g.holder != h {
			return g
		}
	}
	return nil
}

func (h *Holder) holds(t *Table) bool {
	return slices.ContainsFunc(h.held, func(held hold) bool { return held.table == t })
}

// await waits until the gate is gone, unless its holder waits for this one, or for the end of its transaction.
func (h *Holder) await(ctx context.Context, g *gate) error {
	b := h.buffer
	b.gateMu.Lock()
	for other := g.holder; other != nil; other = other.waits {
		if other == h || other.unsettled && h.open {
			b.gateMu.Unlock()
			return ErrGateDeadlock
		}
	}
	h.waits = g.holder
	b.gateMu.Unlock()
	defer func() {
		b.gateMu.Lock()
		h.waits = nil
		b.gateMu.Unlock()
	}()
	select {
	case <-g.done:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

// drain has the rows written before all others and waits until they have left. Their gates are held, so nothing is
// added to them. Table.mu is held.
func (h *Holder) drain(ctx context.Context, t *Table, rows []*row, once bool) error {
	tries := make([]uint64, len(rows))
	for i, r := range rows {
		r.urgent++
		tries[i] = r.tries
	}
	defer func() {
		for _, r := range rows {
			r.urgent--
		}
	}()
	t.urgent = append(t.urgent, rows...)
	t.buffer.poke()
	for i := 0; i < len(rows); {
		if t.rows[rows[i].key] != rows[i] {
			i++
			continue
		}
		if once && rows[i].tries != tries[i] {
			return errors.Join(ErrGateDeadlock, t.lastErr)
		}
		if err := t.waitMoved(ctx, h.buffer.done); err != nil {
			return errors.Join(err, t.lastErr)
		}
	}
	return nil
}
