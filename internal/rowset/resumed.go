package rowset

import (
	"context"
	"database/sql/driver"
	"errors"
	"io"
)

// resumed is a captured answer as a driver's rows: the result sets read so
// far, then what the database still has, then the error it ended with.
type resumed struct {
	replay
	captured *Captured
	memo     *nameMemo
	current  int   // index of the result set; len(sets) when past those captured
	live     bool  // the current row comes from captured.rest
	moved    bool  // captured.rest has been moved to its next result set already
	cells    []any // a *cell for each column of the live rows
	window   [2]int
}

// enter makes v, of the current set, the one replayed.
func (r *resumed) enter(ctx context.Context, v View) {
	s := &r.captured.sets[r.current]
	r.init(ctx, v, r.memo.of(v))
	r.source = r
	r.before, r.onFirst = s.before[v.first:v.last], s.onFirst[v.first:v.last]
	r.foreign = s.foreign
	r.window = [2]int{v.first, v.last}
	r.live, r.cells = false, nil
}

// Next implements driver.Rows.
func (r *resumed) Next(dest []driver.Value) error {
	if !r.live {
		err := r.replay.Next(dest)
		if !errors.Is(err, io.EOF) || r.current < len(r.captured.sets)-1 {
			return err
		}
		if r.captured.failure != nil {
			return r.captured.failure
		}
		if r.captured.rest == nil {
			return io.EOF
		}
		r.live = true
	}
	return r.nextLive(dest)
}

// Close implements driver.Rows.
func (r *resumed) Close() error {
	_ = r.replay.Close() // never fails
	return r.captured.Close()
}

// HasNextResultSet implements driver.RowsNextResultSet. database/sql calls it
// only at the end of a set, so the live rows may be moved to find out.
func (r *resumed) HasNextResultSet() bool {
	if r.current < len(r.captured.sets)-1 {
		return true
	}
	if r.captured.rest == nil {
		return false
	}
	if !r.moved {
		r.moved = r.captured.rest.NextResultSet()
	}
	return r.moved
}

// NextResultSet implements driver.RowsNextResultSet.
func (r *resumed) NextResultSet() error {
	if r.current < len(r.captured.sets)-1 {
		r.current++
		r.enter(r.ctx, r.captured.sets[r.current].view)
		return nil
	}
	if r.captured.failure != nil {
		return r.captured.failure
	}
	if !r.HasNextResultSet() {
		if r.captured.rest != nil && r.captured.rest.Err() != nil {
			return r.captured.rest.Err()
		}
		return io.EOF
	}
	columns, err := columnsOf(r.captured.rest)
	if err != nil {
		return err
	}
	r.names = make([]string, len(columns))
	for i := range columns {
		r.names[i] = columns[i].Name
	}
	r.before, r.onFirst, r.started = columns, nil, false
	r.moved, r.live, r.cells = false, true, nil
	r.window = [2]int{0, len(columns)}
	return nil
}

func (r *resumed) nextLive(dest []driver.Value) error {
	if err := r.ctx.Err(); err != nil {
		return err
	}
	rest := r.captured.rest
	if r.moved || !rest.Next() {
		if err := rest.Err(); err != nil {
			return err
		}
		return io.EOF
	}
	if r.cells == nil {
		if err := r.prepareCells(); err != nil {
			return err
		}
	}
	if err := rest.Scan(r.cells...); err != nil {
		return err
	}
	for i, c := range r.cells[r.window[0]:r.window[1]] {
		dest[i] = c.(*cell).value
	}
	return nil
}

func (r *resumed) prepareCells() error {
	columns, err := columnsOf(r.captured.rest)
	if err != nil {
		return err
	}
	if !r.started {
		r.started, r.onFirst = true, columns
	}
	values := make([]cell, len(columns))
	r.cells = make([]any, len(columns))
	for i := range values {
		r.cells[i] = &values[i]
	}
	return nil
}

// cell takes a driver's value as it is, good until the next row, which is how
// long the rows it is handed to may use it.
type cell struct{ value any }

// Scan implements sql.Scanner.
func (c *cell) Scan(value any) error {
	c.value = value
	return nil
}
