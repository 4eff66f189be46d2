package writeback_test

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/cachewright/cachewright/internal/switches"
	"github.com/cachewright/cachewright/internal/writeback"
)

// TestEveryHistoryEndsAsTheModel runs random histories of changes, failures and flushes against a map that takes every
// change at once. After each step readers see the model, and at the end the database is it: nothing lost, nothing twice.
func TestEveryHistoryEndsAsTheModel(t *testing.T) {
	synctest.Test(t, func(t *testing.T) { rapid.Check(bubble{t}, checkHistory) })
}

// TestEveryHistoryEndsAsTheModelUnmerged does the same with each change in a statement of its own.
func TestEveryHistoryEndsAsTheModelUnmerged(t *testing.T) { //nolint:paralleltest // turns a rule off
	switches.Disable(t, switches.MergeWrites)
	synctest.Test(t, func(t *testing.T) { rapid.Check(bubble{t}, checkHistory) })
}

// bubble keeps rapid from asking a test in a bubble for its deadline.
type bubble struct{ *testing.T }

// history is a run under test: the model is what a database without a buffer would hold.
type history struct {
	*rapid.T
	db     *database
	buffer *writeback.Buffer
	table  *writeback.Table
	// mu guards model: rows leave it on the flusher's goroutine.
	mu    sync.Mutex
	model map[string][]any
	// fail decides about the next batches: true fails one.
	fail []bool
	// hang, if set, is received from before a batch is answered.
	hang chan struct{}
}

func checkHistory(t *rapid.T) {
	h := &history{T: t, db: newDatabase(), model: map[string][]any{}}
	for _, key := range []string{"a", "b", "c"} {
		row := rowOf(key, int64(10), "stored")
		h.db.put("t", row)
		h.model[key] = row
	}
	h.db.put("t", rowOf("n", nil, nil))
	h.model["n"] = rowOf("n", nil, nil)
	h.db.before = h.answer
	h.db.leaving = func(dead *writeback.FlushError) {
		if !strings.Contains(dead.Error(), "violates a check") {
			h.db.broken = append(h.db.broken, dead.Error())
		}
		// What was refused never happened, nor what came after it.
		h.mu.Lock()
		defer h.mu.Unlock()
		delete(h.model, dead.Key)
		if row := h.db.row("t", dead.Key); row != nil {
			h.model[dead.Key] = row
		}
	}
	h.buffer = writeback.New(h.db, writeback.Options{})
	writeback.Steady(h.buffer)
	h.table = addTable(t, h.buffer, func(cfg *writeback.TableConfig) {
		cfg.Batch = rapid.IntRange(1, 5).Draw(t, "batch")
		cfg.Flush = time.Second
	})
	defer func() {
		h.release()
		_ = h.buffer.Close(context.Background())
	}()
	t.Repeat(map[string]func(*rapid.T){
		"create": h.create, "update": h.update, "add": h.add, "delete": h.delete, "upsert": h.upsert,
		"wait": h.wait, "fail": h.failNext, "hang": h.hangNext, "release": func(*rapid.T) { h.release() }, "": h.check,
	})
	h.release()
	h.fail = nil
	err := h.buffer.Flush(context.Background())
	var stayed *writeback.StayedError
	if errors.As(err, &stayed) {
		require.Zero(t, stayed.Rows)
	} else {
		require.NoError(t, err)
	}
	require.Zero(t, h.table.Pending())
	require.Zero(t, h.table.Stats().Bytes)
	require.Empty(t, h.db.broken)
	h.mu.Lock()
	defer h.mu.Unlock()
	require.Equal(t, h.model, h.db.tables["t"])
}

// answer is the database's behaviour, as drawn.
func (h *history) answer(ctx context.Context, _ writeback.Batch) error {
	if h.hang != nil {
		select {
		case <-h.hang:
		case <-ctx.Done():
			return ctx.Err()
		}
	}
	if len(h.fail) == 0 {
		return nil
	}
	fail := h.fail[0]
	h.fail = h.fail[1:]
	if fail {
		return errDown
	}
	return nil
}

func (h *history) key(t *rapid.T) string {
	return rapid.SampledFrom([]string{"a", "b", "c", "n", "x", "y"}).Draw(t, "key")
}

func (h *history) name(t *rapid.T) any {
	return rapid.SampledFrom([]any{"red", "green", nil, "blue", "poison"}).Draw(t, "name")
}

