package writeback

import (
	"cmp"
	"fmt"
	"slices"
	"time"

	"github.com/cachewright/cachewright/internal/journal"
)

// Recovery is what the journal of an ended process says was accepted and may not be in the database. It is used by one
// goroutine. First Decide, if a batch is Open, then Tables, then Restore into a Buffer of that journal.
type Recovery struct {
	// Records is how many the journal had, Torn whether it ended in the middle of a write.
	Records int
	Torn    bool
	// Committed is the number of the last batch that the journal knows to be in the database; known says whether it
	// tells at all: what is older was forgotten.
	Committed uint64
	Known     bool
	// Open is the number of the batch of which the journal has the intent and not the end; 0 if there is none.
	Open uint64

	journal *journal.Journal
	intent  *intentRecord
	rows    map[string]*recoveredRow // by table and key
	bySeq   map[uint64]*recoveredRow
}

// recoveredRow has the changes of a row that are not known to be in the database, in order.
type recoveredRow struct {
	table, id string
	changes   []recoveredChange
}

type recoveredChange struct {
	*changeRecord
	place uint64 // in the journal
}

// Recover replays a journal that was adopted.
func Recover(j *journal.Journal) (*Recovery, error) {
	r := &Recovery{journal: j, rows: map[string]*recoveredRow{}, bySeq: map[uint64]*recoveredRow{}}
	found, err := j.Replay(r.replay)
	if err != nil {
		return nil, fmt.Errorf("replay the journal %s: %w", j.ID(), err)
	}
	r.Records, r.Torn = found.Records, found.Torn
	if r.intent != nil {
		r.Open = r.intent.number
		if !r.Known {
			r.Committed, r.Known = r.intent.on, true
		}
	}
	return r, nil
}

// replay takes one record.
func (r *Recovery) replay(place uint64, payload []byte) error {
	record, err := readRecord(payload)
	if err != nil {
		return fmt.Errorf("read record %d: %w", place, err)
	}
	switch record := record.(type) {
	case *changeRecord:
		r.change(place, record)
	case *intentRecord:
		r.intent = record
	case *outcomeRecord:
		if record.committed {
			r.Committed, r.Known = record.number, true
			if r.intent != nil && r.intent.number == record.number {
				r.settle(r.intent.lasts)
			}
		}
		r.intent = nil
	case *settledRecord:
		r.drop(record.first, record.last)
	}
	return nil
}

func (r *Recovery) change(place uint64, c *changeRecord) {
	id := appendText(nil, c.table)
	for _, k := range c.key {
		id = appendText(id, k.name)
		id, _ = appendValue(id, k.value) // what was read can be written
	}
	row := r.rows[string(id)]
	if row == nil {
		row = &recoveredRow{table: c.table, id: string(id)}
		r.rows[row.id] = row
	}
	row.changes = append(row.changes, recoveredChange{c, place})
	r.bySeq[c.seq] = row
}

// settle drops the changes of rows up to some of theirs. Those that the journal has forgotten are ignored.
func (r *Recovery) settle(lasts []uint64) {
	for _, last := range lasts {
		r.drop(0, last)
	}
}

// drop drops changes of the row that the last one is of.
func (r *Recovery) drop(first, last uint64) {
	row := r.bySeq[last]
	if row == nil {
		return
	}
	row.changes = slices.DeleteFunc(row.changes, func(c recoveredChange) bool {
		gone := c.seq >= first && c.seq <= last
		if gone {
			delete(r.bySeq, c.seq)
		}
		return gone
	})
	if len(row.changes) == 0 {
		delete(r.rows, row.id)
	}
}

// Decide says how the open batch ended, and records it.
func (r *Recovery) Decide(committed bool) error {
	if r.intent == nil {
		return nil
	}
	if _, err := r.journal.Put(outcomeBytes(outcomeRecord{number: r.intent.number, committed: committed})); err != nil {
		return fmt.Errorf("record how a batch ended: %w", err)
	}
	if committed {
		r.Committed = r.intent.number
		r.settle(r.intent.lasts)
	}
	r.intent = nil
	return nil
}

// RecoveredTable is what is pending for the rows of one table. Its columns are those that the changes name, in the order in
// which they come.
type RecoveredTable struct {
	// Name is the table's, Columns the names of its columns, KeyAt the places of the key.
	Name    string
	Columns []string
	KeyAt   []int
	// Changes counts what was accepted.
	Changes int

	index   map[string]int
	rows    []*row
	settled []settledRecord // changes that came to nothing
}

// Unset stands for a value that no change of the row has told.
type Unset struct{}

