// Package rowset keeps a database's answer, columns and driver values, as one
// compact, self-describing byte slice and plays it back.
//
// An answer is taken from a *sql.Rows with [Capture] or put together with a
// [Builder]. It is read with a [View], which allocates nothing, or played back
// by a [Replayer] as a real *sql.Rows, so that Scan follows the conversion
// rules of database/sql itself and no imitation of them.
//
// # Form
//
//	magic, version                      2 bytes
//	length, names                       number of columns, then each name
//	length, types before the first row  what sql.ColumnType said before Next
//	length, types on the first row      empty when they are the same
//	number of rows                      4 bytes, little endian
//	values                              row by row: one tag byte, then the value
//
// Lengths and unsigned integers are varints, signed integers zigzag varints,
// floats their bits. A row without columns is one NULL byte, so that a count
// of rows can never promise more than the bytes that follow.
// Types are kept for two moments because drivers of dynamically typed
// databases (SQLite) derive them from the row they stand on.
//
// # Ownership
//
// Encoded bytes are immutable from the moment they are handed to [Open] or to
// a Replayer: strings read from them may point into them for as long as the
// strings live. Bytes from outside are never trusted: a damaged answer is an
// error wrapping [ErrCorrupt], never a panic and never a large allocation.
package rowset
