package writeback_test

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/cachewright/cachewright/internal/writeback"
)

var errDown = errors.New("database down")

// Columns of the tables of these tests: a key, a counter of one byte's range and more, a text, a parent's key.
const (
	colKey = iota
	colHits
	colName
	colParent
)

func columns() []writeback.Column {
	return []writeback.Column{
		{Name: "key", NotNull: true},
		{Name: "hits", Integer: true, Min: -1_000_000, Max: 1_000_000},
		{Name: "name"},
		{Name: "parent"},
	}
}

// database is a Sink that keeps tables as a database would: a batch happens as a whole or not at all, and by its
// statements, not by the images it carries.
type database struct {
	mu      sync.Mutex
	tables  map[string]map[string][]any
	parents map[string]string // child table to parent table: colParent must be nil or a key there
	batches []writeback.Batch
	dead    []*writeback.FlushError
	// before is asked about each batch, without the lock.
	before func(ctx context.Context, b writeback.Batch) error
	// broken are batches that no Buffer may send.
	broken []string
	// deadFails is what Dead returns without doing anything.
	deadFails error
	// leaving is called just before a row leaves for the dead letters.
	leaving func(dead *writeback.FlushError)
}

func newDatabase() *database {
	return &database{tables: map[string]map[string][]any{}, parents: map[string]string{}}
}

func (d *database) Write(ctx context.Context, b writeback.Batch) error {
	d.mu.Lock()
	before := d.before
	d.mu.Unlock()
	if before != nil {
		if err := before(ctx, b); err != nil {
			return err
		}
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	b.Writes = slices.Clone(b.Writes)
	d.batches = append(d.batches, b)
	old := d.tables[b.Table]
	d.tables[b.Table] = maps.Clone(old)
	if d.tables[b.Table] == nil {
		d.tables[b.Table] = map[string][]any{}
	}
	err := d.statements(b)
	if err == nil {
		err = d.foreignKeys()
	}
	if err != nil {
		d.tables[b.Table] = old
		return fmt.Errorf("write %s: %w", b.Table, writeback.Poison(err))
	}
	return nil
}

func (d *database) statements(b writeback.Batch) error {
	table := d.tables[b.Table]
	for i, w := range b.Writes {
		if i > 0 && b.Writes[i-1].Key >= w.Key {
			d.broken = append(d.broken, "not sorted, or a key twice: "+w.Key)
		}
		if w.Values[colKey] != w.Key {
			d.broken = append(d.broken, fmt.Sprintf("image of %v for %q", w.Values[colKey], w.Key))
		}
		if (w.Kind == writeback.KindDelete) != (b.Writes[0].Kind == writeback.KindDelete) {
			d.broken = append(d.broken, "deletes mixed with writes: "+w.Key)
		}
		old, exists := table[w.Key]
		if w.Values[colName] == "poison" && w.Kind != writeback.KindDelete {
			return errors.New("violates a check")
		}
		switch w.Kind {
		case writeback.KindInsert:
			if exists {
				return fmt.Errorf("duplicate key %q", w.Key)
			}
			table[w.Key] = slices.Clone(w.Values)
		case writeback.KindReplace:
			table[w.Key] = slices.Clone(w.Values)
		case writeback.KindDelete:
			if !exists {
				return fmt.Errorf("delete met no row %q", w.Key)
			}
			delete(table, w.Key)
		case writeback.KindUpsert, writeback.KindUpdate:
			if !exists && w.Kind == writeback.KindUpdate {
				return fmt.Errorf("update met no row %q", w.Key)
			}
			if !exists {
				table[w.Key] = slices.Clone(w.Values)
				continue
			}
			table[w.Key] = updated(old, w)
		}
	}
	return nil
}

func updated(old []any, w writeback.Write) []any {
	row := slices.Clone(old)
	for _, s := range w.Set {
		row[s.Column] = s.Value
	}
	for _, a := range w.Add {
		if n, ok := row[a.Column].(int64); ok {
			row[a.Column] = n + a.N
		}
	}
	return row
}

func (d *database) foreignKeys() error {
	for child, parent := range d.parents {
		for key, row := range d.tables[child] {
			if p, ok := row[colParent].(string); ok && d.tables[parent][p] == nil {
				return fmt.Errorf("row %q has no parent %q", key, p)
			}
		}
	}
	return nil
}

// behave sets before.
func (d *database) behave(before func(ctx context.Context, b writeback.Batch) error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.before = before
}

func (d *database) Dead(_ context.Context, dead *writeback.FlushError, leave func()) error {
	d.mu.Lock()
	err, leaving := d.deadFails, d.leaving
	if err == nil {
		d.dead = append(d.dead, dead)
	}
	d.mu.Unlock()
	if err != nil {
		return err
	}
	if leaving != nil {
		leaving(dead)
	}
	leave()
	return nil
}

// row is the stored row, nil if there is none.
func (d *database) row(table, key string) []any {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.tables[table][key]
}

// base is the stored row as a caller would have loaded it.
func (d *database) base(table, key string) *writeback.Base {
	row := d.row(table, key)
	return &writeback.Base{Values: row, Exists: row != nil}
}

func (d *database) put(table string, rows ...[]any) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.tables[table] == nil {
		d.tables[table] = map[string][]any{}
	}
	for _, row := range rows {
		d.tables[table][row[colKey].(string)] = row
	}
}

