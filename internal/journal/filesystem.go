package journal

import "io"

// FileSystem is the folder of one journal: flat, names without separators. The journal calls it from several goroutines,
// but never uses one name in two calls at once. A journal trusts nothing that it was not promised here.
type FileSystem interface {
	// Open opens a file for reading and writing. With create it makes it, and a file of that name must not be there;
	// without, it must.
	Open(name string, create bool) (File, error)
	// List returns the names of all files, in any order.
	List() ([]string, error)
	// Rename gives a file another name, which is free, in one step: after a crash it has one of the two.
	Rename(from, to string) error
	// Remove takes a file away.
	Remove(name string) error
	// Sync makes sure that every file made, renamed or removed before stays so after a crash.
	Sync() error
}

// File is an open file. Bytes written are sure to survive a crash only after a Sync that began when WriteAt had returned,
// and returned nil; those of other sectors, 512 bytes, are untouched by a write in any case. Until then each sector may
// be found old or new. WriteAt and Sync may be called at the same time.
type File interface {
	io.ReaderAt
	io.WriterAt
	io.Closer
	// Sync makes sure of what was written, and of the file's length.
	Sync() error
}
