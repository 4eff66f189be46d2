package rowset

import (
	"encoding/binary"
	"fmt"
	"math"
	"reflect"
)

// Builder puts an answer together. It is for one goroutine at a time.
type Builder struct {
	names []string // for errors; nil when made from a view
	data  []byte
	count int // where the number of rows stands in data
	width int
	rows  uint32
}

// NewBuilder returns a builder of an answer with these columns. The error is
// an *UnsupportedError when a scan type has no encoded form.
func NewBuilder(columns []Column) (*Builder, error) {
	b := &Builder{}
	if err := b.start(columns, nil); err != nil {
		return nil, fmt.Errorf("encode columns: %w", err)
	}
	return b, nil
}

// NewBuilderLike returns a builder of an answer with the columns v sees, into
// which rows of v, or of any view with the same columns, can be copied.
func NewBuilderLike(v View) (*Builder, error) {
	if v.first == 0 && v.last == v.width {
		head := len(v.data) - len(v.values)
		b := &Builder{width: v.width, count: head - 4}
		b.data = append(make([]byte, 0, head+64), v.data[:head]...)
		binary.LittleEndian.PutUint32(b.data[b.count:], 0)
		return b, nil
	}
	columns, err := v.Columns()
	if err != nil {
		return nil, err
	}
	onFirst, err := v.FirstRowColumns()
	if err != nil {
		return nil, err
	}
	b := &Builder{}
	if err := b.start(columns, onFirst); err != nil {
		return nil, fmt.Errorf("encode columns: %w", err)
	}
	return b, nil
}

// Append adds one row. Each value is nil, a bool, string, []byte, time.Time,
// float or integer of the predeclared types. On an error, ErrShape or an
// *UnsupportedError, nothing was added.
func (b *Builder) Append(values ...any) error {
	if len(values) != b.width {
		return fmt.Errorf("append %d values to %d columns: %w", len(values), b.width, ErrShape)
	}
	if err := b.room(); err != nil {
		return err
	}
	mark := len(b.data)
	for i, value := range values {
		var ok bool
		if b.data, ok = appendValue(b.data, value); !ok {
			b.data = b.data[:mark]
			return &UnsupportedError{Column: b.name(i), Type: reflect.TypeOf(value)}
		}
	}
	b.endRow()
	return nil
}

// AppendRow copies the row it stands on, the columns seen, without decoding
// and without moving it.
func (b *Builder) AppendRow(it Iterator) error {
	if it.last-it.first != b.width {
		return fmt.Errorf("append %d values to %d columns: %w", it.last-it.first, b.width, ErrShape)
	}
	if err := b.room(); err != nil {
		return err
	}
	row, err := it.encodedRow()
	if err != nil {
		return fmt.Errorf("copy row: %w", err)
	}
	b.data = append(b.data, row...)
	b.endRow()
	return nil
}

// Len returns the number of bytes so far.
func (b *Builder) Len() int { return len(b.data) }

// NumRows returns the number of rows so far.
func (b *Builder) NumRows() int { return int(b.rows) }

// Bytes returns the answer so far. The builder keeps no claim on the slice
// unless it is appended to again: then the slice must not be in use any more.
func (b *Builder) Bytes() []byte {
	binary.LittleEndian.PutUint32(b.data[b.count:], b.rows)
	return b.data
}

// Project encodes the columns [first, last) of an answer as an answer of its
// own. View.Project does without the copy where the bytes stay at hand.
func Project(data []byte, first, last int) ([]byte, error) {
	v, err := Open(data)
	if err != nil {
		return nil, err
	}
	if v, err = v.Project(first, last); err != nil {
		return nil, err
	}
	b, err := NewBuilderLike(v)
	if err != nil {
		return nil, err
	}
	it := v.Rows()
	for it.Next() {
		if err := b.AppendRow(it); err != nil {
			return nil, err
		}
	}
	if err := it.Err(); err != nil {
		return nil, err
	}
	return b.Bytes(), nil
}

// start writes the head. The bytes are complete even when a scan type is
// unsupported, which is the error.
func (b *Builder) start(columns, onFirst []Column) error {
	b.width = len(columns)
	b.names = make([]string, len(columns))
	for i := range columns {
		b.names[i] = columns[i].Name
	}
	types, err := appendTypes(nil, columns)
	var types1 []byte
	if onFirst != nil {
		var err1 error
		if types1, err1 = appendTypes(nil, onFirst); err == nil {
			err = err1
		}
		if string(types1) == string(types) {
			types1 = nil
		}
	}
	b.data = append(make([]byte, 0, 256), magic, version)
	b.data = appendText(b.data, appendNames(nil, columns))
	b.data = appendText(b.data, types)
	b.data = appendText(b.data, types1)
	b.count = len(b.data)
	b.data = append(b.data, 0, 0, 0, 0)
	return err
}

func (b *Builder) room() error {
	if b.rows == math.MaxUint32 {
		return fmt.Errorf("append row: %w", ErrTooLarge)
	}
	return nil
}

func (b *Builder) endRow() {
	if b.width == 0 {
		b.data = append(b.data, byte(KindNull))
	}
	b.rows++
}

func (b *Builder) name(i int) string {
	if i < len(b.names) {
		return b.names[i]
	}
	if v, err := Open(b.Bytes()); err == nil {
		return string([]byte(v.ColumnName(i)))
	}
	return ""
}
