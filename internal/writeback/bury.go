package writeback

import "fmt"

// bury brings a row to the dead letters, with everything that is pending for it. While the sink records it, changes of
// the row wait, and readers see it as it was. An error says that the row is still there.
func (b *Buffer) bury(t *Table, p *part, cause error) error {
	dead, parts := t.close(p, cause)
	b.batches++
	dead.Number, dead.Journaled = b.batches, t.logs()
	left := false
	leave := func() {
		if !left {
			left = true
			t.leave(p)
		}
	}
	err := b.intend(t, dead.Number, parts)
	if err == nil {
		err = b.sink.Dead(b.ctx, dead, leave)
		b.conclude(t, dead.Number, err)
	}
	if err != nil && !left {
		t.mu.Lock()
		p.row.burying = false
		t.mu.Unlock()
		return fmt.Errorf("record a dead letter: %w", err)
	}
	leave()
	b.opts.Logger.Error("write-back change refused for good", "table", t.cfg.Name, "error", cause)
	if err != nil {
		b.opts.Logger.Error("write-back dead letter", "table", t.cfg.Name, "error", err)
	}
	b.tell(dead)
	return nil
}

// tell calls the user's function.
func (b *Buffer) tell(dead *FlushError) {
	if b.opts.OnError == nil {
		return
	}
	defer func() {
		if v := recover(); v != nil {
			b.opts.Logger.Error("function told of a dead letter panicked", "panic", v)
		}
	}()
	b.opts.OnError(dead)
}

// close makes changes of the part's row wait, and collects what is pending for it.
func (t *Table) close(p *part, cause error) (*FlushError, []*part) {
	t.mu.Lock()
	defer t.mu.Unlock()
	r := p.row
	r.burying = true
	parts := []*part{p}
	if r.next != nil {
		parts = append(append(parts, r.next), r.rest...)
	}
	dead := &FlushError{Table: t.cfg.Name, Key: r.key, Err: cause}
	for _, q := range parts {
		w := q.write()
		if w.Values == nil {
			w.Values = r.share()
		}
		dead.Changes = append(dead.Changes, w)
	}
	return dead, parts
}

// leave takes the part's row out of the table, with everything that is pending for it.
func (t *Table) leave(p *part) {
	t.mu.Lock()
	defer t.mu.Unlock()
	r := p.row
	t.land(p)
	if r.next != nil {
		r.next.unlink()
	}
	t.drop(r)
	t.count.dead++
	t.move()
}
