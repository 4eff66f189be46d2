package writeback

import (
	"encoding/binary"
	"errors"
	"fmt"
	"math"
	"time"
)

// The kinds of records in a journal: the first byte of each.
const (
	recordChange  byte = 'c'
	recordIntent  byte = 'i'
	recordOutcome byte = 'o'
	recordSettled byte = 's'
)

// errRecord says that a record is none of ours, or not whole.
var errRecord = errors.New("writeback: malformed journal record")

// named is a value of a column by its name.
type named struct {
	name  string
	value any
}

// changeRecord is an accepted change as a journal keeps it: columns by name, for whoever replays it knows no model.
type changeRecord struct {
	seq     uint64
	table   string
	op      Op
	existed bool // the row, before the change
	// key are the key columns. values is the row before the change if it existed, else as the change makes it; for creates
	// and upserts only.
	key, values, set []named
	add              []named // int64
}

// intentRecord is a batch about to be sent on top of another; lasts are the newest changes of its parts, ascending.
type intentRecord struct {
	number, on uint64
	lasts      []uint64
}

// outcomeRecord is how a batch ended.
type outcomeRecord struct {
	number    uint64
	committed bool
}

func appendIntent(b []byte, r intentRecord) []byte {
	b = append(b, recordIntent)
	b = binary.AppendUvarint(b, r.number)
	b = binary.AppendUvarint(b, r.on)
	return appendSeqs(b, r.lasts)
}

func outcomeBytes(r outcomeRecord) []byte {
	b := []byte{recordOutcome}
	b = binary.AppendUvarint(b, r.number)
	return appendBool(b, r.committed)
}

// settledRecord says that the changes of a row from the one to the other have come to nothing.
type settledRecord struct{ first, last uint64 }

func appendSettled(b []byte, r settledRecord) []byte {
	b = binary.AppendUvarint(append(b, recordSettled), r.first)
	return binary.AppendUvarint(b, r.last)
}

func appendSeqs(b []byte, ascending []uint64) []byte {
	b = binary.AppendUvarint(b, uint64(len(ascending)))
	before := uint64(0)
	for _, seq := range ascending {
		b = binary.AppendUvarint(b, seq-before)
		before = seq
	}
	return b
}

func appendBool(b []byte, v bool) []byte {
	if v {
		return append(b, 1)
	}
	return append(b, 0)
}

func appendText(b []byte, s string) []byte {
	b = binary.AppendUvarint(b, uint64(len(s)))
	return append(b, s...)
}

// The kinds of values: the byte before each.
const (
	valueNull byte = iota
	valueInt
	valueFloat
	valueFalse
	valueTrue
	valueString
	valueBytes
	valueTime
)

// appendValue appends one of the values that drivers give: nil, int64, float64, bool, string, []byte or time.Time.
func appendValue(b []byte, v any) ([]byte, error) {
	switch v := v.(type) {
	case nil:
		return append(b, valueNull), nil
	case int64:
		return binary.AppendVarint(append(b, valueInt), v), nil
	case float64:
		return binary.LittleEndian.AppendUint64(append(b, valueFloat), math.Float64bits(v)), nil
	case bool:
		if v {
			return append(b, valueTrue), nil
		}
		return append(b, valueFalse), nil
	case string:
		return appendText(append(b, valueString), v), nil
	case []byte:
		b = binary.AppendUvarint(append(b, valueBytes), uint64(len(v)))
		return append(b, v...), nil
	case time.Time:
		_, offset := v.Zone()
		b = binary.AppendVarint(append(b, valueTime), v.Unix())
		b = binary.AppendUvarint(b, uint64(v.Nanosecond()))
		return binary.AppendVarint(b, int64(offset)), nil
	default:
		return nil, fmt.Errorf("record a value of type %T: %w", v, ErrChange)
	}
}

// recordReader takes a record apart. After the first thing that is not there all others are zero, and bad is set.
type recordReader struct {
	b   []byte
	bad bool
}

