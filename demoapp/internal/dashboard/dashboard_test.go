package dashboard_test

import (
	"bufio"
	"context"
	"database/sql"
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	_ "github.com/glebarez/go-sqlite"
	"github.com/stretchr/testify/require"

	"github.com/cachewright/cachewright/demoapp/internal/dashboard"
	"github.com/cachewright/cachewright/demoapp/internal/load"
	"github.com/cachewright/cachewright/demoapp/internal/watch"
	"github.com/cachewright/cachewright/internal/testkit"
)

func TestMain(m *testing.M) { testkit.Main(m) }

// stage is a dashboard before a shop that only answers.
type stage struct {
	*httptest.Server
	load     *load.Load
	kills    atomic.Int64
	pauses   atomic.Int64
	policies chan map[string]string
}

func start(tb testing.TB, change func(*dashboard.Config)) *stage {
	tb.Helper()
	db, err := sql.Open("sqlite", tb.TempDir()+"/x.db")
	require.NoError(tb, err)
	tb.Cleanup(func() { require.NoError(tb, db.Close()) })
	shop := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("X-Shop", r.Host)
		switch {
		case r.URL.Path == "/stats":
			fmt.Fprint(w, `{"models": [{"table": "products", "policy": "aside", "reads": 90, "hits": 80, "writes": 10, "advice": "<b>well</b>"}],
				"statements": [{"table": "products", "statements": 20}], "pages": {"hit": 3, "miss": 1}, "not_modified": 2}`)
		case r.URL.Path == "/pageviews":
			fmt.Fprint(w, `{"hits": 7}`)
		case strings.HasPrefix(r.URL.Path, "/metrics/"):
			fmt.Fprint(w, `{"samples": 150}`)
		default:
			fmt.Fprint(w, `{}`)
		}
	}))
	tb.Cleanup(shop.Close)
	base := func() string { return shop.URL }
	s := &stage{load: load.New(50, load.Target{Name: "a", Base: base}, load.Target{Name: "b", Base: base}), policies: make(chan map[string]string, 1)}
	cfg := dashboard.Config{
		Shop: base, Load: s.load, Watchers: [2]*watch.Watcher{watch.New(base, db), watch.New(base, db)},
		Kill:   func(context.Context) error { s.kills.Add(1); return nil },
		Policy: func(_ context.Context, p map[string]string) error { s.policies <- p; return nil },
		Pause:  func(d time.Duration) error { s.pauses.Add(int64(d)); return nil },
		Starts: func() (int, int) { return 2, 1 },
		Every:  20 * time.Millisecond, Logger: slog.New(slog.DiscardHandler), Loopback: true,
	}
	if change != nil {
		change(&cfg)
	}
	d := dashboard.New(cfg)
	s.Server = httptest.NewServer(d)
	tb.Cleanup(func() {
		d.Close()
		s.CloseClientConnections()
		s.Close()
	})
	return s
}

// post sends a control's form.
func (s *stage) post(tb testing.TB, path string, form url.Values, fields ...string) (status int, text string) {
	tb.Helper()
	r, err := http.NewRequestWithContext(tb.Context(), http.MethodPost, s.URL+"/dashboard/"+path, strings.NewReader(form.Encode()))
	require.NoError(tb, err)
	r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	r.Header.Set("Accept", "text/plain")
	for i := 0; i < len(fields); i += 2 {
		if fields[i] == "Host" {
			r.Host = fields[i+1]
		}
		r.Header.Set(fields[i], fields[i+1])
	}
	client := &http.Client{
		Transport:     &http.Transport{DisableKeepAlives: true},
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}
	response, err := client.Do(r)
	require.NoError(tb, err)
	defer response.Body.Close()
	body, err := io.ReadAll(response.Body)
	require.NoError(tb, err)
	return response.StatusCode, strings.TrimSpace(string(body))
}

func TestControlsDoWhatTheySay(t *testing.T) {
	t.Parallel()
	s := start(t, nil)
	status, said := s.post(t, "load", url.Values{"mix": {"hot-key"}})
	require.Equal(t, http.StatusOK, status)
	require.Equal(t, "The load is hot-key.", said)
	require.Equal(t, load.HotKey, s.load.Mix())
	_, said = s.post(t, "load", url.Values{"mix": {""}})
	require.Equal(t, "The load has stopped.", said)
	require.Equal(t, load.Idle, s.load.Mix())
	status, _ = s.post(t, "load", url.Values{"mix": {"all"}})
	require.Equal(t, http.StatusUnprocessableEntity, status)

	status, _ = s.post(t, "pause", nil)
	require.Equal(t, http.StatusOK, status)
	require.Equal(t, int64(5*time.Second), s.pauses.Load())

	_, said = s.post(t, "crash", nil)
	require.Equal(t, int64(1), s.kills.Load())
	require.Contains(t, said, "150 of 200 came back, 50 lost", "it counts, whatever the shop has")

	_, said = s.post(t, "policy", url.Values{"table": {"products"}, "policy": {"writethrough"}})
	require.Equal(t, "The shop was started again with products as writethrough.", said)
	require.Equal(t, map[string]string{"products": "writethrough"}, <-s.policies)
	for table, tag := range map[string]string{"customers": "aside", "orders": "writeback", "products": "fast"} {
		status, _ = s.post(t, "policy", url.Values{"table": {table}, "policy": {tag}})
		require.Equal(t, http.StatusUnprocessableEntity, status, table)
	}
	require.Empty(t, s.policies)
	status, _ = s.post(t, "load", nil, "Accept", "text/html")
	require.Equal(t, http.StatusSeeOther, status, "a browser without scripts sees the page again")
}

