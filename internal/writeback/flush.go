package writeback

import (
	"context"
	"errors"
	"math"
)

// Flush brings everything that was accepted before the call to the database, all tables in the order of their ranks.
// Rows that could not be brought there until the context ended, or that became dead letters meanwhile, are reported as a
// *StayedError. It waits out the backoff after a failure: a database that is down makes it wait as long as its context
// allows.
func (b *Buffer) Flush(ctx context.Context) error {
	return b.flush(ctx).orNil()
}

// Close refuses new changes, flushes, and ends the goroutine. What the context did not allow stays pending and readable
// and is reported by number as a *StayedError. If a call of the sink is under way when the context ends, it is
// cancelled and waited for. A second Close waits for the first and returns the same.
func (b *Buffer) Close(ctx context.Context) error {
	b.once.Do(func() { b.left = b.close(ctx) })
	return b.left
}

// Flush is as Buffer.Flush for one table and those whose rows must be in the database before its own.
func (t *Table) Flush(ctx context.Context) error {
	stayed := t.await(ctx, t.request(t.buffer.seq.Load()))
	return stayed.orNil()
}

// halt ends the flusher after a batch whose end nobody knows: nothing may follow it.
func (b *Buffer) halt() {
	b.refuse()
	b.stop()
}

// refuse takes no more changes, and tells the tables and whether the flusher runs.
func (b *Buffer) refuse() (tables []*Table, started bool) {
	b.mu.Lock()
	b.closed = true
	tables, started = b.tables, b.started
	b.mu.Unlock()
	for _, t := range tables {
		t.mu.Lock()
		t.closed = true
		t.mu.Unlock()
	}
	return tables, started
}

func (b *Buffer) close(ctx context.Context) error {
	tables, started := b.refuse()
	close(b.closing)
	if !started {
		b.stop()
		close(b.done)
		return nil
	}
	stayed := b.flush(ctx)
	b.stop()
	<-b.done
	stayed.Rows = 0 // the last batch may have made it
	for _, t := range tables {
		stayed.Rows += t.Pending()
	}
	return stayed.orNil()
}

func (b *Buffer) flush(ctx context.Context) *StayedError {
	tables := b.list()
	targets := make([]flushTarget, len(tables))
	seq := b.seq.Load()
	for i, t := range tables {
		targets[i] = t.request(seq)
	}
	total := new(StayedError)
	for i, t := range tables {
		stayed := t.await(ctx, targets[i])
		total.Rows += stayed.Rows
		total.Dead += stayed.Dead
		total.Err = errors.Join(total.Err, stayed.Err)
	}
	return total
}

// flushTarget is what a flush waits for.
type flushTarget struct {
	seq  uint64
	dead uint64 // dead letters of the table before
}

// request asks the flusher for everything up to change seq.
func (t *Table) request(seq uint64) flushTarget {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.oldest() <= seq && t.want < seq {
		t.want = seq
		t.buffer.poke()
	}
	return flushTarget{seq: seq, dead: t.count.dead}
}

// await waits until nothing up to the target is pending.
func (t *Table) await(ctx context.Context, target flushTarget) *StayedError {
	t.mu.Lock()
	defer t.mu.Unlock()
	stayed := new(StayedError)
	for t.oldest() <= target.seq {
		if err := t.waitMoved(ctx, t.buffer.done); err != nil {
			if t.oldest() > target.seq {
				break
			}
			stayed.Rows, stayed.Err = t.upTo(target.seq), errors.Join(err, t.lastErr)
			break
		}
	}
	stayed.Dead = int(t.count.dead - target.dead)
	return stayed
}

// waitMoved waits, with the lock released, until a batch has come back or a row has left. It is called and returns with
// the lock held. The error is the context's, or ErrClosed if the channel is closed first.
func (t *Table) waitMoved(ctx context.Context, closed <-chan struct{}) error {
	if t.moved == nil {
		t.moved = make(chan struct{})
	}
	moved := t.moved
	t.mu.Unlock()
	defer t.mu.Lock()
	select {
	case <-moved:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	case <-closed:
		return ErrClosed
	}
}

// move wakes those who wait for a batch to come back or a row to leave. The lock is held.
func (t *Table) move() {
	if t.moved != nil {
		close(t.moved)
		t.moved = nil
	}
}

// oldest is the number of the oldest change that is pending or in flight. The lock is held.
func (t *Table) oldest() uint64 {
	oldest := uint64(math.MaxUint64)
	for _, o := range [...]order{t.lanes[writes], t.lanes[deletes], t.flying, t.suspects} {
		if p := o.head(); p != nil {
			oldest = min(oldest, p.first)
		}
	}
	return oldest
}

// upTo counts the rows with a change up to seq. The lock is held.
func (t *Table) upTo(seq uint64) int {
	n := 0
	for _, r := range t.rows {
		if r.flight != nil && r.flight.first <= seq || r.next != nil && r.next.first <= seq {
			n++
		}
	}
	return n
}

func (e *StayedError) orNil() error {
	if e.Rows == 0 && e.Dead == 0 {
		return nil
	}
	if e.Rows == 0 {
		e.Err = nil
	}
	return e
}
