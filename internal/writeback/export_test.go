package writeback

import (
	"encoding/binary"
	"time"
)

// Ordered reports whether every order of the table has its oldest part at its head, all the way down.
func Ordered(t *Table) bool {
	t.mu.Lock()
	defer t.mu.Unlock()
	for _, o := range [...]order{t.lanes[writes], t.lanes[deletes], t.flying, t.suspects} {
		for i, p := range o {
			if p.index != i || o[(max(i, 1)-1)/2].first > p.first {
				return false
			}
		}
	}
	return true
}

// Steady makes every backoff as long as it may be.
func Steady(b *Buffer) { b.random = func(bound time.Duration) time.Duration { return bound - 1 } }

// AppendValue and ReadValue are the values of journal records.
var AppendValue = appendValue

func ReadValue(b []byte) (any, error) {
	r := &recordReader{b: b}
	v := r.value()
	if r.bad || len(r.b) > 0 {
		return nil, errRecord
	}
	return v, nil
}

// Rewrite reads a record and writes it again, and reports whether it is one.
func Rewrite(payload []byte) ([]byte, bool) {
	record, err := readRecord(payload)
	if err != nil {
		return nil, false
	}
	switch r := record.(type) {
	case *intentRecord:
		return appendIntent(nil, *r), true
	case *outcomeRecord:
		return outcomeBytes(*r), true
	case *settledRecord:
		return appendSettled(nil, *r), true
	}
	c := record.(*changeRecord)
	b := appendText(binary.AppendUvarint([]byte{recordChange}, c.seq), c.table)
	b = appendBool(append(b, byte(c.op)), c.existed)
	for _, fields := range [][]named{c.key, c.values, c.set, c.add} {
		b = binary.AppendUvarint(b, uint64(len(fields)))
		for _, f := range fields {
			if b, err = appendValue(appendText(b, f.name), f.value); err != nil {
				return nil, false
			}
		}
	}
	return b, true
}

// SomeRecords has one of each kind.
func SomeRecords() [][]byte {
	change := appendBool(append(appendText([]byte{recordChange, 7}, "t"), byte(Upsert)), true)
	for _, name := range []string{"key", "value", "set", "add"} {
		change = appendText(append(change, 1), name)
		change = append(change, valueInt, 14)
	}
	return [][]byte{
		change, appendIntent(nil, intentRecord{number: 3, on: 2, lasts: []uint64{1, 300, 301}}),
		outcomeBytes(outcomeRecord{number: 3, committed: true}), appendSettled(nil, settledRecord{8, 9}),
	}
}
