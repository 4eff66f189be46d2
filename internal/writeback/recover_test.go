package writeback_test

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/cachewright/cachewright/internal/journal"
	"github.com/cachewright/cachewright/internal/writeback"
	"github.com/cachewright/cachewright/policy"
)

// ledger is a database with watermarks, for several lives of its application.
type ledger struct {
	mu    sync.Mutex
	rows  map[string]map[string]any // by key: columns by name
	marks map[string]uint64
	// random decides about batches; dead says that the application has no database any more.
	random *rand.Rand
	dead   bool
	broken []string
	dying  chan struct{} // closed when it dies
}

// life is the ledger as the flusher of one journal sees it.
type life struct {
	*ledger
	id      string
	columns map[string][]string
	last    uint64
}

var errDead = errors.New("the process is gone")

// Write does a batch as a whole or not at all, or dies before or after it.
func (l *life) Write(_ context.Context, b writeback.Batch) error {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.dead {
		return errDead
	}
	switch l.random.IntN(10) {
	case 0:
		return errDown
	case 1:
		return l.die()
	case 2:
		l.commit(b)
		return l.die()
	}
	l.commit(b)
	return nil
}

func (l *life) die() error {
	l.dead = true
	close(l.dying)
	return fmt.Errorf("%w: %w", writeback.ErrUndecided, errDead)
}

func (l *life) commit(b writeback.Batch) {
	if l.marks[l.id] != l.last {
		l.broken = append(l.broken, fmt.Sprintf("batch %d on top of %d, not of %d", b.Number, l.marks[l.id], l.last))
	}
	l.marks[l.id], l.last = b.Number, b.Number
	columns := l.columns[b.Table]
	for _, w := range b.Writes {
		image := map[string]any{}
		for i, v := range w.Values {
			if _, unset := v.(writeback.Unset); !unset {
				image[columns[i]] = v
			}
		}
		key := image["key"].(string)
		row := l.rows[key]
		if (row == nil) != (w.Kind == writeback.KindInsert) && w.Kind != writeback.KindUpsert {
			l.broken = append(l.broken, fmt.Sprintf("%s of %q, which is there: %v", w.Kind, key, row != nil))
		}
		switch {
		case w.Kind == writeback.KindDelete:
			delete(l.rows, key)
		case row == nil || w.Kind == writeback.KindReplace:
			l.rows[key] = image
		default:
			for _, s := range w.Set {
				row[columns[s.Column]] = s.Value
			}
			for _, d := range w.Add {
				if n, ok := row[columns[d.Column]].(int64); ok {
					row[columns[d.Column]] = n + d.N
				}
			}
		}
	}
}

func (l *life) Dead(_ context.Context, dead *writeback.FlushError, _ func()) error {
	return fmt.Errorf("no row here is poison: %w", dead)
}

func (l *ledger) base(key string) *writeback.Base {
	l.mu.Lock()
	defer l.mu.Unlock()
	row := l.rows[key]
	if row == nil {
		return &writeback.Base{}
	}
	return &writeback.Base{Exists: true, Values: []any{row["key"], row["hits"], row["name"], row["parent"]}}
}

// TestWhatWasAcknowledgedIsInTheDatabaseOnceWheneverTheProcessEnds plays random changes in lives that end at random batches,
// before or after they were committed, recoveries included, and compares the database with a map.
func TestWhatWasAcknowledgedIsInTheDatabaseOnceWheneverTheProcessEnds(t *testing.T) {
	t.Parallel()
	for seed := range uint64(60) {
		t.Run(fmt.Sprint("seed ", seed), func(t *testing.T) {
			t.Parallel()
			random := rand.New(rand.NewPCG(seed, 1))
			db := &ledger{rows: map[string]map[string]any{}, marks: map[string]uint64{}, random: rand.New(rand.NewPCG(seed, 2))}
			model := map[string]map[string]any{}
			dir := t.TempDir()
			for range 6 {
				live(t, db, dir, model, random)
				for !recoverAll(t, db, dir) {
				}
				require.Empty(t, db.broken)
				require.Equal(t, model, db.rows)
			}
		})
	}
}

func journalOptions() journal.Options { return journal.Options{Database: "ledger", SegmentBytes: 4096} }

