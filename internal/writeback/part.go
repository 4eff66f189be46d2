package writeback

import (
	"slices"
	"time"
)

// part is what is pending for a row up to some change, or what a batch under way carries of it: the unit that the flusher
// moves. A row's next part waits in one of the table's orders, one in flight is in flying; parts behind those are in no
// order. Guarded by Table.mu; what the sink sees of a part in flight does not change until its batch has come back.
type part struct {
	row  *row
	kind Kind
	// existed says whether the database has the row before this part is written.
	existed bool
	// set and add are as in Write, and the part's own.
	set []Assign
	add []Delta
	// values is the image that the part leaves; nil in the last part of a row, whose image is the row's.
	values []any
	// first and last are the numbers of the oldest and the newest change; since is when first was accepted.
	first, last uint64
	since       time.Time
	// record is the place of the oldest change in the journal, 0 if the table has none.
	record uint64
	// doubt is set if the database refused the part alone while something was pending that might be what it lacks.
	doubt *doubt

	in    *order
	index int
}

// lane is where a part of this kind waits: deletes apart from the rest.
type lane uint8

const (
	writes lane = iota
	deletes
	lanes
)

func (p *part) lane() lane {
	if p.kind == KindDelete {
		return deletes
	}
	return writes
}

// combine is the kind of a part that is followed by another; existed says whether the first part's row was there before
// it. 0 means that the two cancel out.
func combine(kind Kind, existed bool, then Kind) Kind {
	switch then {
	case KindDelete:
		if !existed {
			return 0
		}
		return KindDelete
	case KindInsert, KindReplace:
		if !existed {
			return KindInsert
		}
		return KindReplace
	case KindUpsert:
		switch kind {
		case KindDelete:
			return KindReplace
		case KindUpdate:
			return KindUpsert
		default:
			return kind
		}
	default:
		return kind
	}
}

// fits reports whether the additions can be added to those of the part.
func (p *part) fits(set []Assign, add []Delta) bool {
	if p.kind != KindUpdate && p.kind != KindUpsert {
		return true
	}
	for _, d := range add {
		if slices.ContainsFunc(set, func(s Assign) bool { return s.Column == d.Column }) {
			continue
		}
		for _, own := range p.add {
			if _, ok := sum(own.N, d.N); own.Column == d.Column && !ok {
				return false
			}
		}
	}
	return true
}

// merge adds what comes after the part, which fits, and reports whether anything is left to write.
func (p *part) merge(kind Kind, set []Assign, add []Delta) bool {
	p.kind = combine(p.kind, p.existed, kind)
	if p.kind != KindUpdate && p.kind != KindUpsert {
		p.set, p.add = nil, nil
		return p.kind != 0
	}
	for _, s := range set {
		p.assign(s)
	}
	for _, d := range add {
		p.increase(d)
	}
	return true
}

func (p *part) assign(s Assign) {
	for i := range p.add {
		if p.add[i].Column == s.Column {
			p.add = slices.Delete(p.add, i, i+1)
			break
		}
	}
	for i := range p.set {
		if p.set[i].Column == s.Column {
			p.set[i].Value = s.Value
			return
		}
	}
	p.set = append(p.set, s)
}

func (p *part) increase(d Delta) {
	for i := range p.set {
		if p.set[i].Column == d.Column {
			if n, ok := p.set[i].Value.(int64); ok {
				p.set[i].Value = n + d.N // the image was checked: the sum is in the column's range
			}
			return
		}
	}
	for i := range p.add {
		if p.add[i].Column == d.Column {
			p.add[i].N += d.N
			return
		}
	}
	p.add = append(p.add, d)
}

// write is the part as the sink gets it.
func (p *part) write() Write {
	return Write{
		Key: p.row.key, Kind: p.kind, Values: p.values, Set: p.set, Add: p.add, First: p.first, Last: p.last,
	}
}

// sum adds, and reports whether the result fits.
func sum(a, b int64) (int64, bool) {
	c := a + b
	return c, (c > a) == (b > 0)
}