// readRecord is a *changeRecord, *intentRecord, *outcomeRecord or *settledRecord.
func readRecord(payload []byte) (any, error) {
	r := &recordReader{b: payload}
	var record any
	switch kind := r.byte(); kind {
	case recordChange:
		record = r.change()
	case recordIntent:
		record = &intentRecord{number: r.uvarint(), on: r.uvarint(), lasts: r.seqs()}
	case recordOutcome:
		record = &outcomeRecord{number: r.uvarint(), committed: r.byte() == 1}
	case recordSettled:
		record = &settledRecord{first: r.uvarint(), last: r.uvarint()}
	default:
		return nil, fmt.Errorf("%w: kind %q", errRecord, kind)
	}
	if r.bad || len(r.b) > 0 {
		return nil, errRecord
	}
	return record, nil
}

func (r *recordReader) change() *changeRecord {
	c := &changeRecord{seq: r.uvarint(), table: r.text(), op: Op(r.byte()), existed: r.byte() == 1}
	c.key, c.values, c.set, c.add = r.fields(), r.fields(), r.fields(), r.fields()
	for _, a := range c.add {
		if _, ok := a.value.(int64); !ok {
			r.bad = true
		}
	}
	if c.op < Create || c.op > Upsert || len(c.key) == 0 || c.seq == 0 {
		r.bad = true
	}
	return c
}

func (r *recordReader) fields() []named {
	n := r.uvarint()
	if n > uint64(len(r.b)) { // each takes a byte at least
		r.bad = true
		return nil
	}
	fields := make([]named, 0, n)
	for range n {
		fields = append(fields, named{name: r.text(), value: r.value()})
	}
	return fields
}

func (r *recordReader) seqs() []uint64 {
	n := r.uvarint()
	if n > uint64(len(r.b)) {
		r.bad = true
		return nil
	}
	seqs := make([]uint64, 0, n)
	before := uint64(0)
	for range n {
		before += r.uvarint()
		seqs = append(seqs, before)
	}
	return seqs
}

func (r *recordReader) value() any {
	switch r.byte() {
	case valueNull:
		return nil
	case valueInt:
		return r.varint()
	case valueFloat:
		if b := r.take(8); b != nil {
			return math.Float64frombits(binary.LittleEndian.Uint64(b))
		}
	case valueFalse:
		return false
	case valueTrue:
		return true
	case valueString:
		return r.text()
	case valueBytes:
		return append([]byte{}, r.take(r.uvarint())...)
	case valueTime:
		sec, nsec, offset := r.varint(), r.uvarint(), r.varint()
		if nsec < uint64(time.Second) && offset > -86400 && offset < 86400 {
			return inZone(time.Unix(sec, int64(nsec)), int(offset))
		}
	}
	r.bad = true
	return nil
}

// inZone gives a time the zone it had, as far as its offset tells.
func inZone(t time.Time, offset int) time.Time {
	if offset == 0 {
		return t.UTC()
	}
	if _, local := t.Local().Zone(); local == offset {
		return t.Local()
	}
	return t.In(time.FixedZone("", offset))
}

func (r *recordReader) byte() byte {
	if b := r.take(1); b != nil {
		return b[0]
	}
	return 0
}

func (r *recordReader) take(n uint64) []byte {
	if r.bad || n > uint64(len(r.b)) {
		r.bad = true
		return nil
	}
	b := r.b[:n]
	r.b = r.b[n:]
	return b
}

func (r *recordReader) text() string { return string(r.take(r.uvarint())) }

func (r *recordReader) uvarint() uint64 {
	v, n := binary.Uvarint(r.b)
	return v * uint64(r.skip(n))
}

func (r *recordReader) varint() int64 {
	v, n := binary.Varint(r.b)
	return v * int64(r.skip(n))
}

// skip passes over a number of n bytes, and is 1 if there is one.
func (r *recordReader) skip(n int) int {
	if n <= 0 || r.bad {
		r.bad = true
		return 0
	}
	r.b = r.b[n:]
	return 1
}
