package writeback

import (
	"slices"
	"time"
)

// A part that the database refuses alone need not be poison: it may lack a row that is pending as well, as a child
// lacks its parent. The order of the lanes makes that rare, but cannot exclude it: rows of one table may depend on each
// other, and merging makes an old part depend on a new row. So the part becomes a suspect. It is tried again, alone,
// when everything it may lack has been written, and as long as suspects that it may lack are still being written.

// doubt is what is known of a suspect. Written by the flusher with Table.mu held.
type doubt struct {
	// after is the number up to which other rows go first; turn the suspect's place among the suspects of all tables.
	after, turn uint64
	// grown counts how often the suspect was refused with changes newer than after in it.
	grown int
	// tried says that it was refused as a suspect, when rescued suspects had been written.
	tried   bool
	rescued uint64
}

// maxGrown bounds the trials of a suspect that grows from one to the next.
const maxGrown = 3

// doubts decides about a part that was refused alone: true makes it a suspect, or leaves it one; false says it is poison.
func (b *Buffer) doubts(t *Table, p *part) bool {
	lacks, suspects := b.others(t, p)
	d := doubt{}
	switch {
	case p.doubt == nil:
		if !lacks && !suspects {
			return false
		}
	case lacks && p.last > p.doubt.after && p.doubt.grown < maxGrown:
		d = *p.doubt
		d.grown++
	case suspects && (!p.doubt.tried || p.doubt.rescued != b.rescued):
		d = *p.doubt
		d.tried, d.rescued = true, b.rescued
	default:
		return false
	}
	b.turns++
	d.turn, d.after = b.turns, p.last
	t.mu.Lock()
	t.count.retries++
	p.doubt = &d
	t.mu.Unlock()
	for _, other := range b.list() {
		other.request(d.after)
	}
	return true
}

// others reports what else is pending that is older than the part's last change and may be what it lacks: rows that
// wait or are in the same batch, and suspects.
func (b *Buffer) others(t *Table, p *part) (lacks, suspects bool) {
	older := func(q *part) bool { return q != p && q.first <= p.last }
	for _, other := range b.list() {
		if !other.concerns(t) {
			continue
		}
		other.mu.Lock()
		for _, o := range [...]order{other.lanes[writes], other.lanes[deletes]} {
			lacks = lacks || o.head() != nil && older(o.head())
		}
		lacks = lacks || slices.ContainsFunc(other.flying, older)
		suspects = suspects || slices.ContainsFunc(other.suspects, older)
		other.mu.Unlock()
	}
	return lacks, suspects
}

// concerns reports whether rows of the one table may depend on rows of the other.
func (t *Table) concerns(other *Table) bool { return t == other || t.cfg.Rank != other.cfg.Rank }

// nextSuspect is the suspect whose turn it is, once nothing that it may lack is older. If its table may not be tried yet,
// again is when.
func (b *Buffer) nextSuspect(stages []candidate, now time.Time) (t *Table, p *part, again time.Time) {
	var d doubt
	for _, other := range b.list() {
		if q, e := other.firstSuspect(); q != nil && (p == nil || e.turn < d.turn) {
			t, p, d = other, q, e
		}
	}
	if p == nil {
		return nil, nil, again
	}
	if t.notBefore.After(now) {
		return nil, nil, t.notBefore
	}
	for _, c := range stages {
		if c.head != 0 && c.head <= d.after && c.table.concerns(t) {
			return nil, nil, again
		}
	}
	return t, p, again
}

// firstSuspect is the table's suspect whose turn comes first.
func (t *Table) firstSuspect() (first *part, d doubt) {
	t.mu.Lock()
	defer t.mu.Unlock()
	for _, p := range t.suspects {
		if first == nil || p.doubt.turn < d.turn {
			first, d = p, *p.doubt
		}
	}
	return first, d
}
