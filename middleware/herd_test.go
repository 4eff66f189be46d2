package middleware_test

import (
	"fmt"
	"net/http"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/cachewright/cachewright/coherence"
	"github.com/cachewright/cachewright/middleware"
)

// Two hundred clients ask for one page while its row is written two hundred times a second: the handler runs twice at once at
// most, and nobody gets a page older than a write that was acknowledged before the client asked.
func TestAHerdOnAHotPageThatIsWrittenAllTheTime(t *testing.T) {
	t.Parallel()
	e := newEngine(t)
	const clients, writes = 200, 40
	var row, acknowledged, now, most, served atomic.Int64
	s := behind(func(w http.ResponseWriter, r *http.Request) {
		n := now.Add(1)
		defer now.Add(-1)
		for have := most.Load(); n > have && !most.CompareAndSwap(have, n); have = most.Load() {
		}
		coherence.Depend(r.Context(), product)
		fmt.Fprint(w, row.Load())
	}, middleware.Shared(e))
	done := make(chan struct{})
	var wg sync.WaitGroup
	for range clients {
		wg.Go(func() {
			for {
				select {
				case <-done:
					return
				default:
				}
				before := acknowledged.Load()
				body := s.get("/").body
				if got, err := strconv.ParseInt(body, 10, 64); err != nil || got < before {
					t.Errorf("got %q after write %d was acknowledged", body, before)
					return
				}
				served.Add(1)
			}
		})
	}
	tick := time.NewTicker(time.Second / 200)
	defer tick.Stop()
	for i := int64(1); i <= writes; i++ {
		<-tick.C
		w, err := e.Begin(t.Context(), product)
		require.NoError(t, err)
		row.Store(i) // visible from here on
		w.Publish(t.Context())
		acknowledged.Store(i)
	}
	close(done)
	wg.Wait()
	require.LessOrEqual(t, most.Load(), int64(2))
	require.Greater(t, served.Load(), int64(clients))
	t.Logf("%d answers, %d runs of the handler, %d at once", served.Load(), s.runs.Load(), most.Load())
}

// A flood of URLs that nobody asks for twice goes on while a hundred pages and a thousand rows are in use: they stay, and
// memory is bounded.
func TestUnderAFloodHotPagesAndHotRowsKeepTheirHitRatio(t *testing.T) {
	t.Parallel()
	const memory = 8 << 20 // 2 MiB of it for pages, which the flood fills several times
	e := newEngine(t, coherence.WithMemory(memory))
	s := behind(func(w http.ResponseWriter, r *http.Request) {
		tracked(strings.Repeat(r.URL.Path+" ", 200))(w, r)
	}, middleware.Shared(e))
	const pages, rows, flood = 100, 1000, 4800
	rowOf := func(i int) (hit bool) {
		key := "row " + strconv.Itoa(i)
		if _, hit, _ = e.Rows().Get(t.Context(), key); !hit {
			require.NoError(t, e.Rows().Put(t.Context(), key, make([]byte, 100), e.Stamp(nil, product), coherence.Life{}))
		}
		return hit
	}
	var pageHits, rowHits, asked int
	for i := range flood {
		s.get("/once/" + strconv.Itoa(i))
		if i%2 != 0 {
			continue
		}
		page, row := s.get("/hot/"+strconv.Itoa(i/2%pages)).hit(t), rowOf(i/2%rows)
		if i/2 < max(2*pages, rows) { // the first and second time round
			continue
		}
		asked++
		if page {
			pageHits++
		}
		if row {
			rowHits++
		}
	}
	require.GreaterOrEqual(t, float64(pageHits)/float64(asked), 0.95)
	require.GreaterOrEqual(t, float64(rowHits)/float64(asked), 0.95)
	require.LessOrEqual(t, middleware.CopiesHeld(e), memory/16)
	t.Logf("%d of %d pages and %d rows were hits", pageHits, asked, rowHits)
}

func TestTenThousandVariantsOfOneURLAreBounded(t *testing.T) {
	t.Parallel()
	s := behind(func(w http.ResponseWriter, r *http.Request) {
		set(w.Header(), minute, "Vary: X-Any")
		fmt.Fprint(w, r.Header.Get("X-Any"))
	}, middleware.Shared(newEngine(t)))
	for i := range 10_000 {
		value := strconv.Itoa(i)
		require.Equal(t, value, s.get("/", "X-Any: "+value).body)
	}
	kept := 0
	for i := 10_000 - 1; i >= 10_000-100; i-- {
		r := s.get("/", "X-Any: "+strconv.Itoa(i), "Cache-Control: only-if-cached")
		if r.StatusCode == http.StatusOK {
			require.Equal(t, strconv.Itoa(i), r.body)
			kept++
		}
	}
	require.Equal(t, middleware.DefaultMaxVariants, kept)
}

func TestAHugeHeaderBlockOfARequestPassesTheCacheByOrIsKeyedWhole(t *testing.T) {
	t.Parallel()
	s := behind(func(w http.ResponseWriter, r *http.Request) {
		tracked(r.Header.Get("X-Big")[:1])(w, r)
	}, middleware.Shared(newEngine(t)))
	for _, size := range []int{1 << 10, 1 << 15, 1 << 16, 1 << 20} {
		for _, c := range []string{"a", "b", "a"} {
			r := s.get("/", "X-Big: "+c+strings.Repeat("x", size))
			require.Equal(t, c, r.body)
		}
	}
	many := []string{"X-Big: c"}
	for i := range 5000 {
		many = append(many, fmt.Sprintf("X-%d: %d", i, i))
	}
	require.Equal(t, "c", s.get("/", many...).body)
}
