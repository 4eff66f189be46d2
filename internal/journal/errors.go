package journal

import (
	"errors"
	"fmt"
)

// What the package reports, mostly wrapped with what happened: test for them with errors.Is.
var (
	// ErrFailed says that the journal has stopped: a write or an fsync failed, or the disk is full. It is joined with the
	// cause and comes from every call from then on. What was acknowledged before still holds.
	ErrFailed = errors.New("journal: failed, nothing more is acknowledged")
	// ErrClosed says that Close or Remove was called.
	ErrClosed = errors.New("journal: closed")
	// ErrCorrupt says that something that was surely on disk is not what was written. See CorruptError.
	ErrCorrupt = errors.New("journal: corrupt")
	// ErrDatabase says that the folder holds a journal of another database.
	ErrDatabase = errors.New("journal: it is about another database")
	// ErrVersion says that the folder holds a journal in a format that this code does not know.
	ErrVersion = errors.New("journal: another version of the format")
	// ErrFolder says that a folder cannot hold journals: not a folder, not writable, without locks.
	ErrFolder = errors.New("journal: unusable folder")
	// ErrMemoryFS says that AckDisk was asked for and the folder is in memory.
	ErrMemoryFS = errors.New("journal: the folder is in memory and cannot promise AckDisk")
	// ErrTooLarge says that a record does not fit into a segment. Nothing was written.
	ErrTooLarge = errors.New("journal: record larger than a segment")
	// ErrLive says that Remove found records that were not released.
	ErrLive = errors.New("journal: it has live records")
	// ErrNotReplayed says that an adopted journal must be replayed before anything is put into it.
	ErrNotReplayed = errors.New("journal: not replayed yet")
)

// CorruptError says where a journal is damaged. errors.Is(err, ErrCorrupt) holds for it.
type CorruptError struct {
	// File is the path of the segment.
	File string
	// Offset is where in File the damaged header or frame begins, in bytes.
	Offset int64
	// Reason says what is wrong there, and how it is known not to be a torn tail.
	Reason string
}

// Error names file, offset and reason.
func (e *CorruptError) Error() string {
	return fmt.Sprintf("journal: %s is corrupt at offset %d: %s", e.File, e.Offset, e.Reason)
}

// Is reports whether target is ErrCorrupt.
func (e *CorruptError) Is(target error) bool { return target == ErrCorrupt }
