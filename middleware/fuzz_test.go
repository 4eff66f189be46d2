package middleware_test

import (
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/cachewright/cachewright/middleware"
)

func FuzzLine79StoredBytes(f *testing.F) {
	for _, sample := range middleware.Samples() {
		require.True(f, middleware.Decode(sample))
		f.Add(sample)
		for cut := range sample {
			f.Add(sample[:cut])
		}
	}
	f.Fuzz(func(_ *testing.T, b []byte) { middleware.Decode(b) })
}

func TestLine81AStoredHeaderThatWouldSplitTheAnswerIsRefused(t *testing.T) {
	t.Parallel()
	sample := middleware.Samples()[0]
	for _, evil := range []string{"text\r\ntml", "text\x00html"[:9]} {
		spoilt := strings.Replace(string(sample), "text/html", evil, 1)
		require.NotEqual(t, string(sample), spoilt)
		require.False(t, middleware.Decode([]byte(spoilt)))
	}
	require.False(t, middleware.Decode([]byte(strings.Replace(string(sample), "Content-Type", "Content:Type", 1))))
}

func FuzzLine79HeaderBytes(f *testing.F) {
	for _, seed := range []string{
		"max-age=60", `private="a`, "public, s-maxage=\"1\"", "*", "Accept, *", `W/"a", "b`, "Sat, 01 Jan 2000 00:00:00 GMT", "\x00\xff", "no-cache=,;",
	} {
		f.Add("Cache-Control", seed, "If-None-Match", seed)
		f.Add("Vary", seed, "Cookie", seed)
		f.Add("Cdn-Cache-Control", seed, "If-Modified-Since", seed)
		f.Add("Expires", seed, "Cache-Control", seed)
		f.Add("Etag", seed, "Accept-Encoding", seed)
		f.Add("Cache-Status", seed, "Pragma", seed)
		f.Add("Etag", seed, "Range", "bytes=0-0")
		f.Add("Last-Modified", seed, "If-Range", seed)
		f.Add("Surrogate-Key", seed, "Accept-Language", seed)
	}
	engine := newEngine(f)
	f.Fuzz(func(t *testing.T, name, value, asked, asks string) {
		s := behind(func(w http.ResponseWriter, r *http.Request) {
			w.Header()[name] = []string{value}
			if r.Header.Get("If-None-Match") != "" {
				w.WriteHeader(http.StatusNotModified)
				return
			}
			tracked("x")(w, r)
		}, middleware.Shared(engine, middleware.Cookies("a"), middleware.Negotiate(), middleware.IgnoreParameters("u*"), middleware.Heuristic(),
			middleware.StaleIfError(time.Hour), middleware.SurrogateKeys("Surrogate-Key"), middleware.ShowKey()))
		for i := range 6 {
			r := request(http.MethodGet, "/")
			if i%2 == 1 {
				r.Header["Range"] = []string{"bytes=0-"}
			}
			if i > 3 {
				r.Header["Cache-Control"] = []string{"no-cache"}
			}
			r.Header[asked] = []string{asks}
			got := s.send(r)
			if got.StatusCode == http.StatusOK && got.body != "x" {
				t.Fatalf("body %q", got.body)
			}
		}
	})
}
