package rowset

// Iterator walks the rows of a View, and in each row its columns from left to
// right. It allocates nothing. A copy continues on its own from where the
// original stood.
type Iterator struct {
	rest  []byte // not yet read
	row   []byte // rest as it was at the first column seen of this row
	err   error
	left  int // rows after this one
	width int
	first int
	last  int
	col   int // next column of this row; width when there is no more

	foreign bool // values outside of the bytes are allowed
}

// Next steps to the next row, passing over what was not read of this one. It
// returns false after the last row and on damage; then see Err.
func (it *Iterator) Next() bool {
	if it.err != nil {
		return false
	}
	if !it.skipTo(it.width) {
		return false
	}
	if it.left == 0 {
		if len(it.rest) != 0 {
			it.err = corrupt("end of the rows")
		}
		return false
	}
	it.left--
	if it.width == 0 {
		if len(it.rest) == 0 || Kind(it.rest[0]) != KindNull {
			it.err = corrupt("row without columns")
			return false
		}
		it.rest = it.rest[1:]
		return true
	}
	it.col = 0
	if !it.skipTo(it.first) {
		return false
	}
	it.row = it.rest
	return true
}

// Value returns the next column's value of this row; one of KindInvalid after
// the last column and on damage, then see Err.
func (it *Iterator) Value() Value {
	if it.err != nil || it.col >= it.last {
		return Value{}
	}
	v := it.cut()
	if v.kind == kindForeign {
		return Value{}
	}
	return v
}

// Row reads the next len(dst) columns of this row at once. It returns false,
// and dst is then of no use, when there are not as many left of those seen,
// and on damage, see Err.
func (it *Iterator) Row(dst []Value) bool {
	if it.err != nil || len(dst) > it.last-it.col {
		return false
	}
	rest := it.rest
	for i := range dst {
		v := &dst[i]
		*v = Value{}
		var ok bool
		if rest, ok = v.cut(rest); !ok || v.kind == kindForeign {
			if !ok || !it.foreign {
				it.err = corrupt("value")
			}
			return false
		}
	}
	it.rest = rest
	it.col += len(dst)
	return true
}

// Err returns the damage that ended the iteration, wrapping ErrCorrupt.
func (it *Iterator) Err() error { return it.err }

func (it *Iterator) cut() (v Value) {
	rest, ok := v.cut(it.rest)
	if !ok || (v.kind == kindForeign && !it.foreign) {
		it.err = corrupt("value")
		return Value{}
	}
	it.rest = rest
	it.col++
	return v
}

func (it *Iterator) skipTo(col int) bool {
	for it.col < col {
		it.cut()
		if it.err != nil {
			return false
		}
	}
	return true
}

// encodedRow returns the bytes of the columns seen of this row. The iterator
// is a copy and does not move its original.
func (it Iterator) encodedRow() ([]byte, error) {
	if it.row == nil && it.width > 0 && it.err == nil {
		return nil, ErrShape // before the first row
	}
	if it.width == 0 || it.first == it.last {
		return nil, it.err
	}
	it.rest, it.col = it.row, it.first
	if it.err == nil {
		it.skipTo(it.last)
	}
	if it.err != nil {
		return nil, it.err
	}
	return it.row[:len(it.row)-len(it.rest)], nil
}
