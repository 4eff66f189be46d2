package app_test

import (
	"bufio"
	"context"
	"log/slog"
	"net"
	"os"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/cachewright/cachewright/demoapp/internal/app"
	"github.com/cachewright/cachewright/demoapp/internal/apptest"
	"github.com/cachewright/cachewright/demoapp/internal/shop"
	"github.com/cachewright/cachewright/internal/testkit"
)

func TestMain(m *testing.M) { testkit.Main(m) }

func TestStoppingBringsWhatIsPendingToTheDatabase(t *testing.T) {
	t.Parallel()
	dsn := apptest.SQLite(t)
	first := start(t, dsn)
	s := shop.New(first.Database.GORM)
	for range 10 {
		require.NoError(t, s.CountView(t.Context(), "/products/1"))
	}
	require.NoError(t, first.Stop(t.Context()))
	_, open := <-first.Served()
	require.False(t, open, "the server ended, without an error")

	second := start(t, dsn)
	view, err := shop.New(second.Database.GORM).View(t.Context(), "/products/1")
	require.NoError(t, err)
	require.Equal(t, int64(10), view.Hits)
	require.NoError(t, second.Stop(t.Context()))
}

func TestAStopThatIsOutOfTimeSaysSo(t *testing.T) {
	t.Parallel()
	a := start(t, apptest.SQLite(t))
	client, err := new(net.Dialer).DialContext(t.Context(), "tcp", strings.TrimPrefix(a.URL, "http://"))
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, client.Close()) })
	_, err = client.Write([]byte("POST /metrics HTTP/1.1\r\nHost: demo\r\nContent-Type: application/json\r\n" +
		"Content-Length: 100\r\nExpect: 100-continue\r\n\r\n"))
	require.NoError(t, err)
	line, err := bufio.NewReader(client).ReadString('\n') // the handler waits for the body
	require.NoError(t, err)
	require.Equal(t, "HTTP/1.1 100 Continue\r\n", line)

	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	require.ErrorContains(t, a.Stop(ctx), "wait for requests to end")
}

func TestAStartThatFailsLeavesNothingOpen(t *testing.T) {
	t.Setenv("TMPDIR", t.TempDir())
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	_, err := app.Start(ctx, config("127.0.0.1:0", ""))
	require.Error(t, err)
	left, err := os.ReadDir(os.Getenv("TMPDIR"))
	require.NoError(t, err)
	require.Empty(t, left)
	// Goroutines and connections that stayed would fail TestMain.
}

func TestTheAddressIsFreeAfterAFailedStart(t *testing.T) {
	t.Parallel()
	a := start(t, apptest.SQLite(t))
	addr := strings.TrimPrefix(a.URL, "http://")
	require.NoError(t, a.Stop(t.Context()))
	_, err := app.Start(t.Context(), config(addr, "mysql://x"))
	require.ErrorContains(t, err, "is no database this demo knows")
	again, err := app.Start(t.Context(), config(addr, apptest.SQLite(t)))
	require.NoError(t, err)
	require.NoError(t, again.Stop(t.Context()))
}

func config(addr, dsn string) app.Config {
	return app.Config{Addr: addr, DSN: dsn, Logger: slog.New(slog.DiscardHandler)}
}

func start(tb testing.TB, dsn string) *app.App {
	tb.Helper()
	a, err := app.Start(tb.Context(), config("127.0.0.1:0", dsn))
	require.NoError(tb, err)
	return a
}
