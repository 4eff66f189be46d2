package writeback_test

import (
	"context"
	"fmt"
	"runtime"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/cachewright/cachewright/internal/writeback"
)

// TestAPendingRowTakesLessThanAKilobyte measures what a row of four columns with an increment costs, and whether Stats says
// so.
func TestAPendingRowTakesLessThanAKilobyte(t *testing.T) { //nolint:paralleltest // it measures the whole heap
	const rows = 50_000
	db := newDatabase()
	buffer := writeback.New(db, writeback.Options{})
	table := addTable(t, buffer, func(cfg *writeback.TableConfig) { cfg.Batch, cfg.Pending, cfg.Flush = 2*rows, 2*rows, time.Hour })
	before := heap()
	for i := range rows {
		key := fmt.Sprintf("key %08d", i)
		_, err := table.Apply(t.Context(), writeback.Change{
			Key: key, Op: writeback.Update, Add: []writeback.Delta{{Column: colHits, N: 1}},
		}, &writeback.Base{Exists: true, Values: rowOf(key, int64(i), "a name of some length")})
		require.NoError(t, err)
	}
	measured := float64(heap()-before) / rows
	stated := float64(table.Stats().Bytes) / rows
	t.Logf("%.0f bytes a row; Stats says %.0f", measured, stated)
	require.Less(t, measured, 1000.0)
	require.Less(t, stated, 1000.0)
	require.Less(t, measured, 2*stated)
	require.Less(t, stated, 2*measured)
	require.Equal(t, rows, table.Pending())

	db.before = func(context.Context, writeback.Batch) error { return errDown } // nothing of this is in the database
	over, cancel := context.WithCancel(t.Context())
	cancel()
	require.ErrorContains(t, buffer.Close(over), "50000 rows stay pending")
}

func TestStatsTellOfBatches(t *testing.T) {
	t.Parallel()
	db := newDatabase()
	buffer := writeback.New(db, writeback.Options{})
	table := addTable(t, buffer, func(cfg *writeback.TableConfig) { cfg.Flush = time.Hour })
	for _, keys := range []string{"abc", "d"} {
		for _, key := range keys {
			_, err := table.Apply(t.Context(), writeback.Change{Key: string(key), Op: writeback.Create, Values: rowOf(string(key), int64(1), nil)},
				&writeback.Base{})
			require.NoError(t, err)
		}
		require.NoError(t, table.Flush(t.Context()))
	}
	s := table.Stats()
	require.EqualValues(t, 2, s.Batches)
	require.EqualValues(t, 4, s.Flushed)
	require.Equal(t, 3, s.Largest)
	require.Positive(t, s.Lag)
	require.Positive(t, s.FlushTime)
	require.NoError(t, buffer.Close(t.Context()))
}

func heap() uint64 {
	runtime.GC()
	runtime.GC()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return m.HeapAlloc
}
