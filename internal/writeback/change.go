package writeback

import "fmt"

// Op is what a Change asks for.
type Op uint8

// The operations.
const (
	// Create makes a row that must not exist, from Values.
	Create Op = iota + 1
	// Update changes a row by Set, then Add. A row that does not exist is not affected.
	Update
	// Delete removes a row. A row that does not exist is not affected.
	Delete
	// Upsert makes a row from Values, or changes the one that exists by Set, then Add; with neither it leaves that alone.
	Upsert
)

// Assign gives a column a value, normalised to the column's type. The value must not be changed afterwards.
type Assign struct {
	Column int
	Value  any
}

// Delta adds N to an integer column. NULL stays NULL.
type Delta struct {
	Column int
	N      int64
}

// Change is one change of one row. Its slices are the caller's again when Apply returns, except Values.
type Change struct {
	// Key tells the rows of a table apart, injectively. Batches are sorted by it.
	Key string
	// Op is the operation.
	Op Op
	// Values is the whole row by column index, for Create and Upsert. It belongs to the Buffer from the call on.
	Values []any
	// Set and Add are for Update and Upsert. A column may be at most once in Add.
	Set []Assign
	Add []Delta
}

// Base is a row as its database has it, loaded before the call.
type Base struct {
	// Values is the whole row by column index if Exists. The Buffer reads it and never changes it; nor may the caller.
	Values []any
	// Exists says whether there is such a row.
	Exists bool
	// Valid reports whether this still is the row's state. It is called with the table's lock held: it must be quick and
	// must not call into this package. nil means yes.
	Valid func() bool
}

func (b *Base) usable() bool { return b != nil && (b.Valid == nil || b.Valid()) }

// Outcome is what an accepted change did.
type Outcome struct {
	// Affected is the number of rows the change met or made, 0 or 1.
	Affected int64

	// record is the change's place in the journal, 0 if it has none.
	record uint64
}

// check refuses a change that cannot be one of the table. It needs no lock.
func (t *Table) check(c *Change) error {
	switch c.Op {
	case Create, Upsert:
		if len(c.Values) != len(t.cfg.Columns) {
			return fmt.Errorf("take a row of %d values for %d columns of %s: %w",
				len(c.Values), len(t.cfg.Columns), t.cfg.Name, ErrChange)
		}
		for i, v := range c.Values {
			if err := t.checkValue(i, v); err != nil {
				return err
			}
		}
	case Update, Delete:
		if c.Values != nil {
			return fmt.Errorf("take a whole row for an update or delete of %s: %w", t.cfg.Name, ErrChange)
		}
	default:
		return fmt.Errorf("take operation %d for %s: %w", c.Op, t.cfg.Name, ErrChange)
	}
	if (c.Op == Create || c.Op == Delete) && (len(c.Set) > 0 || len(c.Add) > 0) {
		return fmt.Errorf("take single columns for a create or delete of %s: %w", t.cfg.Name, ErrChange)
	}
	for _, s := range c.Set {
		if err := t.checkValue(s.Column, s.Value); err != nil {
			return err
		}
	}
	for i, d := range c.Add {
		if d.Column < 0 || d.Column >= len(t.cfg.Columns) || !t.cfg.Columns[d.Column].Integer {
			return fmt.Errorf("add to column %d of %s, which is no integer column: %w", d.Column, t.cfg.Name, ErrChange)
		}
		for _, e := range c.Add[:i] {
			if e.Column == d.Column {
				return fmt.Errorf("add twice to column %d of %s: %w", d.Column, t.cfg.Name, ErrChange)
			}
		}
	}
	return nil
}

func (t *Table) checkValue(i int, v any) error {
	if i < 0 || i >= len(t.cfg.Columns) {
		return fmt.Errorf("set column %d of %s: %w", i, t.cfg.Name, ErrChange)
	}
	col := &t.cfg.Columns[i]
	if v == nil {
		if col.NotNull {
			return fmt.Errorf("set %s.%s: %w", t.cfg.Name, col.Name, ErrNull)
		}
		return nil
	}
	if !col.Integer {
		return nil
	}
	n, ok := v.(int64)
	if !ok {
		return fmt.Errorf("set integer column %s.%s to a %T: %w", t.cfg.Name, col.Name, v, ErrChange)
	}
	if n < col.Min || n > col.Max {
		return fmt.Errorf("set %s.%s to %d: %w", t.cfg.Name, col.Name, n, ErrRange)
	}
	return nil
}
