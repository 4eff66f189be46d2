package writeback

import (
	"cmp"
	"errors"
	"slices"
	"strings"
	"time"

	"github.com/cachewright/cachewright/internal/switches"
)

// run is the goroutine of the Buffer. It ends when everything is written after Close, or when its context ends.
func (b *Buffer) run() {
	defer close(b.done)
	timer := time.NewTimer(time.Hour)
	defer timer.Stop()
	closing := b.closing
	for b.ctx.Err() == nil {
		b.forget()
		t, l, suspect, again := b.next()
		if t != nil {
			b.send(t, t.takeOff(l, suspect))
			continue
		}
		if b.isClosing() && b.empty() {
			return
		}
		timer.Stop()
		if !again.IsZero() {
			timer.Reset(time.Until(again))
		}
		select {
		case <-b.wake:
		case <-timer.C:
		case <-closing:
			closing = nil // from now on everything is due
		case <-b.ctx.Done():
		}
	}
}

// empty reports whether nothing is pending in any table.
func (b *Buffer) empty() bool {
	return !slices.ContainsFunc(b.list(), func(t *Table) bool { return t.Pending() > 0 })
}

// send writes the parts as one batch, or in as many as it takes to leave the poison out.
func (b *Buffer) send(t *Table, parts []*part) {
	pieces := [][]*part{parts}
	for len(pieces) > 0 {
		piece := pieces[len(pieces)-1]
		pieces = pieces[:len(pieces)-1]
		if len(piece) == 0 {
			continue
		}
		began := time.Now()
		err := b.write(t, piece)
		switch {
		case err == nil:
			b.settle(t, piece, time.Since(began))
			b.release()
			continue
		case isPoison(err) && len(piece) > 1:
			half := len(piece) / 2
			pieces = append(pieces, piece[half:], piece[:half])
			continue
		case isPoison(err) && b.doubts(t, piece[0]):
			t.giveBack(piece)
			continue
		case isPoison(err):
			if err = b.bury(t, piece[0], err); err == nil {
				b.release()
				continue
			}
		}
		if errors.Is(err, ErrUndecided) {
			b.halt() // its parts stay in flight: what came after them must not merge with what may be in the database
		} else {
			pieces = append(pieces, piece)
		}
		for _, rest := range pieces {
			t.giveBack(rest)
		}
		b.retreat(t, err)
		return
	}
}

// write hands one batch to the sink.
func (b *Buffer) write(t *Table, piece []*part) error {
	b.batches++
	batch := Batch{Number: b.batches, Table: t.cfg.Name, Journaled: t.logs(), Writes: make([]Write, len(piece))}
	for i, p := range piece {
		batch.Writes[i] = p.write()
	}
	slices.SortFunc(batch.Writes, func(a, b Write) int { return strings.Compare(a.Key, b.Key) })
	if err := b.intend(t, batch.Number, piece); err != nil {
		return err
	}
	err := b.sink.Write(b.ctx, batch)
	b.conclude(t, batch.Number, err)
	return err
}

// retreat puts the table's next batch off, by a random time that may be longer after every failure.
func (b *Buffer) retreat(t *Table, err error) {
	t.mu.Lock()
	bound := b.opts.BackoffMax
	if shift := min(t.failures, 30); b.opts.BackoffMin < bound>>shift {
		bound = b.opts.BackoffMin << shift
	}
	wait := b.random(bound) + 1
	t.failures++
	t.count.retries++
	t.lastErr, t.notBefore = err, time.Now().Add(wait)
	t.move()
	failures := t.failures
	t.mu.Unlock()
	if b.ctx.Err() == nil {
		b.opts.Logger.Warn("write-back batch rolled back, its changes come again",
			"table", t.cfg.Name, "error", err, "failures", failures, "wait", wait)
	}
}

// takeOff moves the parts of a batch into flight: the suspect alone, or those of a lane that holders wait for and then
// the oldest. They come in the order of their oldest changes.
func (t *Table) takeOff(l lane, suspect *part) []*part {
	t.mu.Lock()
	defer t.mu.Unlock()
	if suspect != nil {
		if suspect.in != &t.suspects {
			return nil // a change has cancelled it since it was picked
		}
		return []*part{t.fly(suspect)}
	}
	parts := make([]*part, 0, min(t.cfg.Batch, len(t.lanes[l])))
	for _, r := range t.urgent {
		if r.urgent > 0 && r.next != nil && r.next.in == &t.lanes[l] && len(parts) < t.cfg.Batch {
			parts = append(parts, t.fly(r.next))
		}
	}
	t.urgent = slices.DeleteFunc(t.urgent, func(r *row) bool { return r.urgent == 0 || r.next == nil && r.flight == nil })
	for len(parts) < t.cfg.Batch && len(t.lanes[l]) > 0 {
		parts = append(parts, t.fly(t.lanes[l].head()))
	}
	slices.SortFunc(parts, func(a, b *part) int { return cmp.Compare(a.first, b.first) })
	return parts
}

// fly moves a row's next part into flight.
func (t *Table) fly(p *part) *part {
	r := p.row
	p.unlink()
	r.popNext() // the one behind it is enqueued when this one lands: a batch names a key once
	if p.values == nil {
		p.values = r.share()
	}
	r.flight = p
	t.flying.push(p)
	return p
}

// settle lets the parts of a committed batch go.
func (b *Buffer) settle(t *Table, piece []*part, took time.Duration) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.failures, t.lastErr = 0, nil
	t.count.batches++
	t.count.flushed += uint64(len(piece))
	t.count.largest = max(t.count.largest, len(piece))
	t.count.flushTime += took
	oldest := piece[0].since
	for _, p := range piece {
		if p.since.Before(oldest) {
			oldest = p.since
		}
	}
	t.count.lag = time.Since(oldest)
	for _, p := range piece {
		t.land(p)
		if p.doubt != nil {
			b.rescued++
		}
		switch r := p.row; {
		case r.next == nil:
			t.drop(r)
		case r.next.in == nil:
			t.enqueue(r.next)
		}
	}
	t.move()
}

// land takes a part out of flight.
func (t *Table) land(p *part) {
	p.unlink()
	p.row.flight = nil
}

// giveBack merges the parts of a batch that was rolled back with what came after them.
func (t *Table) giveBack(piece []*part) {
	t.mu.Lock()
	defer t.mu.Unlock()
	for _, p := range piece {
		t.land(p)
		t.restore(p)
	}
	t.move()
}

// restore makes a part that has landed its row's next again.
func (t *Table) restore(p *part) {
	r, then := p.row, p.row.next
	r.tries++
	switch {
	case then == nil:
		p.values = nil
	case switches.On(switches.MergeWrites) && p.fits(then.set, then.add):
		then.unlink()
		r.popNext()
		p.values, p.last = then.values, then.last
		if !p.merge(then.kind, then.set, then.add) {
			t.cancelled(p.first, p.last)
			if r.next == nil {
				t.drop(r)
			} else {
				t.enqueue(r.next)
			}
			return
		}
		if r.next != nil {
			r.rest = append([]*part{r.next}, r.rest...)
		}
	default:
		then.unlink()
		r.rest = append([]*part{then}, r.rest...)
	}
	r.next = p
	t.enqueue(p)
}