// Tables merges what is pending, by table. What comes to nothing is recorded as that: it must not be found in part, should
// this recovery end before the journal is empty.
func (r *Recovery) Tables() ([]*RecoveredTable, error) {
	byName := map[string]*RecoveredTable{}
	var tables []*RecoveredTable
	rows := make([]*recoveredRow, 0, len(r.rows))
	for _, row := range r.rows {
		rows = append(rows, row)
	}
	slices.SortFunc(rows, func(a, b *recoveredRow) int { return cmp.Compare(a.changes[0].place, b.changes[0].place) })
	for _, row := range rows {
		t := byName[row.table]
		if t == nil {
			t = &RecoveredTable{Name: row.table, index: map[string]int{}}
			byName[row.table] = t
			tables = append(tables, t)
		}
		t.add(row)
	}
	for _, t := range tables {
		for _, row := range t.rows {
			for p := range row.parts() {
				p.values = t.pad(p.values)
			}
		}
		for _, s := range t.settled {
			if _, err := r.journal.Put(appendSettled(nil, s)); err != nil {
				return nil, fmt.Errorf("record what came to nothing: %w", err)
			}
		}
	}
	return tables, nil
}

// add merges the changes of a row.
func (t *RecoveredTable) add(from *recoveredRow) {
	r := &row{key: from.id}
	if t.KeyAt == nil {
		for _, k := range from.changes[0].key {
			t.KeyAt = append(t.KeyAt, t.column(k.name))
		}
	}
	for _, c := range from.changes {
		t.Changes++
		t.merge(r, c)
	}
	if r.next != nil {
		t.rows = append(t.rows, r)
	}
}

// merge does one change to the row, as Table.change does.
func (t *RecoveredTable) merge(r *row, c recoveredChange) {
	change := Change{Op: c.op}
	kind := change.kind()
	set, add := t.assigns(c.set), t.deltas(c.add)
	p := r.tail()
	if p != nil && p.fits(set, add) {
		p.last = c.seq
		if !p.merge(kind, set, add) {
			t.settled = append(t.settled, settledRecord{p.first, p.last})
			if len(r.rest) > 0 {
				r.rest = r.rest[:len(r.rest)-1]
			} else {
				r.next = nil
			}
			return
		}
	} else {
		p = &part{row: r, kind: kind, existed: c.existed, first: c.seq, last: c.seq, record: c.place, since: time.Now()}
		if kind == KindUpdate || kind == KindUpsert {
			p.merge(kind, set, add)
		}
		p.values = t.pad(nil)
		if r.next == nil {
			r.next = p
		} else {
			p.values = slices.Clone(r.tail().values)
			r.rest = append(r.rest, p)
		}
	}
	t.paint(p, c, set, add)
}

// paint brings the image that the part leaves up to date.
func (t *RecoveredTable) paint(p *part, c recoveredChange, set []Assign, add []Delta) {
	for _, known := range [...][]named{c.key, c.values} {
		for _, v := range known {
			at := t.column(v.name)
			p.values = t.pad(p.values)
			p.values[at] = v.value
		}
	}
	p.values = t.pad(p.values)
	if c.op == Update || c.op == Upsert && c.existed {
		for _, s := range set {
			p.values[s.Column] = s.Value
		}
		for _, d := range add {
			if n, ok := p.values[d.Column].(int64); ok {
				p.values[d.Column] = n + d.N
			}
		}
	}
}

// pad makes room for all columns known so far.
func (t *RecoveredTable) pad(values []any) []any {
	for len(values) < len(t.Columns) {
		values = append(values, Unset{})
	}
	return values
}

func (t *RecoveredTable) column(name string) int {
	at, ok := t.index[name]
	if !ok {
		at = len(t.Columns)
		t.Columns = append(t.Columns, name)
		t.index[name] = at
	}
	return at
}

func (t *RecoveredTable) assigns(fields []named) []Assign {
	var all []Assign
	for _, f := range fields {
		all = append(all, Assign{Column: t.column(f.name), Value: f.value})
	}
	return all
}

func (t *RecoveredTable) deltas(fields []named) []Delta {
	var all []Delta
	for _, f := range fields {
		n, _ := f.value.(int64) // checked when it was read
		all = append(all, Delta{Column: t.column(f.name), N: n})
	}
	return all
}

// Writes are what is to be written, a row after the other, each with its changes in order. They are not to be changed.
func (t *RecoveredTable) Writes() [][]Write {
	all := make([][]Write, len(t.rows))
	for i, r := range t.rows {
		for p := range r.parts() {
			all[i] = append(all[i], p.write())
		}
	}
	return all
}

// Rows is how many rows are pending.
func (t *RecoveredTable) Rows() int { return len(t.rows) }

// Restore adds a table to a Buffer with what is pending for its rows, due at once. cfg has the table's name and its columns
// in the same order.
func (b *Buffer) Restore(cfg TableConfig, recovered *RecoveredTable) (*Table, error) {
	t, err := b.Table(cfg)
	if err != nil {
		return nil, err
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	for _, r := range recovered.rows {
		r.values = r.tail().values
		r.bytes = r.size()
		t.rows[r.key] = r
		t.bytes += r.bytes
		last := r.tail().last
		for seq := b.seq.Load(); seq < last && !b.seq.CompareAndSwap(seq, last); seq = b.seq.Load() {
		}
		t.enqueue(r.next)
	}
	return t, nil
}

// parts are what waits of the row.
func (r *row) parts() func(yield func(*part) bool) {
	return func(yield func(*part) bool) {
		if r.next == nil || !yield(r.next) {
			return
		}
		for _, p := range r.rest {
			if !yield(p) {
				return
			}
		}
	}
}
