package api_test

import (
	"encoding/json"
	"fmt"
	"net/http"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/cachewright/cachewright/demoapp/internal/apptest"
	"github.com/cachewright/cachewright/demoapp/internal/shop"
)

func everyViewCounts(t *testing.T, s server) {
	etag := s.get(t, "/products/3").header.Get("ETag")
	s.get(t, "/products/3")
	s.get(t, "/products/3", "If-None-Match", etag)
	s.get(t, "/products/3?limit=5")                    // the same page by another name
	s.get(t, "/products/999999")                       // no page
	s.get(t, "/products/3", "Sec-Purpose", "prefetch") // nobody looks at it
	require.Equal(t, shop.PageView{Path: "/products/3", Hits: 4}, value[shop.PageView](t, s.get(t, "/pageviews?path=/products/3")))
	list := value[listOf[shop.PageView]](t, s.get(t, "/pageviews?limit=100"))
	require.Contains(t, list.Items, shop.PageView{Path: "/products/3", Hits: 4})

	var stored int64
	require.NoError(t, s.Database.Outside.QueryRowContext(t.Context(), "SELECT hits FROM page_views WHERE path = '/products/3'").Scan(&stored))
	require.Equal(t, int64(4), stored, "a list of the counters brings them to the database first")
}

func samplesAddUp(t *testing.T, s server) {
	at := time.Date(2026, 3, 1, 12, 30, 15, 0, time.UTC)
	post := func(at time.Time, samples string) reply {
		return s.send(t, http.MethodPost, "/metrics", fmt.Sprintf(`{"sensor": "roof", "at": %q, "samples": %s}`, at.Format(time.RFC3339), samples))
	}
	var done sync.WaitGroup
	answers := make([]reply, 20)
	for i := range answers {
		done.Go(func() { answers[i] = post(at.Add(time.Duration(i)*time.Second), "[100, -40]") })
	}
	done.Wait()
	for _, answer := range answers {
		require.Equal(t, http.StatusOK, answer.status, answer.body)
	}
	post(at.Add(time.Minute), "[7]")
	first := shop.SensorMetric{Sensor: "roof", Minute: shop.Minute(at), Samples: 40, Total: 1200}
	second := shop.SensorMetric{Sensor: "roof", Minute: shop.Minute(at) + 1, Samples: 1, Total: 7}
	require.Equal(t, first, value[shop.SensorMetric](t, s.get(t, fmt.Sprintf("/metrics/roof/%d", first.Minute))))
	list := value[listOf[shop.SensorMetric]](t, s.get(t, "/metrics/roof?limit=2"))
	require.Equal(t, []shop.SensorMetric{second, first}, list.Items)
	require.Len(t, value[listOf[shop.SensorMetric]](t, s.get(t, "/metrics/hall-1?limit=100")).Items, 100, "what was seeded")
}

func TestStatsTellWhatTheDatabaseSaw(t *testing.T) {
	t.Parallel()
	s := start(t, apptest.SQLite(t))
	for range 3 {
		s.get(t, "/products/1")
	}
	answer := s.get(t, "/stats")
	require.Equal(t, "no-store", answer.header.Get("Cache-Control"))
	var stats struct {
		PagesMade  int64 `json:"pages_made"`
		Pages      map[string]int64
		Statements []struct {
			Table, Verb string
			Statements  int64
		}
		WriteBack map[string]struct{ Changes int64 } `json:"writeback"`
	}
	require.NoError(t, json.Unmarshal([]byte(answer.body), &stats))
	require.Equal(t, int64(1), stats.PagesMade)
	require.Equal(t, map[string]int64{"miss": 1, "hit": 2}, stats.Pages)
	require.Equal(t, int64(3), stats.WriteBack["page_views"].Changes)
	var selects int64
	for _, statement := range stats.Statements {
		if statement.Table == "categories" && statement.Verb == "SELECT" {
			selects += statement.Statements
		}
	}
	require.Equal(t, int64(1), selects, "the page was made once: %s", answer.body)
}

func TestTheServerSaysHowItIs(t *testing.T) {
	t.Parallel()
	s := start(t, apptest.SQLite(t))
	require.JSONEq(t, `{"status": "alive"}`, s.get(t, "/healthz").body)
	require.JSONEq(t, `{"status": "ready"}`, s.get(t, "/readyz").body)
	require.Contains(t, s.get(t, "/").body, "/products")
	pool, err := s.Database.GORM.DB()
	require.NoError(t, err)
	require.NoError(t, pool.Close())
	requireProblem(t, s.get(t, "/readyz"), http.StatusServiceUnavailable)
	require.Equal(t, http.StatusOK, s.get(t, "/healthz").status, "it lives all the same")
	require.Equal(t, "1", s.get(t, "/readyz").header.Get("Retry-After"))
}
