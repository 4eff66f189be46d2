package rowset

import (
	"encoding/binary"
	"fmt"
	"unsafe"
)

const (
	magic   = 'R'
	version = 1
)

// View reads an encoded answer in place. It is a value of a few words; copies
// of it are independent and it may be used by many goroutines at once.
type View struct {
	data   []byte
	names  []byte // the column names
	types  []byte // the columns before the first row
	types1 []byte // the columns on the first row, empty when the same
	values []byte
	width  int // columns in the answer
	first  int // columns seen: [first, last)
	last   int
	rows   int

	foreign bool // some values are held beside the bytes, by a Captured
}

// Open reads the head of an encoded answer: version, column names, number of
// rows. Values are checked as they are read, or all at once by Check. The
// error wraps ErrCorrupt. It allocates nothing; data must never change again.
func Open(data []byte) (View, error) {
	if len(data) < 2 || data[0] != magic || data[1] != version {
		return View{}, corrupt("version")
	}
	v := View{data: data}
	rest := data[2:]
	var ok bool
	if v.names, rest, ok = cutText(rest); !ok {
		return View{}, corrupt("column names")
	}
	if v.types, rest, ok = cutText(rest); !ok {
		return View{}, corrupt("column types")
	}
	if v.types1, rest, ok = cutText(rest); !ok {
		return View{}, corrupt("column types of the first row")
	}
	if v.width, ok = checkNames(v.names); !ok {
		return View{}, corrupt("column names")
	}
	if len(rest) < 4 {
		return View{}, corrupt("number of rows")
	}
	v.rows, v.values = int(binary.LittleEndian.Uint32(rest)), rest[4:]
	if uint64(v.rows)*uint64(max(v.width, 1)) > uint64(len(v.values)) {
		return View{}, corrupt("number of rows")
	}
	v.last = v.width
	return v, nil
}

// NumColumns returns the number of columns seen.
func (v View) NumColumns() int { return v.last - v.first }

// NumRows returns the number of rows.
func (v View) NumRows() int { return v.rows }

// Size returns the length of the encoded answer in bytes.
func (v View) Size() int { return len(v.data) }

// Header returns the encoded names of all columns, seen or not. Equal headers
// mean equal names in equal order, so what is planned for one answer holds
// for all with its header. The caller must not write to it.
func (v View) Header() []byte { return v.names }

// ColumnName returns the name of column i of those seen, "" if there is none.
// The string shares memory with the answer.
func (v View) ColumnName(i int) string {
	if i < 0 || i >= v.NumColumns() {
		return ""
	}
	_, rest, _ := cutCount(v.names)
	var name []byte
	for range v.first + i + 1 {
		name, rest, _ = cutText(rest)
	}
	return unsafe.String(unsafe.SliceData(name), len(name))
}

// Columns returns the columns seen as the driver described them before the
// first row was read.
func (v View) Columns() ([]Column, error) {
	return v.columns(v.types)
}

// FirstRowColumns returns the columns seen as the driver described them when
// it stood on the first row, which may differ on SQLite.
func (v View) FirstRowColumns() ([]Column, error) {
	if len(v.types1) == 0 {
		return v.columns(v.types)
	}
	return v.columns(v.types1)
}

// Project returns a view of the columns [first, last) of those seen, over the
// same bytes. A range outside of them is ErrShape.
func (v View) Project(first, last int) (View, error) {
	if first < 0 || last < first || last > v.NumColumns() {
		return View{}, fmt.Errorf("project columns %d to %d of %d: %w", first, last, v.NumColumns(), ErrShape)
	}
	v.first, v.last = v.first+first, v.first+last
	return v, nil
}

// Rows returns an iterator before the first row.
func (v View) Rows() Iterator {
	return Iterator{
		rest: v.values, left: v.rows,
		width: v.width, first: v.first, last: v.last, col: v.width,
		foreign: v.foreign,
	}
}

// Check reads everything there is, columns and values, and returns the first
// damage found, an error wrapping ErrCorrupt. It allocates nothing.
func (v View) Check() error {
	if !checkTypes(v.types, v.width) || (len(v.types1) != 0 && !checkTypes(v.types1, v.width)) {
		return corrupt("column types")
	}
	it := v.Rows()
	for it.Next() {
	}
	return it.Err()
}

func (v View) columns(types []byte) ([]Column, error) {
	all, err := parseColumns(v.names, types)
	if err != nil {
		return nil, err
	}
	return all[v.first:v.last:v.last], nil
}
