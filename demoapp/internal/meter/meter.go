// Package meter counts the statements that reach a database, where nobody can go past it: between database/sql and the
// driver.
//
// What a cache saves is what this count does not show.
package meter

import (
	"context"
	"maps"
	"slices"
	"strings"
	"sync"
	"time"
)

// Meter counts. The zero value is ready; all methods may be called by any goroutine.
type Meter struct {
	mu     sync.Mutex // guards the two below
	counts Counts
	paused time.Time // statements wait until then
}

// Counts are statements by kind and table. They are read with the methods below; the zero value has counted nothing.
type Counts map[Kind]Count

// Kind is what a statement does, and to which table.
type Kind struct {
	Verb  string // SELECT, INSERT, UPDATE or DELETE; the first word of any other statement
	Table string // the first table the statement names, in lower case; "" for COMMIT and the like
}

// Count is how often a kind of statement was sent, and how many rows the database said it changed.
type Count struct {
	Statements int64 `json:"statements"`
	Rows       int64 `json:"rows"`
}

// Counts returns what has been counted since the meter was made.
func (m *Meter) Counts() Counts {
	m.mu.Lock()
	defer m.mu.Unlock()
	return maps.Clone(m.counts)
}

// Since returns what was counted after an earlier look at the same meter.
func (c Counts) Since(earlier Counts) Counts {
	since := make(Counts)
	for kind, now := range c {
		before := earlier[kind]
		if now != before {
			since[kind] = Count{Statements: now.Statements - before.Statements, Rows: now.Rows - before.Rows}
		}
	}
	return since
}

// Statements is the number of statements that name one of the tables; without tables, that name any.
func (c Counts) Statements(tables ...string) int64 {
	var n int64
	for kind, count := range c {
		if kind.Table != "" && (len(tables) == 0 || slices.Contains(tables, kind.Table)) {
			n += count.Statements
		}
	}
	return n
}

// Reads is the number of SELECTs of one of the tables; without tables, of any.
func (c Counts) Reads(tables ...string) int64 {
	var n int64
	for kind, count := range c {
		if kind.Verb == "SELECT" && kind.Table != "" && (len(tables) == 0 || slices.Contains(tables, kind.Table)) {
			n += count.Statements
		}
	}
	return n
}

// Writes adds up the statements that change the table, and the rows they changed.
func (c Counts) Writes(table string) Count {
	var sum Count
	for kind, count := range c {
		if kind.Table == table && kind.Verb != "SELECT" {
			sum.Statements += count.Statements
			sum.Rows += count.Rows
		}
	}
	return sum
}

// Kinds returns what was counted, sorted by table and verb.
func (c Counts) Kinds() []Kind {
	return slices.SortedFunc(maps.Keys(c), func(a, b Kind) int {
		if a.Table != b.Table {
			return strings.Compare(a.Table, b.Table)
		}
		return strings.Compare(a.Verb, b.Verb)
	})
}

// Pause makes statements and new transactions wait before they reach the driver, as a database does that hangs. What is under
// way goes on; the context of a statement ends its wait.
func (m *Meter) Pause(d time.Duration) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.paused = time.Now().Add(d)
}

// wait returns when there is no pause any more, or with the context's error.
func (m *Meter) wait(ctx context.Context) error {
	for {
		m.mu.Lock()
		left := time.Until(m.paused)
		m.mu.Unlock()
		if left <= 0 {
			return nil
		}
		timer := time.NewTimer(left)
		select {
		case <-timer.C:
		case <-ctx.Done():
			timer.Stop()
			return ctx.Err()
		}
	}
}

func (m *Meter) add(kind Kind, rows int64) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.counts == nil {
		m.counts = make(Counts)
	}
	count := m.counts[kind]
	count.Statements++
	count.Rows += rows
	m.counts[kind] = count
}