// apply applies the change to both; in the model it does then what was said.
func (h *history) apply(c writeback.Change, want int64, then func()) {
	synctest.Wait() // the flusher is at rest or hangs in the database: the state read below is the one applied to
	base := h.db.base("t", c.Key)
	if want > 0 { // first: the flusher may have buried the change before Apply returns
		h.mu.Lock()
		then()
		h.mu.Unlock()
	}
	out, err := h.table.Apply(context.Background(), c, base)
	require.NoError(h, err)
	require.Equal(h, want, out.Affected)
}

func (h *history) create(t *rapid.T) {
	row := rowOf(h.key(t), int64(rapid.IntRange(0, 9).Draw(t, "hits")), h.name(t))
	key := row[colKey].(string)
	if h.exists(key) == 1 {
		_, err := h.table.Apply(context.Background(), create(row), h.db.base("t", key))
		require.ErrorIs(t, err, writeback.ErrDuplicate)
		return
	}
	h.apply(create(row), 1, func() { h.model[key] = row })
}

func (h *history) update(t *rapid.T) {
	key, name := h.key(t), h.name(t)
	c := set(key, colName, name)
	if rapid.Bool().Draw(t, "hits too") {
		c.Set = append(c.Set, writeback.Assign{Column: colHits, Value: int64(100)})
	}
	h.apply(c, h.exists(key), func() { h.model[key] = updated(h.model[key], writeback.Write{Set: c.Set}) })
}

func (h *history) add(t *rapid.T) {
	key := h.key(t)
	c := add(key, int64(rapid.IntRange(-5, 5).Draw(t, "n")))
	h.apply(c, h.exists(key), func() { h.model[key] = updated(h.model[key], writeback.Write{Add: c.Add}) })
}

func (h *history) delete(t *rapid.T) {
	key := h.key(t)
	h.apply(remove(key), h.exists(key), func() { delete(h.model, key) })
}

func (h *history) upsert(t *rapid.T) {
	row := rowOf(h.key(t), int64(1), h.name(t))
	key := row[colKey].(string)
	c := upsert(row, nil, nil)
	switch rapid.IntRange(0, 2).Draw(t, "on conflict") {
	case 0:
		c.Add = []writeback.Delta{{Column: colHits, N: 1}}
	case 1:
		c.Set = []writeback.Assign{{Column: colName, Value: row[colName]}}
	}
	want := int64(1)
	if h.exists(key) == 1 && c.Add == nil && c.Set == nil {
		want = 0
	}
	h.apply(c, want, func() {
		if h.model[key] == nil {
			h.model[key] = row
			return
		}
		h.model[key] = updated(h.model[key], writeback.Write{Set: c.Set, Add: c.Add})
	})
}

func (h *history) exists(key string) int64 {
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.model[key] == nil {
		return 0
	}
	return 1
}

func (h *history) wait(t *rapid.T) {
	<-time.After(time.Duration(rapid.IntRange(0, 3000).Draw(t, "ms")) * time.Millisecond) // by the bubble's clock
	synctest.Wait()
}

func (h *history) failNext(t *rapid.T) {
	synctest.Wait()
	h.fail = append(h.fail, rapid.SliceOfN(rapid.Bool(), 1, 4).Draw(t, "failures")...)
}

func (h *history) hangNext(t *rapid.T) {
	synctest.Wait()
	if h.hang != nil {
		t.Skip("hangs already")
	}
	h.hang = make(chan struct{})
}

func (h *history) release() {
	synctest.Wait()
	if h.hang != nil {
		hang := h.hang
		h.hang = nil
		close(hang)
		synctest.Wait()
	}
}

// check compares what readers see with the model.
func (h *history) check(t *rapid.T) {
	synctest.Wait()
	require.True(t, writeback.Ordered(h.table))
	if rapid.Bool().Draw(t, "nobody reads") { // a reader makes the next change copy the image
		return
	}
	seen := map[string][]any{}
	for _, key := range []string{"a", "b", "c", "n", "x", "y"} {
		row, pending := h.table.Get(key)
		values := row.Values
		if !pending {
			values = h.db.row("t", key)
		}
		if values != nil {
			seen[key] = slices.Clone(values)
		}
	}
	h.mu.Lock()
	defer h.mu.Unlock()
	require.Equal(t, h.model, seen, fmt.Sprint("model has ", slices.Sorted(maps.Keys(h.model))))
}
