package writeback_test

import (
	"context"
	"fmt"
	"runtime"
	"sync/atomic"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/cachewright/cachewright/internal/writeback"
)

func hotTable(tb testing.TB, keys []string) *writeback.Table {
	tb.Helper()
	buffer := writeback.New(stored{}, writeback.Options{})
	tb.Cleanup(func() { require.NoError(tb, buffer.Close(context.Background())) })
	table, err := buffer.Table(writeback.TableConfig{Name: "t", Columns: []writeback.Column{
		{Name: "key"}, {Name: "hits", Integer: true}, {Name: "name"}, {Name: "parent"},
	}})
	require.NoError(tb, err)
	for i := range keys {
		keys[i] = fmt.Sprintf("/page/%d", i)
		base := &writeback.Base{Values: rowOf(keys[i], int64(1_000_000), "name"), Exists: true}
		_, err := table.Apply(context.Background(), add(keys[i], 1), base)
		require.NoError(tb, err)
	}
	return table
}

// BenchmarkApply increments 64 hot rows from 16 goroutines.
func BenchmarkApply(b *testing.B) {
	keys := make([]string, 64)
	table := hotTable(b, keys)
	base := &writeback.Base{Values: rowOf("", int64(1_000_000), "name"), Exists: true}
	delta := []writeback.Delta{{Column: colHits, N: 1}}
	var worker atomic.Int64
	b.SetParallelism(max(1, 16/runtime.GOMAXPROCS(0)))
	b.ReportAllocs()
	b.ResetTimer()
	b.RunParallel(func(pb *testing.PB) {
		ctx := context.Background()
		for i := int(worker.Add(7)); pb.Next(); i++ {
			c := writeback.Change{Key: keys[i%len(keys)], Op: writeback.Update, Add: delta}
			if _, err := table.Apply(ctx, c, base); err != nil {
				b.Error(err)
			}
		}
	})
}

// BenchmarkGet reads hot rows that are written now and then.
func BenchmarkGet(b *testing.B) {
	keys := make([]string, 64)
	table := hotTable(b, keys)
	b.ReportAllocs()
	b.ResetTimer()
	b.RunParallel(func(pb *testing.PB) {
		for i := 0; pb.Next(); i++ {
			table.Get(keys[i%len(keys)])
		}
	})
}

func TestAnIncrementOfAHotRowAllocatesOnlyItsSum(t *testing.T) { //nolint:paralleltest // counts allocations
	keys := make([]string, 1)
	table := hotTable(t, keys)
	c := add(keys[0], 1)
	base := &writeback.Base{Values: rowOf(keys[0], int64(1_000_000), "name"), Exists: true}
	ctx := context.Background()
	require.LessOrEqual(t, testing.AllocsPerRun(1000, func() { _, _ = table.Apply(ctx, c, base) }), 1.0)
}
