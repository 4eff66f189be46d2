package rowset

import (
	"database/sql"
	"fmt"
	"reflect"
)

// Captured is an answer read from the database. Whatever became of it, too
// large, not encodable, broken off by an error, it can be handed on exactly as
// it came by Replayer.Resume; Bytes says whether it can be stored, too.
type Captured struct {
	sets    []set
	rest    *sql.Rows // open, standing on the last row of the last set; nil when all was read
	failure error     // what the database ended with
	reason  error     // why there is nothing to store, failure apart
}

// set is one result set, or its beginning.
type set struct {
	view    View
	before  []Column // in memory, since not every scan type can be encoded
	onFirst []Column
	foreign []any // values without an encoded form, by index
}

// Capture reads rows, which must stand before their first row, and owns them
// from then on: they are closed when all was read, and else by Close or by the
// rows that Resume returns. Reading stops once more than limit bytes have been
// encoded, so a caller who streams a million rows does not find them in
// memory; a limit of 0 or less reads everything, as is needed before the end
// of a transaction. It never returns nil.
func Capture(rows *sql.Rows, limit int) *Captured {
	c := &Captured{}
	size := 0
	for {
		done := c.captureSet(rows, limit, &size)
		if c.failure != nil || !done {
			break
		}
		if !rows.NextResultSet() {
			if c.failure = rows.Err(); c.failure == nil {
				c.failure = rows.Close()
			}
			break
		}
		c.explain(ErrManyResults)
	}
	if c.failure != nil {
		_ = rows.Close() // the failure comes first
	}
	return c
}

// Bytes returns the encoded answer, or why there is none: the database's own
// error, ErrTooLarge, ErrManyResults or an *UnsupportedError.
func (c *Captured) Bytes() ([]byte, error) {
	if c.failure != nil {
		return nil, c.failure
	}
	if c.reason != nil {
		return nil, fmt.Errorf("encode answer: %w", c.reason)
	}
	return c.sets[0].view.data, nil
}

// View returns the first result set, as far as it was read. A value without an
// encoded form is of KindInvalid in it.
func (c *Captured) View() View {
	if len(c.sets) == 0 {
		return View{}
	}
	return c.sets[0].view
}

// NumRows returns how many rows of the first result set were read.
func (c *Captured) NumRows() int { return c.View().NumRows() }

// Err returns the error the database ended the rows with.
func (c *Captured) Err() error { return c.failure }

// Live reports that rows are still to be read from the database, whose
// connection is therefore in use.
func (c *Captured) Live() bool { return c.rest != nil }

// Close gives up what was not read. It is needed only if the answer is not
// handed to Resume; more calls do nothing.
func (c *Captured) Close() error {
	if c.rest == nil {
		return nil
	}
	rest := c.rest
	c.rest = nil
	return rest.Close()
}

// captureSet reads one result set and reports whether it came to its end.
func (c *Captured) captureSet(rows *sql.Rows, limit int, size *int) (done bool) {
	var s set
	if s.before, c.failure = columnsOf(rows); c.failure != nil {
		return false
	}
	e := &encoder{set: &s}
	c.explain(e.start(s.before, nil))
	dest := make([]any, len(s.before))
	for i := range dest {
		dest[i] = e
	}
	done = true
	for rows.Next() {
		if e.rows == 0 {
			if s.onFirst, c.failure = columnsOf(rows); c.failure != nil {
				break
			}
			c.explain(e.start(s.before, s.onFirst))
		}
		mark := len(e.data)
		e.column = 0
		if err := rows.Scan(dest...); err != nil {
			// The scanner refuses nothing: the rows broke under it.
			e.data = e.data[:mark]
			if c.failure = rows.Err(); c.failure == nil {
				c.failure = err
			}
			break
		}
		e.endRow()
		if limit > 0 && *size+len(e.data) > limit {
			c.explain(ErrTooLarge)
			c.rest, done = rows, false
			break
		}
	}
	if done && c.failure == nil {
		c.failure = rows.Err()
	}
	c.explain(e.unsupported)
	*size += len(e.data)
	if s.onFirst == nil {
		s.onFirst = s.before
	}
	view, err := Open(e.Bytes())
	if err != nil {
		c.failure = fmt.Errorf("capture rows: %w", err)
	}
	view.foreign = e.unsupported != nil
	s.view = view
	c.sets = append(c.sets, s)
	return done
}

// explain keeps the first reason.
func (c *Captured) explain(reason error) {
	if c.reason == nil {
		c.reason = reason
	}
}

// encoder is a Builder that is scanned into: database/sql hands a Scanner the
// driver's value as it is, without the copy that scanning into *any makes.
type encoder struct {
	Builder
	set         *set
	column      int
	unsupported error
}

// Scan implements sql.Scanner. It is called column by column and never fails.
func (e *encoder) Scan(value any) error {
	var ok bool
	if e.data, ok = appendValue(e.data, value); !ok {
		if e.unsupported == nil {
			e.unsupported = &UnsupportedError{Column: e.names[e.column], Type: reflect.TypeOf(value)}
		}
		e.data = appendUnsigned(e.data, kindForeign, uint64(len(e.set.foreign)))
		e.set.foreign = append(e.set.foreign, value)
	}
	e.column++
	return nil
}
