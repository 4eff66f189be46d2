package bench_test

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/stretchr/testify/require"
	"gorm.io/gorm"

	"github.com/cachewright/cachewright/internal/testkit"
	"github.com/cachewright/cachewright/middleware"
)

// pageSize is the size of a page's body, in bytes.
const pageSize = 2048

// discard is a client that costs nothing and can be used again. It belongs to one goroutine.
type discard struct {
	header http.Header
	status int
	bytes  int
}

func (d *discard) Header() http.Header         { return d.header }
func (d *discard) WriteHeader(status int)      { d.status = status }
func (d *discard) Write(b []byte) (int, error) { d.bytes += len(b); return len(b), nil }

func pageGroup(tb testing.TB, database testkit.Database) group {
	tb.Helper()
	db, plugin := withPlugin(tb, database, nil)
	var runs atomic.Int64
	made := articlePage(db)
	// Without a bound, so that no page expires while it is measured.
	door := middleware.Shared(plugin.Engine(), middleware.MaxLifetime(0))
	cached := door(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		runs.Add(1)
		made.ServeHTTP(w, r)
	}))

	var sent http.Header
	var body []byte
	for range 3 {
		answer := httptest.NewRecorder()
		cached.ServeHTTP(answer, browse())
		sent, body = answer.Header(), answer.Body.Bytes()
	}
	require.Len(tb, body, pageSize)
	require.Equal(tb, middleware.DefaultName+";hit", sent.Get("Cache-Status"))
	first := runs.Load()
	require.EqualValues(tb, 1, first)

	// The least that keeps pages apart at all: host, path and query.
	type kept struct {
		header http.Header
		body   []byte
	}
	pages := map[string]kept{"shop.example/article?id=1000007": {sent, body}}
	return group{
		title: "GET of a page of 2 KiB",
		floor: measurement{name: "served from a map", run: gets(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			found := pages[r.Host+r.URL.RequestURI()]
			h := w.Header()
			for name, values := range found.header { // what a hit sends
				h[name] = values
			}
			_, _ = w.Write(found.body)
		}))},
		others: []measurement{
			{name: "page hit", bound: 2, run: gets(cached), check: func() error {
				if more := runs.Load() - first; more > 0 {
					return fmt.Errorf("the handler ran for %d of the hits", more)
				}
				return nil
			}},
			{name: "its handler over plain GORM", plain: true, run: gets(articlePage(database.Open(tb, nil)))},
		},
	}
}

// articlePage shows one article.
func articlePage(db *gorm.DB) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		var a article
		if err := db.WithContext(r.Context()).First(&a, r.URL.Query().Get("id")).Error; err != nil {
			http.Error(w, err.Error(), http.StatusInternalServerError)
			return
		}
		page := make([]byte, 0, pageSize)
		page = fmt.Appendf(page, "<!doctype html><title>%s</title><p>%s<p>%d in stock, %d each", a.Name, a.Summary, a.Stock, a.Price)
		for len(page) < pageSize {
			page = append(page, ' ')
		}
		w.Header().Set("Content-Type", "text/html; charset=utf-8")
		_, _ = w.Write(page)
	})
}

// browse is a GET as a browser sends it.
func browse() *http.Request {
	r := httptest.NewRequest(http.MethodGet, "http://shop.example/article?id=1000007", nil)
	for _, field := range []string{
		"User-Agent: Mozilla/5.0 (X11; Linux x86_64)", "Accept: text/html,application/xhtml+xml", "Accept-Language: en-US,en;q=0.5",
		"Accept-Encoding: gzip, deflate, br", "Sec-Fetch-Mode: navigate", "Sec-Fetch-Site: none", "Upgrade-Insecure-Requests: 1",
	} {
		name, value, _ := strings.Cut(field, ": ")
		r.Header.Set(name, value)
	}
	return r
}

// gets asks the handler for the page again and again.
func gets(h http.Handler) func(n int) error {
	w, r := &discard{header: http.Header{}}, browse()
	return func(n int) error {
		for range n {
			clear(w.header)
			w.status, w.bytes = http.StatusOK, 0
			h.ServeHTTP(w, r)
			if w.status != http.StatusOK || w.bytes != pageSize {
				return fmt.Errorf("status %d with %d bytes", w.status, w.bytes)
			}
		}
		return nil
	}
}
