package writeback

import (
	"errors"
	"fmt"
)

// What Apply, Hold, Flush and Close report, mostly wrapped: test for them with errors.Is.
var (
	// ErrNeedBase asks the caller for the row as the database has it: load it, and call Apply again.
	ErrNeedBase = errors.New("writeback: the row as the database has it is needed")
	// ErrDuplicate says that the key of a Create exists.
	ErrDuplicate = errors.New("writeback: the key exists")
	// ErrRange says that a value or a sum does not fit its integer column. Nothing was changed.
	ErrRange = errors.New("writeback: out of the column's range")
	// ErrNull says that a column that must not be NULL was given nil. Nothing was changed.
	ErrNull = errors.New("writeback: the column must not be NULL")
	// ErrChange says that a Change does not fit its table: a bug of the caller. Nothing was changed.
	ErrChange = errors.New("writeback: malformed change")
	// ErrSync says that the backlog is full and the caller is to write this change to the database itself.
	ErrSync = errors.New("writeback: backlog full, write it at once")
	// ErrBacklogFull says that the backlog is full and the change was refused.
	ErrBacklogFull = errors.New("writeback: backlog full")
	// ErrClosed says that the Buffer takes no more changes.
	ErrClosed = errors.New("writeback: closed")
	// ErrGateDeadlock says that a transaction would wait for a gate whose holder waits for it, or for a flush that its
	// own locks may be holding up. It must be rolled back.
	ErrGateDeadlock = errors.New("writeback: deadlock between gates")
)

// FlushError is a change that the database refused for good, and with it what was pending behind it: a dead letter.
type FlushError struct {
	// Table is the name of the table, Key the row's.
	Table, Key string
	// Changes are the change that was refused and those accepted after it, in order. They are the receiver's to keep.
	Changes []Write
	// Number is that of the batch in which the letter is recorded, counted as Batch.Number is, and Journaled as there.
	Number    uint64
	Journaled bool
	// Err is what the sink said.
	Err error
}

// Error names the table and the cause. The key is left out: it may be personal.
func (e *FlushError) Error() string {
	return fmt.Sprintf("writeback: a row of %s was refused for good: %v", e.Table, e.Err)
}

// Unwrap is what the sink said.
func (e *FlushError) Unwrap() error { return e.Err }

// StayedError says how much of what a flush or Close was to bring to the database did not get there.
type StayedError struct {
	// Rows is the number of rows that are still pending.
	Rows int
	// Dead is the number of rows that became dead letters meanwhile. If Rows is 0, nothing is pending any more: the
	// database is as readers see it.
	Dead int
	// Err is why: the context's end, joined with the last error of the database. It is nil if Rows is 0.
	Err error
}

// Error tells the numbers and the cause.
func (e *StayedError) Error() string {
	if e.Err == nil {
		return fmt.Sprintf("writeback: %d rows stay pending, %d became dead letters", e.Rows, e.Dead)
	}
	return fmt.Sprintf("writeback: %d rows stay pending, %d became dead letters: %v", e.Rows, e.Dead, e.Err)
}

// Unwrap is the cause.
func (e *StayedError) Unwrap() error { return e.Err }

// poisonError marks an error that trying again does not help.
type poisonError struct{ err error }

func (e *poisonError) Error() string { return e.err.Error() }
func (e *poisonError) Unwrap() error { return e.err }

// Poison marks the error of a batch as one that trying again does not help: a constraint, a type, a row that is not
// there. The batch is split until the rows to blame are alone. Poison of nil is nil.
func Poison(err error) error {
	if err == nil {
		return nil
	}
	return &poisonError{err: err}
}

func isPoison(err error) bool {
	var p *poisonError
	return errors.As(err, &p)
}
