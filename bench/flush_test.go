package bench_test

import (
	"context"
	"fmt"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"gorm.io/gorm"

	cacheplugin "github.com/cachewright/cachewright/gormplugin"
	"github.com/cachewright/cachewright/internal/testkit"
)

// reading is a row of which many are pending at once.
type reading struct {
	_      struct{} `cache:"writeback,flush=1h"`
	ID     int64    `gorm:"autoIncrement:false"`
	Count  int64
	Latest float64
	Note   string
}

// TestFlushFigures prints, when -rounds asks for it, how fast rows that were changed once come to the database: flushed,
// and by an update each.
func TestFlushFigures(t *testing.T) { //nolint:paralleltest // it measures
	if *rounds <= 0 {
		t.Skip("-rounds=5 prints the figures")
	}
	const pending, oneByOne = 50_000, 3_000
	server := testkit.StartPostgres(t, testkit.WithFsync())
	database := testkit.Database{Name: "postgres", DSN: server.Database(t)}
	fmt.Println(surroundings(t, database))
	plain := database.Open(t, &gorm.Config{SkipDefaultTransaction: true})
	require.NoError(t, plain.AutoMigrate(&reading{}))
	require.NoError(t, plain.Exec("INSERT INTO readings SELECT i, 0, 0, 'a note of some length' FROM generate_series(1, ?) i", pending).Error)
	db, probe := database.OpenCounted(t, nil)
	plugin := cacheplugin.New(cacheplugin.WithMemory(256 << 20))
	require.NoError(t, db.Use(plugin))
	t.Cleanup(func() { require.NoError(t, plugin.Close(context.Background())) })
	var batched, single []float64
	for round := range *rounds {
		rate := perSecond(t, oneByOne, func() error { return touch(plain, oneByOne) })
		single = append(single, rate)
		open := make(chan struct{})
		remove := probe.Before(func(ctx context.Context, c testkit.Call) error { // the flusher waits until all are pending
			if c.Kind == testkit.Begin {
				<-open
			}
			return nil
		})
		require.NoError(t, touch(db, pending))
		probe.Reset()
		rate = perSecond(t, pending, func() error { close(open); return plugin.Flush(context.Background()) })
		remove()
		batched = append(batched, rate)
		fmt.Printf("round %d: one by one %s rows/s, flushed %s rows/s by %d statements, %.1f times as many\n", round+1,
			whole(single[round]), whole(rate), probe.Count(), rate/single[round])
		require.Zero(t, plugin.Stats().WriteBack["readings"].Dead)
	}
	fmt.Printf("medians: one by one %s rows/s, flushed %s rows/s, %.1f times as many\n",
		whole(median(single)), whole(median(batched)), median(batched)/median(single))
}

// touch changes each row once.
func touch(db *gorm.DB, rows int) error {
	for i := range rows {
		err := db.Model(&reading{ID: int64(i + 1)}).Updates(map[string]any{"count": gorm.Expr("count + ?", 1), "latest": 0.1 * float64(i)}).Error
		if err != nil {
			return err
		}
	}
	return nil
}

func perSecond(tb testing.TB, n int, run func() error) float64 {
	tb.Helper()
	began := time.Now()
	require.NoError(tb, run())
	return float64(n) / time.Since(began).Seconds()
}
