package writeback

import (
	"errors"
	"fmt"
	"math"
	"sync"
	"time"

	"github.com/cachewright/cachewright/policy"
)

// TableConfig describes a table. Zero values of Flush, Batch, Pending and Full mean the default.
type TableConfig struct {
	// Name tells the tables of a Buffer apart.
	Name string
	// Columns are those of a row's image, in order. They are not changed after the call.
	Columns []Column
	// Rank puts parents before children: rows of a lower rank are written before, and deleted after, those of a higher
	// one, as far as they were accepted before. Tables of one rank do not wait for each other.
	Rank int
	// Flush is how long a change may wait (default 1 s), Batch the most rows in one batch, and the number of waiting
	// rows that starts one (1,000).
	Flush time.Duration
	Batch int
	// Pending is the most rows that may be pending (100,000). A row of four columns takes less than a kilobyte: rowOverhead, its
	// key, and 32 bytes and its content for each value. Full says what a change of one more row meets.
	Pending int
	Full    policy.Full
	// Journaled says that changes go into the Buffer's journal, Ack how sure they are when Apply returns. KeyAt are the
	// places of the key columns; a table with a journal needs them.
	Journaled bool
	Ack       policy.Ack
	KeyAt     []int
}

// Column is a column of a table.
type Column struct {
	Name string
	// Integer says that values are int64 or nil, and that additions are allowed.
	Integer bool
	// Min and Max bound an integer column. Both zero mean all of int64.
	Min, Max int64
	// NotNull says that nil is refused.
	NotNull bool
}

// Table is the dirty table of one database table. All methods may be called from any goroutine.
type Table struct {
	buffer *Buffer
	cfg    TableConfig

	mu sync.Mutex // guards all below, and the rows and parts
	// rows are the rows with something pending or in flight.
	rows map[string]*row
	// lanes hold the parts that wait, flying those of the batch under way, suspects those that wait for others.
	lanes    [lanes]order
	flying   order
	suspects order
	// urgent are the rows that holders wait for; it is cleared of others when a batch is taken.
	urgent []*row
	// gates are held on rows, all on the whole table.
	gates map[string]*gate
	all   *gate
	// moved is closed, and gone, when a batch has come back or a row has left; nil while nobody waits.
	moved chan struct{}
	// want is the number up to which a flush was asked for.
	want uint64
	// failures counts the batches in a row that were rolled back, the last with lastErr; none is sent before notBefore.
	failures  int
	notBefore time.Time
	lastErr   error
	closed    bool
	bytes     int64
	count     counters
	// scratch is where journal records are made.
	scratch []byte

	// cut is, for a lane that is due, the number up to which other tables go first; 0 otherwise. Only the flusher uses it.
	cut [lanes]uint64
}

// complete fills in the defaults and refuses what makes no sense.
func (c TableConfig) complete() (TableConfig, error) {
	var errs []error
	if c.Name == "" {
		errs = append(errs, errors.New("it has no name"))
	}
	if len(c.Columns) == 0 {
		errs = append(errs, errors.New("it has no columns"))
	}
	if c.Flush < 0 || c.Batch < 0 || c.Pending < 0 {
		errs = append(errs, errors.New("flush, batch and pending may not be below zero"))
	}
	columns := make([]Column, len(c.Columns))
	for i, col := range c.Columns {
		if col.Integer && col.Min == 0 && col.Max == 0 {
			col.Min, col.Max = math.MinInt64, math.MaxInt64
		}
		if col.Min > col.Max {
			errs = append(errs, fmt.Errorf("column %s has a range from %d to %d", col.Name, col.Min, col.Max))
		}
		columns[i] = col
	}
	c.Columns = columns
	if c.Flush == 0 {
		c.Flush = time.Second
	}
	if c.Batch == 0 {
		c.Batch = 1000
	}
	if c.Pending == 0 {
		c.Pending = 100_000
	}
	return c, errors.Join(errs...)
}

// Name is the configured one.
func (t *Table) Name() string { return t.cfg.Name }

// Get is the pending state of a row. It reports false if nothing is pending for the key: then the database, and what was
// made from it, is right.
func (t *Table) Get(key string) (Row, bool) {
	t.mu.Lock()
	defer t.mu.Unlock()
	r := t.rows[key]
	if r == nil {
		return Row{}, false
	}
	if r.deleted {
		return Row{Deleted: true}, true
	}
	return Row{Values: r.share()}, true
}

// Pending is the number of rows with something pending or in flight.
func (t *Table) Pending() int {
	t.mu.Lock()
	defer t.mu.Unlock()
	return len(t.rows)
}

// enqueue puts a part that is its row's next where it waits. The lock is held.
func (t *Table) enqueue(p *part) {
	if p.doubt != nil {
		t.suspects.push(p)
		return
	}
	o := &t.lanes[p.lane()]
	o.push(p)
	if waiting := len(t.lanes[writes]) + len(t.lanes[deletes]); o.head() == p || waiting == t.cfg.Batch ||
		len(t.rows) == t.cfg.Pending {
		t.buffer.poke()
	}
}

// drop takes a row without parts out of the table. The lock is held.
func (t *Table) drop(r *row) {
	delete(t.rows, r.key)
	t.bytes -= r.bytes
}
