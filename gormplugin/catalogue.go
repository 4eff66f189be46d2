package cacheplugin

import (
	"context"
	"database/sql"
	"fmt"
	"slices"
	"sync"
	"sync/atomic"

	"gorm.io/gorm"

	"github.com/cachewright/cachewright/internal/sqltext"
)

// querier is what the catalogue is read through: the pool or the transaction the statement runs on, so that DDL of the
// same transaction is seen and a pool of one connection does not wait for itself.
type querier interface {
	QueryContext(ctx context.Context, query string, args ...any) (*sql.Rows, error)
}

// catalogue is what the database says of its tables, read on first use and again after DDL. It is safe for concurrent
// use; no lock is held while the database is asked, so two first uses of a table may both read it.
type catalogue struct {
	dialect sqltext.Dialect
	named   map[string][]string // folded table -> the folded tables its triggers and rules may write
	current atomic.Pointer[edition]
}

// edition is what was read between two calls of forget. What arrives late goes into an edition nobody looks at any more.
type edition struct {
	generation uint64
	mu         sync.RWMutex // guards relations
	relations  map[sqltext.Name]*relation
}

// newCatalogue returns an empty catalogue. triggers names, per folded table, all tables that its triggers and rules may
// write; a table in it with none named has triggers that write nowhere else.
func newCatalogue(d sqltext.Dialect, triggers map[string][]string) *catalogue {
	c := &catalogue{dialect: d, named: make(map[string][]string, len(triggers))}
	for table, targets := range triggers {
		folded := make([]string, 0, len(targets))
		for _, target := range targets {
			folded = append(folded, sqltext.Folded(target))
		}
		slices.Sort(folded)
		c.named[sqltext.Folded(table)] = slices.Compact(folded)
	}
	c.current.Store(&edition{generation: 1, relations: map[sqltext.Name]*relation{}})
	return c
}

// forget makes everything be read again. It is called after DDL: when its statement has run, and once more when its
// transaction has ended.
func (c *catalogue) forget() {
	for {
		old := c.current.Load()
		if c.current.CompareAndSwap(old, &edition{generation: old.generation + 1, relations: map[sqltext.Name]*relation{}}) {
			return
		}
	}
}

// generation is the number that forget moves. Whoever keeps a relation compares it with the relation's own.
func (c *catalogue) generation() uint64 { return c.current.Load().generation }

// table returns what is known of a table and reads it if nothing is. A table that does not exist, or one read under a
// snapshot that may be older than the last DDL, is not remembered; an error neither. In a transaction it is called for
// tables that the transaction is about to write: SQLite's write lock is taken first.
func (c *catalogue) table(ctx context.Context, q querier, name sqltext.Name) (*relation, error) {
	e := c.current.Load()
	e.mu.RLock()
	known := e.relations[name]
	e.mu.RUnlock()
	if known != nil {
		return known, nil
	}
	rel, err := c.readInto(ctx, q, name, e.generation)
	if err != nil {
		return nil, err
	}
	if rel.exists && !rel.passing {
		e.mu.Lock()
		e.relations[name] = rel
		e.mu.Unlock()
	}
	return rel, nil
}

// fresh reads a table past what is remembered and remembers nothing: for a transaction that has DDL of its own, or
// another role or search path than the rest of the pool.
func (c *catalogue) fresh(ctx context.Context, q querier, name sqltext.Name) (*relation, error) {
	return c.readInto(ctx, q, name, c.generation())
}

func (c *catalogue) readInto(ctx context.Context, q querier, name sqltext.Name, generation uint64) (*relation, error) {
	var (
		rel *relation
		err error
	)
	switch c.dialect {
	case sqltext.Postgres:
		rel, err = c.readPostgres(ctx, q, name)
	case sqltext.SQLite:
		rel, err = c.readSQLite(ctx, q, name)
	case sqltext.MySQL:
		rel, err = c.readMySQL(ctx, q, name)
	default:
		rel = unread(name)
	}
	if err != nil {
		return nil, fmt.Errorf("reading what the database says of table %s: %w", name, err)
	}
	rel.name, rel.generation = name, generation
	return rel, nil
}

// inTransaction reports whether q is a transaction.
func inTransaction(q querier) bool {
	_, is := q.(gorm.TxCommitter)
	return is
}

// mayBeInTransaction is inTransaction, but for a single connection too, on which BEGIN may have been sent as a text. A
// pool runs each query for itself.
func mayBeInTransaction(q querier) bool {
	_, is := q.(*sql.Conn)
	return is || inTransaction(q)
}

// unread is a table of a database whose catalogue is not read: its rows are not cached, and as nobody has looked at
// its triggers and foreign keys, a write of it counts as a write of everything.
func unread(name sqltext.Name) *relation {
	r := &relation{name: name, exists: true, insertAll: true, updateAll: true, deleteAll: true, truncateAll: true}
	r.seal()
	return r
}

// fact is one row of a catalogue query; what its columns hold depends on its kind.
type fact struct {
	kind    string
	a, b, c string
	n       int64
}

// facts runs a catalogue query and reads all of it.
func facts(ctx context.Context, q querier, query string, args ...any) (all []fact, err error) {
	rows, err := q.QueryContext(ctx, query, args...)
	if err != nil {
		return nil, err
	}
	defer func() {
		if closeErr := rows.Close(); err == nil {
			err = closeErr
		}
	}()
	for rows.Next() {
		var f fact
		if err := rows.Scan(&f.kind, &f.a, &f.b, &f.c, &f.n); err != nil {
			return nil, err
		}
		all = append(all, f)
	}
	return all, rows.Err()
}
