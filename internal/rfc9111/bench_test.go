package rfc9111_test

import (
	"net/http"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/cachewright/cachewright/internal/rfc9111"
)

// hot are the functions that run for each request, with the allocations they
// may make.
func hot() []struct {
	name   string
	allocs float64
	run    func()
} {
	response := header("Cache-Control", `public, max-age=3600, s-maxage=7200, stale-while-revalidate=60`, "Expires", at(time.Hour), "Date", at(0))
	quoted := []string{`private="x-user, x-role", max-age="60"`}
	reload := header("Cache-Control", "max-age=0, no-cache")
	pragma := header("Pragma", "no-cache")
	conditional := header("If-None-Match", `W/"0123456789abcdef", "a,b", "fedcba9876543210"`)
	since := header("If-Modified-Since", at(0))
	stored := header("ETag", `"fedcba9876543210"`, "Last-Modified", at(0))
	request := header("Accept-Encoding", "gzip, br", "Accept-Language", "de", "Accept-Language", "en")
	vary := []string{"Accept-Encoding", "Accept-Language", "Origin"}
	key := make([]byte, 0, 256)
	status := make([]byte, 0, 256)
	fresh := rfc9111.Entry{Age: time.Second, Lifetime: time.Minute}
	return []struct {
		name   string
		allocs float64
		run    func()
	}{
		{"ParseResponse", 0, func() { rfc9111.ParseResponse(response, true) }},
		{"ParseQuoted", 0, func() { rfc9111.ParseCacheControl(quoted) }},
		{"ParseRequest", 0, func() { rfc9111.ParseRequest(reload) }},
		{"ParsePragma", 0, func() { rfc9111.ParseRequest(pragma) }},
		{"Lifetime", 0, func() { rfc9111.ResponseDirectives{}.Lifetime(response, noon, rfc9111.SharedCache) }},
		{"MatchETag", 0, func() { rfc9111.NotModified(http.MethodGet, conditional, 200, stored, noon) }},
		{"ModifiedSince", 0, func() { rfc9111.NotModified(http.MethodGet, since, 200, stored, noon) }},
		{"Decide", 0, func() { rfc9111.RequestDirectives{}.Decide(fresh) }},
		{"AppendVariantKey", 0, func() { key = rfc9111.AppendVariantKey(key[:0], vary, request) }},
		{"ParseDate", 0, func() { rfc9111.ParseDate("Sun, 06 Nov 1994 08:49:37 GMT", noon) }},
		{"CacheStatusAppend", 0, func() {
			status = rfc9111.CacheStatus{Cache: "cachewright", TTL: time.Minute, HasTTL: true}.Append(status[:0])
		}},
		{"CacheStatusString", 2, func() { _ = rfc9111.CacheStatus{Cache: "cachewright", TTL: time.Minute, HasTTL: true}.String() }},
		{"StorableHeader", 4, func() { rfc9111.StorableHeader(response) }},
	}
}

func TestHotFunctionsKeepTheirAllocations(t *testing.T) { //nolint:paralleltest // AllocsPerRun counts for the whole process
	for _, h := range hot() {
		require.LessOrEqual(t, testing.AllocsPerRun(100, h.run), h.allocs, h.name)
	}
}

func BenchmarkHot(b *testing.B) {
	for _, h := range hot() {
		b.Run(h.name, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				h.run()
			}
		})
	}
}