// writes are all writes of committed and refused batches so far, in order.
func (d *database) writes() []writeback.Write {
	d.mu.Lock()
	defer d.mu.Unlock()
	var all []writeback.Write
	for _, b := range d.batches {
		all = append(all, b.Writes...)
	}
	return all
}

func rowOf(key string, hits any, name any) []any { return []any{key, hits, name, nil} }

func child(key, parent string) []any { return []any{key, int64(0), nil, parent} }

// newTable is a table "t" over a database, with a Buffer that the end of the test closes.
func newTable(t testing.TB, d *database, change func(*writeback.TableConfig)) (*writeback.Buffer, *writeback.Table) {
	t.Helper()
	b := writeback.New(d, writeback.Options{})
	t.Cleanup(func() {
		ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
		defer cancel()
		_ = b.Close(ctx) // what a test leaves behind on purpose is its own affair
	})
	return b, addTable(t, b, change)
}

// addTable takes what testing.TB and *rapid.T have in common.
func addTable(t require.TestingT, b *writeback.Buffer, change func(*writeback.TableConfig)) *writeback.Table {
	cfg := writeback.TableConfig{Name: "t", Columns: columns()}
	if change != nil {
		change(&cfg)
	}
	table, err := b.Table(cfg)
	require.NoError(t, err)
	return table
}

// apply applies a change on the base that the database has, and requires that it is accepted.
func apply(t testing.TB, d *database, table *writeback.Table, c writeback.Change) int64 {
	t.Helper()
	out, err := table.Apply(context.Background(), c, d.base(table.Name(), c.Key))
	require.NoError(t, err)
	return out.Affected
}

func create(row []any) writeback.Change {
	return writeback.Change{Key: row[colKey].(string), Op: writeback.Create, Values: row}
}

func remove(key string) writeback.Change { return writeback.Change{Key: key, Op: writeback.Delete} }

func add(key string, n int64) writeback.Change {
	return writeback.Change{Key: key, Op: writeback.Update, Add: []writeback.Delta{{Column: colHits, N: n}}}
}

func set(key string, column int, v any) writeback.Change {
	return writeback.Change{Key: key, Op: writeback.Update, Set: []writeback.Assign{{Column: column, Value: v}}}
}

func upsert(row []any, set []writeback.Assign, add []writeback.Delta) writeback.Change {
	return writeback.Change{Key: row[colKey].(string), Op: writeback.Upsert, Values: row, Set: set, Add: add}
}
