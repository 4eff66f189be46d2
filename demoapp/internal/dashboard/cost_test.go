package dashboard_test

import (
	"context"
	"io"
	"log/slog"
	"net"
	"net/http"
	"os"
	"slices"
	"strconv"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/cachewright/cachewright/demoapp/internal/app"
	"github.com/cachewright/cachewright/demoapp/internal/apptest"
	"github.com/cachewright/cachewright/demoapp/internal/dashboard"
	"github.com/cachewright/cachewright/demoapp/internal/load"
	"github.com/cachewright/cachewright/demoapp/internal/watch"
)

// TestWhatTheDashboardCosts measures how many requests a second the shop answers with a dashboard that looks at it, and one
// visitor who looks at that, and without, in rounds that take turns. CACHEWRIGHT_COST_ROUNDS says how many.
func TestWhatTheDashboardCosts(t *testing.T) {
	rounds, _ := strconv.Atoi(os.Getenv("CACHEWRIGHT_COST_ROUNDS"))
	if rounds == 0 {
		t.Skip("CACHEWRIGHT_COST_ROUNDS is not set")
	}
	a, err := app.Start(t.Context(), app.Config{
		Addr: "127.0.0.1:0", DSN: apptest.SQLite(t), Logger: slog.New(slog.DiscardHandler), Textbook: true,
	})
	require.NoError(t, err)
	base := func() string { return a.URL }
	measure := func() float64 {
		const round = 2 * time.Second
		n, begun := 0, time.Now()
		for time.Since(begun) < round {
			get(t, a.URL+"/products/"+strconv.Itoa(1+n%load.Products))
			n++
		}
		return float64(n) / time.Since(begun).Seconds()
	}
	watched := func() float64 {
		d := dashboard.New(dashboard.Config{
			Shop: base, Load: load.New(1, load.Target{Base: base}, load.Target{Base: base}), Every: time.Second, Logger: slog.New(slog.DiscardHandler),
			Watchers: [2]*watch.Watcher{watch.New(base, a.Database.Outside), watch.New(base, a.Database.Outside)},
			Starts:   func() (int, int) { return 1, 0 },
		})
		defer d.Close()
		server := &http.Server{Handler: d, ReadHeaderTimeout: time.Second}
		listener, err := new(net.ListenConfig).Listen(t.Context(), "tcp", "127.0.0.1:0")
		require.NoError(t, err)
		go func() { _ = server.Serve(listener) }()
		defer server.Close()
		ctx, leave := context.WithCancel(t.Context())
		defer leave()
		r, err := http.NewRequestWithContext(ctx, http.MethodGet, "http://"+listener.Addr().String()+"/dashboard/events", http.NoBody)
		require.NoError(t, err)
		response, err := (&http.Client{Transport: &http.Transport{DisableKeepAlives: true}}).Do(r)
		require.NoError(t, err)
		go func() { _, _ = io.Copy(io.Discard, response.Body) }()
		return measure()
	}
	measure() // fills the cache
	var without, with, ratios []float64
	for range rounds {
		w, o := watched(), measure()
		with, without, ratios = append(with, w), append(without, o), append(ratios, w/o)
	}
	for _, all := range [][]float64{with, without, ratios} {
		slices.Sort(all)
	}
	t.Logf("requests a second with the dashboard: median %.0f (%.0f to %.0f); without: median %.0f (%.0f to %.0f); ratio of a round: median %.2f (%.2f to %.2f), %d rounds",
		with[rounds/2], with[0], with[rounds-1], without[rounds/2], without[0], without[rounds-1], ratios[rounds/2], ratios[0], ratios[rounds-1], rounds)
	require.NoError(t, a.Stop(t.Context()))
}