// live writes until the database dies, or it has enough.
func live(t *testing.T, db *ledger, dir string, model map[string]map[string]any, random *rand.Rand) {
	t.Helper()
	j, err := journal.Open(dir, journalOptions())
	require.NoError(t, err)
	db.mu.Lock()
	db.dead, db.dying = false, make(chan struct{})
	db.mu.Unlock()
	names := []string{"key", "hits", "name", "parent"}
	sink := &life{ledger: db, id: j.ID(), columns: map[string][]string{"t": names}}
	buffer := writeback.New(sink, writeback.Options{Journal: j, BackoffMin: time.Microsecond, BackoffMax: time.Microsecond})
	table, err := buffer.Table(writeback.TableConfig{
		Name: "t", Columns: columns(), KeyAt: []int{colKey}, Journaled: true, Ack: policy.AckJournal,
		Batch: 1 + random.IntN(4), Flush: time.Duration(1+random.IntN(1000)) * time.Microsecond,
	})
	require.NoError(t, err)
	for n := range 10 + random.IntN(150) {
		change := randomChange(random, fmt.Sprint("k", random.IntN(6)), n)
		out, err := table.Apply(t.Context(), change, nil)
		for errors.Is(err, writeback.ErrNeedBase) {
			out, err = table.Apply(t.Context(), change, db.base(change.Key))
		}
		if errors.Is(err, writeback.ErrDuplicate) {
			require.Contains(t, model, change.Key)
			continue
		}
		if errors.Is(err, writeback.ErrClosed) {
			break
		}
		require.NoError(t, err)
		require.Equal(t, out.Affected, follow(model, change))
	}
	db.mu.Lock()
	db.dead = true
	db.mu.Unlock()
	over, cancel := context.WithCancel(t.Context())
	cancel()
	_ = buffer.Close(over)
	require.NoError(t, j.Close(t.Context()))
}

func randomChange(random *rand.Rand, key string, n int) writeback.Change {
	c := writeback.Change{Key: key, Op: writeback.Op(1 + random.IntN(4))}
	if c.Op == writeback.Create || c.Op == writeback.Upsert {
		c.Values = rowOf(key, int64(n), fmt.Sprint("made ", n))
		if random.IntN(4) == 0 {
			c.Values[colHits] = nil
		}
	}
	if c.Op == writeback.Update || c.Op == writeback.Upsert {
		if random.IntN(2) == 0 {
			c.Add = []writeback.Delta{{Column: colHits, N: int64(random.IntN(20) - 5)}}
		}
		if random.IntN(2) == 0 {
			c.Set = []writeback.Assign{{Column: colName, Value: fmt.Sprint("set ", n)}}
		}
	}
	return c
}

// follow does the change to the model.
func follow(model map[string]map[string]any, c writeback.Change) int64 {
	row := model[c.Key]
	switch {
	case c.Op == writeback.Delete && row != nil:
		delete(model, c.Key)
		return 1
	case c.Op == writeback.Create, c.Op == writeback.Upsert && row == nil:
		model[c.Key] = map[string]any{"key": c.Key, "hits": c.Values[colHits], "name": c.Values[colName], "parent": c.Values[colParent]}
		return 1
	case row == nil, c.Op == writeback.Upsert && len(c.Set)+len(c.Add) == 0:
		return 0
	}
	for _, s := range c.Set {
		row["name"] = s.Value
	}
	for _, d := range c.Add {
		if n, ok := row["hits"].(int64); ok {
			row["hits"] = n + d.N
		}
	}
	return 1
}

// recoverAll brings everything that is in journals to the database, unless it dies in the middle.
func recoverAll(t *testing.T, db *ledger, dir string) bool {
	t.Helper()
	journals, err := journal.Adopt(dir, journalOptions())
	require.NoError(t, err)
	done := true
	for _, j := range journals {
		db.mu.Lock()
		db.dead, db.dying = false, make(chan struct{})
		db.mu.Unlock()
		found, err := writeback.Recover(j)
		require.NoError(t, err)
		at := db.marks[j.ID()]
		if found.Known {
			require.Contains(t, []uint64{found.Committed, found.Open}, at)
		}
		require.NoError(t, found.Decide(at == found.Open))
		sink := &life{ledger: db, id: j.ID(), columns: map[string][]string{}, last: at}
		buffer := writeback.New(sink, writeback.Options{
			Journal: j, Number: max(at, found.Open), Committed: at, BackoffMin: time.Microsecond, BackoffMax: time.Microsecond,
		})
		tables, err := found.Tables()
		require.NoError(t, err)
		for _, table := range tables {
			sink.columns[table.Name] = table.Columns
			all := make([]writeback.Column, len(table.Columns))
			for i, name := range table.Columns {
				at := slices.IndexFunc(columns(), func(c writeback.Column) bool { return c.Name == name })
				all[i] = columns()[at]
			}
			_, err := buffer.Restore(writeback.TableConfig{
				Name: table.Name, Columns: all, KeyAt: table.KeyAt, Journaled: true, Batch: 3,
			}, table)
			require.NoError(t, err)
		}
		ctx, cancel := context.WithCancel(t.Context())
		dying := db.dying
		go func() {
			select {
			case <-dying:
				cancel()
			case <-ctx.Done():
			}
		}()
		err = buffer.Close(ctx)
		cancel()
		if err != nil {
			require.NoError(t, j.Close(t.Context()))
			done = false
			continue
		}
		j.ReleaseThrough(j.Stats().Last)
		require.NoError(t, j.Remove(t.Context()))
	}
	return done
}
