package writeback

import (
	"fmt"
	"time"

	"github.com/cachewright/cachewright/internal/switches"
)

// fresh is a row that is not pending yet.
func (t *Table) fresh(key string, base *Base) (*row, error) {
	r := &row{key: key, deleted: !base.Exists}
	if base.Exists {
		if len(base.Values) != len(t.cfg.Columns) {
			return nil, fmt.Errorf("take a base of %d values for %d columns of %s: %w",
				len(base.Values), len(t.cfg.Columns), t.cfg.Name, ErrChange)
		}
		r.values, r.shared = base.Values, true
	}
	r.bytes = r.size()
	return r, nil
}

// affects reports whether the change does anything to the row, and refuses one that may not be done.
func (t *Table) affects(r *row, c *Change) (bool, error) {
	exists := !r.deleted
	switch {
	case c.Op == Create && exists:
		return false, ErrDuplicate
	case (c.Op == Update || c.Op == Delete) && !exists:
		return false, nil
	case c.Op == Upsert && exists && len(c.Set) == 0 && len(c.Add) == 0:
		return false, nil
	case c.Op == Update, c.Op == Upsert && exists:
		return true, t.checkSums(r, c)
	}
	return true, nil
}

// checkSums refuses additions whose sum does not fit the column.
func (t *Table) checkSums(r *row, c *Change) error {
	for _, d := range c.Add {
		col := &t.cfg.Columns[d.Column]
		n, ok := meets(r.values, c.Set, d.Column).(int64)
		if !ok {
			continue // NULL stays NULL
		}
		if s, ok := sum(n, d.N); !ok || s < col.Min || s > col.Max {
			return fmt.Errorf("add %d to %d in %s.%s: %w", d.N, n, t.cfg.Name, col.Name, ErrRange)
		}
	}
	return nil
}

// meets is the value that an addition in a change meets: the change's own, or the row's.
func meets(values []any, set []Assign, column int) any {
	for i := len(set) - 1; i >= 0; i-- {
		if set[i].Column == column {
			return set[i].Value
		}
	}
	return values[column]
}

// change does the change to a row of the table. It is in the journal before anything is changed, and an error leaves
// everything as it was.
func (t *Table) change(r *row, c *Change) (Outcome, error) {
	if affects, err := t.affects(r, c); err != nil || !affects {
		return Outcome{}, err
	}
	if c.idle() {
		return Outcome{Affected: 1}, nil
	}
	existed, kind, seq := !r.deleted, c.kind(), t.buffer.seq.Add(1)
	record, err := t.record(r, c, existed, seq)
	if err != nil {
		return Outcome{}, err
	}
	t.count.changes++
	p := r.tail()
	if p != nil && switches.On(switches.MergeWrites) && p.fits(c.Set, c.Add) {
		t.count.merged++
		t.follow(p, kind, c, seq)
	} else {
		if p != nil {
			p.values = r.share() // the older part keeps the image it leaves
		}
		t.queue(r, c, kind, existed, seq, record)
	}
	t.paint(r, c, existed)
	if r.flight == nil && r.next == nil {
		t.drop(r)
		t.move()
	}
	return Outcome{Affected: 1, record: record}, nil
}

// idle reports whether the change meets a row and leaves it as it is.
func (c *Change) idle() bool { return c.Op == Update && len(c.Set) == 0 && len(c.Add) == 0 }

func (c *Change) kind() Kind {
	switch c.Op {
	case Create:
		return KindInsert
	case Update:
		return KindUpdate
	case Delete:
		return KindDelete
	default:
		return KindUpsert
	}
}

// follow merges a change into its row's last part.
func (t *Table) follow(p *part, kind Kind, c *Change, seq uint64) {
	r, before := p.row, p.lane()
	p.last, p.values = seq, nil
	if !p.merge(kind, c.Set, c.Add) {
		t.cancelled(p.first, seq)
		if len(r.rest) > 0 {
			r.rest = r.rest[:len(r.rest)-1]
			return
		}
		p.unlink()
		r.next = nil
		t.move()
		return
	}
	if p.in != nil && p.doubt == nil && p.lane() != before {
		p.unlink()
		t.enqueue(p)
	}
}

// queue puts a part of its own behind what is pending for the row.
func (t *Table) queue(r *row, c *Change, kind Kind, existed bool, seq, record uint64) {
	p := &part{row: r, kind: kind, existed: existed, first: seq, last: seq, record: record, since: time.Now()}
	if kind == KindUpdate || kind == KindUpsert {
		for _, s := range c.Set {
			p.assign(s)
		}
		for _, d := range c.Add {
			p.increase(d)
		}
	}
	if r.next != nil {
		r.rest = append(r.rest, p)
		return
	}
	r.next = p
	t.enqueue(p)
}

// paint brings the row's image up to date.
func (t *Table) paint(r *row, c *Change, existed bool) {
	switch {
	case c.Op == Delete:
		r.deleted = true
		return
	case !existed:
		r.values, r.shared, r.deleted = c.Values, true, false
		t.bytes -= r.bytes
		r.bytes = r.size()
		t.bytes += r.bytes
		return
	}
	r.own()
	for _, s := range c.Set {
		grown := valueSize(s.Value) - valueSize(r.values[s.Column])
		r.values[s.Column] = s.Value
		r.bytes += grown
		t.bytes += grown
	}
	for _, d := range c.Add {
		if n, ok := r.values[d.Column].(int64); ok {
			r.values[d.Column] = n + d.N
		}
	}
}
