package writeback

import "context"

// Sink brings batches to the database. Its methods are called one at a time, by the goroutine of the Buffer, with no lock
// held; they return soon after their context has ended. What they are given is not changed until they return.
type Sink interface {
	// Write writes the batch in one transaction. It returns nil once that is committed and the stamps of its rows are
	// published, and an error if it is surely rolled back: if the answer to COMMIT is lost, the sink finds out before it
	// returns, or marks the error with ErrUndecided when its context ends. An error marked with Poison splits the batch; after any other, the same changes come again later, merged
	// with newer ones.
	Write(ctx context.Context, b Batch) error

	// Dead records a change that was refused for good. When that is done it announces a write of the row, calls leave,
	// which takes the row out of the dirty table, and publishes: so nothing made from the dropped change stays valid.
	// Until leave is called changes of the row wait. With an error and no call of leave the row stays and is tried
	// again later; without an error the row leaves in any case.
	Dead(ctx context.Context, dead *FlushError, leave func()) error
}

// Batch is what one transaction writes.
type Batch struct {
	// Number counts the calls of Write and Dead of one Buffer, from 1. A batch that is tried again has another number.
	Number uint64
	// Table is the name of the table, Journaled whether its changes are in the journal.
	Table     string
	Journaled bool
	// Writes has at least one element, sorted by Key, each Key once. Either all are deletes or none is.
	Writes []Write
}

// Kind is the statement that brings a Write to the database.
type Kind uint8

// The kinds of a Write.
const (
	// KindInsert is a plain INSERT of Values: an existing key is an error.
	KindInsert Kind = iota + 1
	// KindUpdate is an UPDATE by Set and Add; that no row is met is an error.
	KindUpdate
	// KindDelete is a DELETE by the key in Values.
	KindDelete
	// KindReplace is a DELETE by the key in Values, then a plain INSERT of Values.
	KindReplace
	// KindUpsert is an INSERT of Values that, on a conflict of the key, updates by Set and Add, or does nothing if both
	// are empty.
	KindUpsert
)

// String is the name in lower case.
func (k Kind) String() string {
	names := [...]string{"nothing", "insert", "update", "delete", "replace", "upsert"}
	if int(k) < len(names) {
		return names[k]
	}
	return "unknown"
}

// Write is everything that is to be done to one row, merged.
type Write struct {
	// Key is the key of the changes.
	Key string
	// Kind is the statement.
	Kind Kind
	// Values is the whole row, by column index, as this write leaves it; for a delete, as it was. It must not be changed.
	Values []any
	// Set and Add are what an update or upsert does to the row it meets; no column is in both. Empty for other kinds.
	Set []Assign
	Add []Delta
	// First and Last are the numbers of the oldest and the newest change in this write.
	First, Last uint64
}