func TestControlsAreForThePageAloneAndCanBeTakenAway(t *testing.T) {
	t.Parallel()
	s := start(t, nil)
	for name, fields := range map[string][]string{
		"another site":                 {"Sec-Fetch-Site", "cross-site"},
		"a neighbour":                  {"Sec-Fetch-Site", "same-site"},
		"another origin, old browser":  {"Origin", "http://elsewhere.example"},
		"a name that leads to us, too": {"Host", "elsewhere.example", "Sec-Fetch-Site", "same-origin"},
	} {
		for _, control := range []string{"crash", "pause", "policy", "load"} {
			status, _ := s.post(t, control, nil, fields...)
			require.Contains(t, []int{http.StatusForbidden, http.StatusMisdirectedRequest}, status, name)
		}
	}
	require.Zero(t, s.kills.Load()+s.pauses.Load())
	status, _ := s.post(t, "pause", nil, "Sec-Fetch-Site", "same-origin")
	require.Equal(t, http.StatusOK, status)
	status, _ = s.post(t, "pause", nil, "Host", "localhost:1")
	require.Equal(t, http.StatusOK, status)

	readonly := start(t, func(c *dashboard.Config) { c.Readonly = true })
	status, _ = readonly.post(t, "crash", nil)
	require.Equal(t, http.StatusForbidden, status)
	require.Zero(t, readonly.kills.Load())
	require.NotContains(t, get(t, readonly.URL+"/"), "<form")
	require.Contains(t, get(t, s.URL+"/"), "<form")
	anywhere := start(t, func(c *dashboard.Config) { c.Loopback = false })
	status, _ = anywhere.post(t, "load", nil, "Host", "demo.example")
	require.Equal(t, http.StatusOK, status)
}

func TestPartsComeAsTheyChange(t *testing.T) {
	t.Parallel()
	s := start(t, nil)
	r, err := http.NewRequestWithContext(t.Context(), http.MethodGet, s.URL+"/dashboard/events", http.NoBody)
	require.NoError(t, err)
	response, err := http.DefaultClient.Do(r)
	require.NoError(t, err)
	defer response.Body.Close()
	require.Equal(t, "text/event-stream", response.Header.Get("Content-Type"))
	lines := bufio.NewScanner(response.Body)
	lines.Buffer(nil, 1<<20)
	seen := 0
	for lines.Scan() && seen < 3 {
		text, ok := strings.CutPrefix(lines.Text(), "data: ")
		if !ok {
			continue
		}
		var parts map[string]string
		require.NoError(t, json.Unmarshal([]byte(text), &parts))
		require.Len(t, parts, 5)
		require.Contains(t, parts["models"], "&lt;b&gt;well", "what the shop says is text")
		require.Contains(t, parts["models"], "read by everybody")
		require.Contains(t, parts["state"], "The shop runs; started 2 times, 1 of them after a crash")
		require.Contains(t, parts["tiles"], "75 %")
		require.Equal(t, 6, strings.Count(parts["charts"], "<svg"))
		seen++
	}
	require.Equal(t, 3, seen)
}

func TestEverythingElseIsTheShops(t *testing.T) {
	t.Parallel()
	s := start(t, nil)
	require.Equal(t, `{"hits": 7}`, get(t, s.URL+"/pageviews"))
	gone := start(t, func(c *dashboard.Config) { c.Shop = func() string { return "" } })
	require.Contains(t, get(t, gone.URL+"/products/1"), "the shop is being started again")
	require.Contains(t, get(t, gone.URL+"/"), "The shop does not answer")
}

func get(tb testing.TB, url string) string {
	tb.Helper()
	r, err := http.NewRequestWithContext(tb.Context(), http.MethodGet, url, http.NoBody)
	require.NoError(tb, err)
	response, err := (&http.Client{Transport: &http.Transport{DisableKeepAlives: true}}).Do(r)
	require.NoError(tb, err)
	defer response.Body.Close()
	body, err := io.ReadAll(response.Body)
	require.NoError(tb, err)
	return string(body)
}
