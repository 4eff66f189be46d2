package load_test

import (
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/cachewright/cachewright/demoapp/internal/load"
	"github.com/cachewright/cachewright/internal/testkit"
)

func TestMain(m *testing.M) { testkit.Main(m) }

// seen is an application that notes its requests and tells when there are enough.
type seen struct {
	mu       sync.Mutex
	requests []string
	enough   chan struct{}
	most     int
	status   int
}

func (s *seen) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	body, _ := io.ReadAll(r.Body)
	s.mu.Lock()
	defer s.mu.Unlock()
	text := r.Method + " " + r.URL.String()
	if strings.Contains(string(body), "price_cents") {
		text += " price"
	}
	if s.requests = append(s.requests, text); len(s.requests) == s.most {
		close(s.enough)
	}
	w.WriteHeader(s.status)
}

func serve(tb testing.TB, status int) (*seen, load.Target) {
	tb.Helper()
	s := &seen{enough: make(chan struct{}), most: 400, status: status}
	server := httptest.NewServer(s)
	tb.Cleanup(server.Close)
	return s, load.Target{Name: "app", Base: func() string { return server.URL }}
}

func TestBothTargetsGetTheSameRequests(t *testing.T) {
	t.Parallel()
	for _, mix := range load.Mixes() {
		t.Run(string(mix), func(t *testing.T) {
			t.Parallel()
			one, first := serve(t, http.StatusOK)
			two, second := serve(t, http.StatusOK)
			l := load.New(1000, first, second)
			l.Start(mix)
			require.Equal(t, mix, l.Mix())
			<-one.enough
			<-two.enough
			l.Stop()
			require.Equal(t, load.Idle, l.Mix())
			counts := func(requests []string) map[string]int {
				all := map[string]int{}
				for _, r := range requests[:200] { // many are under way at a time: the order of neighbours may differ
					all[r]++
				}
				return all
			}
			near := 0
			a, b := counts(one.requests), counts(two.requests)
			for request, n := range a {
				near += min(n, b[request])
			}
			require.GreaterOrEqual(t, near, 120, "%v\n%v", a, b)
			writes := 0
			for _, r := range one.requests {
				if !strings.HasPrefix(r, "GET ") {
					writes++
				}
				if mix == load.HotKey {
					require.Contains(t, r, " /products/1")
				}
			}
			share := writes * 100 / len(one.requests)
			require.InDelta(t, map[load.Mix]int{load.ReadHeavy: 5, load.WriteHeavy: 50, load.HotKey: 20}[mix], share, 9)
			require.GreaterOrEqual(t, l.Figures(0).Requests, int64(400))
			require.Zero(t, l.Figures(0).Errors)
			require.Positive(t, l.Figures(0).P99)
			l.Stop()
		})
	}
}

func TestAnswersThatFailAndAnswersThatNeverComeAreErrors(t *testing.T) {
	t.Parallel()
	app, target := serve(t, http.StatusServiceUnavailable)
	l := load.New(1000, target, load.Target{Name: "gone", Base: func() string { return "" }})
	l.Start(load.ReadHeavy)
	<-app.enough
	l.Stop()
	for i := range 2 {
		f := l.Figures(i)
		require.Equal(t, f.Requests, f.Errors, fmt.Sprint(i))
		require.Positive(t, f.Errors)
	}
}
