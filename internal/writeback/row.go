package writeback

import "slices"

// Row is a pending row as readers must see it.
type Row struct {
	// Values is the whole row by column index, nil if Deleted. It must not be changed.
	Values []any
	// Deleted says that the row is gone.
	Deleted bool
}

// row is an entry of the dirty table; it is there as long as it has a part. Guarded by Table.mu.
type row struct {
	key string
	// values is the image after everything accepted; of a deleted row, as it was. It is replaced, not changed, while
	// shared: then a reader, the sink or the caller has it as well.
	values []any
	shared bool
	// deleted says that the row does not exist after everything accepted.
	deleted bool
	// flight is the part in the batch under way, next the one after it, rest those behind that: changes that could not
	// be merged. rest is empty if next is nil.
	flight, next *part
	rest         []*part
	// bytes is the row's share in the table's estimate.
	bytes int64
	// tries counts the batches that were rolled back with this row in them.
	tries uint64
	// urgent counts the holders that wait for the row to be written.
	urgent int
	// burying says that the row is on its way to the dead letters: changes of it wait.
	burying bool
}

// rowOverhead is what a row costs besides its key and values: itself, a part with its slices, its places in the map and
// in an order.
const rowOverhead = 480

// tail is the part that takes the next change, nil if a new one is needed.
func (r *row) tail() *part {
	if len(r.rest) > 0 {
		return r.rest[len(r.rest)-1]
	}
	return r.next
}

// own makes values the row's own, to be changed in place.
func (r *row) own() {
	if r.shared {
		r.values, r.shared = slices.Clone(r.values), false
	}
}

// share hands out the image.
func (r *row) share() []any {
	r.shared = true
	return r.values
}

// popNext takes next out of the queue; it is in no order any more.
func (r *row) popNext() {
	if len(r.rest) == 0 {
		r.next = nil
		return
	}
	r.next, r.rest = r.rest[0], r.rest[1:]
}

// size estimates the memory of the row.
func (r *row) size() int64 {
	n := int64(rowOverhead + len(r.key))
	for _, v := range r.values {
		n += valueSize(v)
	}
	return n
}

// valueSize estimates the memory of a value in a slice of them.
func valueSize(v any) int64 {
	const header = 16
	switch v := v.(type) {
	case nil:
		return header
	case string:
		return header + 16 + int64(len(v))
	case []byte:
		return header + 24 + int64(len(v))
	default:
		return header + 16
	}
}
