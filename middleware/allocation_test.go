package middleware_test

import (
	"net/http"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/cachewright/cachewright/coherence"
	"github.com/cachewright/cachewright/middleware"
)

// discard is a client's writer that costs nothing and can be used again.
type discard struct {
	header http.Header
	status int
	bytes  int
}

func (d *discard) Header() http.Header { return d.header }
func (d *discard) WriteHeader(s int)   { d.status = s }
func (d *discard) Write(b []byte) (int, error) {
	d.bytes += len(b)
	return len(b), nil
}

func (d *discard) reset() {
	clear(d.header)
	d.status, d.bytes = 0, 0
}

var twoKiB = []byte(strings.Repeat("0123456789abcdef", 128))

// browser is a GET as a browser sends it.
func browser() *http.Request {
	return request(http.MethodGet, "http://shop.example/products/1?color=red",
		"User-Agent: Mozilla/5.0 (X11; Linux x86_64)", "Accept: text/html,application/xhtml+xml", "Accept-Language: en-US,en;q=0.5",
		"Accept-Encoding: gzip, deflate, br", "Sec-Fetch-Mode: navigate", "Sec-Fetch-Site: none", "Upgrade-Insecure-Requests: 1")
}

func page2KiB(w http.ResponseWriter, r *http.Request) {
	coherence.Depend(r.Context(), product)
	w.Header().Set("Content-Type", "text/html; charset=utf-8")
	_, _ = w.Write(twoKiB)
}

func TestAHitCostsAtMostTwoAllocationsMoreThanTheBareHandler(t *testing.T) {
	h := behind(page2KiB, middleware.Shared(newEngine(t)))
	w, r := &discard{header: http.Header{}}, browser()
	for range 3 {
		w.reset()
		h.ServeHTTP(w, r)
	}
	require.EqualValues(t, 1, h.runs.Load())
	sent := w.header.Clone()
	require.Equal(t, []string{"Cachewright;hit"}, sent["Cache-Status"])

	// A handler that gets its header for nothing: the strictest one to be compared with.
	bare := http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		h := w.Header()
		for name, values := range sent {
			h[name] = values
		}
		_, _ = w.Write(twoKiB)
	})
	plain := testing.AllocsPerRun(200, func() { w.reset(); bare.ServeHTTP(w, r) })
	hit := testing.AllocsPerRun(200, func() { w.reset(); h.ServeHTTP(w, r) })
	require.Equal(t, len(twoKiB), w.bytes)
	require.EqualValues(t, 1, h.runs.Load())
	require.LessOrEqual(t, hit-plain, 2.0+raceAllocations, "bare %v, hit %v", plain, hit)
	t.Logf("bare %v, hit %v", plain, hit)
}

func BenchmarkHit(b *testing.B) {
	h := behind(page2KiB, middleware.Shared(newEngine(b)))
	w, r := &discard{header: http.Header{}}, browser()
	h.ServeHTTP(w, r)
	b.ReportAllocs()
	for b.Loop() {
		w.reset()
		h.ServeHTTP(w, r)
	}
}

func BenchmarkHitNotModified(b *testing.B) {
	h := behind(page2KiB, middleware.Shared(newEngine(b)))
	w, r := &discard{header: http.Header{}}, browser()
	h.ServeHTTP(w, r)
	r.Header["If-None-Match"] = w.header["Etag"]
	b.ReportAllocs()
	for b.Loop() {
		w.reset()
		h.ServeHTTP(w, r)
	}
	if w.status != http.StatusNotModified {
		b.Fatal("no 304")
	}
}

func BenchmarkMiss(b *testing.B) {
	e := newEngine(b)
	h := behind(page2KiB, middleware.Shared(e))
	w, r := &discard{header: http.Header{}}, browser()
	b.ReportAllocs()
	for b.Loop() {
		w.reset()
		write(b, e, product)
		h.ServeHTTP(w, r)
	}
}
