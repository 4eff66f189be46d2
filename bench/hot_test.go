package bench_test

import (
	"context"
	"fmt"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"gorm.io/gorm"

	cacheplugin "github.com/cachewright/cachewright/gormplugin"
	"github.com/cachewright/cachewright/internal/testkit"
)

// TestHotRowFigures prints, when -rounds asks for it, how many increments of few rows many goroutines get acknowledged:
// by plain GORM, with a journal, and by GORM's update chain with nothing in it.
func TestHotRowFigures(t *testing.T) { //nolint:paralleltest // it measures
	if *rounds <= 0 {
		t.Skip("-rounds=5 prints the figures")
	}
	server := testkit.StartPostgres(t, testkit.WithFsync())
	database := testkit.Database{Name: "postgres", DSN: server.Database(t)}
	fmt.Println(surroundings(t, database))
	plain := database.Open(t, nil)
	seedCounters(t, plain)
	empty := database.Open(t, &gorm.Config{SkipDefaultTransaction: true})
	require.NoError(t, empty.Callback().Update().Replace("gorm:update", func(*gorm.DB) {}))
	db := database.Open(t, nil)
	plugin := cacheplugin.New(cacheplugin.WithSingleProcess(), cacheplugin.WithJournal(t.TempDir()))
	require.NoError(t, db.Use(plugin))
	t.Cleanup(func() { require.NoError(t, plugin.Close(context.Background())) })
	require.Positive(t, hotIncrements(t, db)) // loads the rows
	require.NoError(t, plugin.Flush(context.Background()))
	for round := range *rounds {
		before := plugin.Stats().WriteBack["counters"]
		slow := hotIncrements(t, plain)
		require.NoError(t, plugin.Invalidate(context.Background(), &counter{}))
		fast := hotIncrements(t, db)
		require.NoError(t, plugin.Flush(context.Background()))
		floor := hotIncrements(t, empty)
		after := plugin.Stats().WriteBack["counters"]
		fmt.Printf("round %d: plain %s/s, journal %s/s (%.0f times), empty callback %s/s (%.0f %% of it), rows flushed %.2f %% of updates\n",
			round+1, whole(slow), whole(fast), fast/slow, whole(floor), 100*fast/floor,
			100*float64(after.Flushed-before.Flushed)/float64(after.Changes-before.Changes))
		require.Zero(t, after.Dead)
	}
}

// hotIncrements has 16 goroutines increment 64 rows for some seconds, and returns how many a second were acknowledged.
func hotIncrements(tb testing.TB, db *gorm.DB) float64 {
	tb.Helper()
	const writers, rows, span = 16, 64, 3 * time.Second
	var (
		group  sync.WaitGroup
		total  atomic.Int64
		failed atomic.Value
	)
	began := time.Now()
	for w := range writers {
		group.Go(func() {
			for i := 0; time.Since(began) < span; i++ {
				row := &counter{ID: int64((w*7+i)%rows + 1)}
				if err := db.Model(row).UpdateColumn("hits", gorm.Expr("hits + ?", 1)).Error; err != nil {
					failed.Store(err)
					return
				}
				total.Add(1)
			}
		})
	}
	group.Wait()
	require.Nil(tb, failed.Load())
	return float64(total.Load()) / time.Since(began).Seconds()
}
