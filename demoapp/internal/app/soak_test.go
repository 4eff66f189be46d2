package app_test

import (
	"fmt"
	"os"
	"runtime"
	"strconv"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/cachewright/cachewright/demoapp/internal/app"
	"github.com/cachewright/cachewright/demoapp/internal/apptest"
	"github.com/cachewright/cachewright/demoapp/internal/load"
	"github.com/cachewright/cachewright/demoapp/internal/watch"
)

// soakRate is more than two cores of a laptop answer: the machine is at its limit, whatever it is.
const soakRate = 1500

// TestSoak keeps the shop under full load, half of it writes, and requires that nothing fails, nothing is stale, nothing grows,
// and that the stock is exact at the end. CACHEWRIGHT_SOAK_SECONDS says how long.
func TestSoak(t *testing.T) {
	seconds, _ := strconv.Atoi(os.Getenv("CACHEWRIGHT_SOAK_SECONDS"))
	if seconds == 0 {
		t.Skip("CACHEWRIGHT_SOAK_SECONDS is not set: make test-long sets it")
	}
	cfg := config("127.0.0.1:0", apptest.SQLite(t))
	cfg.Journal = t.TempDir()
	a, err := app.Start(t.Context(), cfg)
	require.NoError(t, err)
	before := stockAndSold(t, a)
	base := func() string { return a.URL }
	w := watch.New(base, a.Database.Outside)
	l := load.New(soakRate, load.Target{Name: "shop", Base: base})
	end := time.Now().Add(time.Duration(seconds) * time.Second)
	l.Start(load.WriteHeavy)
	var warm, warmMemory uint64
	for n := 0; time.Now().Before(end); n++ {
		w.Look(t.Context(), 1+n%load.Products, watch.Where(n%3))
		if warm == 0 && time.Until(end) < time.Duration(seconds)*time.Second*2/3 {
			warm, warmMemory = uint64(runtime.NumGoroutine()), inUse() //nolint:gosec // a count
		}
	}
	lastGoroutines, lastMemory := uint64(runtime.NumGoroutine()), inUse() //nolint:gosec // a count
	l.Stop()
	w.Close()
	figures, seen := l.Figures(0), w.Figures()
	t.Logf("%d requests, %d errors, median %s, slowest of 100 %s; %d looks, %d stale; goroutines %d and %d; in use %d and %d MiB",
		figures.Requests, figures.Errors, figures.Median, figures.P99, seen.Looks, seen.Stale, warm, lastGoroutines,
		warmMemory>>20, lastMemory>>20)
	require.Zero(t, figures.Errors)
	require.Zero(t, seen.Failed)
	require.Zero(t, seen.Stale, seen.LastSaid)
	require.Positive(t, seen.Looks)
	require.Less(t, lastGoroutines, warm+100, "connections come and go; nothing else does")
	require.Less(t, lastMemory, warmMemory+warmMemory/2+64<<20, "the cache fills to its bound of 64 MiB, and nothing else grows")

	require.NoError(t, a.Cache.Flush(t.Context()))
	require.Equal(t, before, stockAndSold(t, a), "what was sold is what left the shelf")
	require.NoError(t, a.Stop(t.Context()))
}

// stockAndSold is what is on the shelf and what was sold since: their sum never changes. No price changes touch the stock.
func stockAndSold(tb testing.TB, a *app.App) string {
	tb.Helper()
	var all, least int64
	query := `SELECT sum(p.stock + coalesce((SELECT sum(i.quantity) FROM order_items i JOIN orders o ON o.id = i.order_id
		WHERE i.product_id = p.id AND o.status <> 'cancelled'), 0)), min(p.stock) FROM products p`
	require.NoError(tb, a.Database.Outside.QueryRowContext(tb.Context(), query).Scan(&all, &least))
	require.GreaterOrEqual(tb, least, int64(0))
	return fmt.Sprint(all)
}

// inUse is the memory that is in use after a collection.
func inUse() uint64 {
	runtime.GC()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return m.HeapAlloc
}
