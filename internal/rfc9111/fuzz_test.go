package rfc9111_test

import (
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/dunglas/httpsfv"
	"github.com/stretchr/testify/require"

	"github.com/cachewright/cachewright/internal/rfc9111"
)

func FuzzLine79CacheControl(f *testing.F) {
	for _, seed := range []string{
		"", ",", "max-age=60", `private="a, b", no-cache`, `x="`, `x="\`, "max-age", "=", `="`, "max-stale, min-fresh=1",
		"no-store; public", "max-age=99999999999999999999", "\x00\xff", `a="b"c, d`, "s-maxage =5",
	} {
		f.Add(seed, "public")
	}
	f.Fuzz(func(t *testing.T, first, second string) {
		d := rfc9111.ParseCacheControl([]string{first, second})
		for _, delta := range []rfc9111.Delta{d.MaxAge, d.SMaxAge, d.StaleIfError, d.StaleWhileRevalidate} {
			require.GreaterOrEqual(t, delta.Duration, time.Duration(0))
			require.LessOrEqual(t, delta.Duration, saturated)
			require.True(t, delta.Set || delta.Duration == 0)
		}
		// The order of lines carries no meaning.
		require.Equal(t, d, rfc9111.ParseCacheControl([]string{second, first}))
		// A restriction of one line cannot be undone by another.
		alone := rfc9111.ParseCacheControl([]string{first})
		require.False(t, alone.NoStore && !d.NoStore)
		require.False(t, alone.Private && !d.Private)
		require.False(t, alone.NoCache && !d.NoCache)
		rfc9111.ParseRequest(http.Header{"Cache-Control": {first, second}})
		rfc9111.ParseRequest(http.Header{"Pragma": {first, second}})
	})
}

func FuzzLine79Targeted(f *testing.F) {
	for _, seed := range []string{"", "max-age=60", "no-store", `private="x"`, "max-age=(1 2)", "a;b", "max-age=1.0", "x=:AA==:", "@1"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, line string) {
		d, ok := rfc9111.ParseTargeted([]string{line})
		require.Equal(t, ok, d.Targeted)
		if !ok {
			require.Zero(t, d)
		}
	})
}

func FuzzLine79Dates(f *testing.F) {
	for _, seed := range []string{
		"Sun, 06 Nov 1994 08:49:37 GMT", "Sunday, 06-Nov-94 08:49:37 GMT", "Sun Nov  6 08:49:37 1994", "0", "", ",", "Sun,", "Sunday,",
		"Sun, 29 Feb 2000 23:59:60 GMT", "Monday, 29-Feb-00 00:00:00 gmt",
	} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, value string) {
		got, ok := rfc9111.ParseDate(value, noon)
		if !ok {
			require.True(t, got.IsZero())
			return
		}
		again, ok := rfc9111.ParseDate(rfc9111.FormatDate(got), noon)
		if got.Year() >= 0 && got.Year() <= 9999 {
			require.True(t, ok)
			require.Equal(t, got, again)
		}
		// net/http reads the same, but for leap seconds, letter case and
		// the century of two-digit years.
		spelled := strings.Trim(value, " \t")
		spelled = spelled[:max(0, len(spelled)-3)] + strings.Replace(strings.ToLower(spelled[max(0, len(spelled)-3):]), "gmt", "GMT", 1)
		if theirs, err := http.ParseTime(spelled); err == nil && strings.IndexByte(spelled, ',') <= 3 {
			require.True(t, theirs.Equal(got), "%q: %s, not %s", value, theirs, got)
		}
	})
}

func FuzzLine79ETags(f *testing.F) {
	for _, seed := range []string{"", "*", `"a"`, `W/"a", "b"`, `"a,b"`, `"`, "W/", `W/"`, "a,b,,", `"a" "b"`, " , "} {
		f.Add(seed, `"a"`)
	}
	f.Fuzz(func(t *testing.T, line, etag string) {
		rfc9111.MatchETag([]string{line}, etag)
		if strings.Trim(strings.TrimPrefix(strings.Trim(etag, " \t"), "W/"), " \t") == "" {
			return
		}
		require.True(t, rfc9111.MatchETag([]string{etag}, etag), "a tag matches itself")
		if quoted := `"` + strings.ReplaceAll(etag, `"`, "") + `"`; !strings.Contains(line, `"`) && line != "" {
			require.True(t, rfc9111.MatchETag([]string{line + "," + quoted}, quoted), "the last of a list matches")
		}
	})
}

func FuzzLine79Vary(f *testing.F) {
	f.Add("Accept, Cookie", "a", "b")
	f.Add("*", "", "")
	f.Add("A,,b;", "\xff", ", ")
	f.Fuzz(func(t *testing.T, vary, one, two string) {
		names, star := rfc9111.ParseVary([]string{vary})
		if star {
			require.Nil(t, names)
			return
		}
		merged, mergedStar := rfc9111.ParseVary(rfc9111.MergeVary([]string{one}, []string{vary}))
		if !mergedStar {
			require.Subset(t, merged, names)
		}
		request := http.Header{}
		for i, name := range names {
			request[name] = []string{one, two}[:1+i%2]
		}
		key := rfc9111.AppendVariantKey(nil, names, request)
		values, rest := readVariantKey(t, key)
		require.Empty(t, rest)
		require.Len(t, values, len(names))
		require.Equal(t, string(key), rfc9111.VariantKey(names, request))
	})
}

func FuzzLine79Headers(f *testing.F) {
	f.Add("/x", "Connection", "close, Etag", "Sun, 06 Nov 1994 08:49:37 GMT")
	f.Add("//\x00", "Location", "::", "-1")
	f.Fuzz(func(t *testing.T, location, name, value, date string) {
		h := http.Header{
			"Location": {location}, "Content-Location": {value}, "Date": {date}, "Expires": {date}, "Age": {value},
			"Last-Modified": {date}, "Etag": {value}, "Vary": {value}, "Content-Security-Policy": {value},
			"Access-Control-Allow-Origin": {value}, "Connection": {value},
		}
		h[name] = append(h[name], value)
		stored := rfc9111.StorableHeader(h)
		require.NotContains(t, stored, "Connection")
		require.NotContains(t, stored, "Set-Cookie")

		d := rfc9111.ParseResponse(stored, true)
		for _, kind := range []rfc9111.Kind{rfc9111.SharedCache, rfc9111.PrivateCache} {
			lifetime, _ := d.Lifetime(h, noon, kind)
			require.GreaterOrEqual(t, lifetime, time.Duration(0))
		}
		lifetime, _ := d.HeuristicLifetime(h, 200, noon)
		require.GreaterOrEqual(t, lifetime, time.Duration(0))
		require.GreaterOrEqual(t, rfc9111.InitialAge(h, noon, noon), time.Duration(0))
		rfc9111.Candidate{Method: "GET", Status: 200, Header: h, Response: d}.Refusal()
		rfc9111.NotModified("GET", http.Header{"If-Modified-Since": {date}}, 200, h, noon)
		rfc9111.Freshens(h, stored)
		rfc9111.HeadConfirms(h, stored)
		rfc9111.Freshen(h, h)

		target := &url.URL{Scheme: "https", Host: "a.example", Path: "/"}
		for _, u := range rfc9111.InvalidationTargets(target, h) {
			require.True(t, rfc9111.SameOrigin(target, u))
		}
	})
}

func FuzzLine82CacheStatusIsAsTheStructuredFieldsLibraryWritesIt(f *testing.F) {
	f.Add("cachewright", "uri-miss", 200, 60, "GET /", "no-store", true)
	f.Add("", "", 0, -1, "", "a b", false)
	f.Add("*:/", "\"\\", -5, 0, "é", "\x00", true)
	f.Fuzz(func(t *testing.T, cache, fwd string, status, ttl int, key, detail string, flag bool) {
		s := rfc9111.CacheStatus{
			Cache: cache, Fwd: rfc9111.Fwd(fwd), FwdStatus: status % 1000, Stored: flag, Collapsed: !flag,
			TTL: time.Duration(ttl%1e9) * time.Second, HasTTL: flag, Key: key, Detail: detail,
		}
		require.Equal(t, structured(t, s), s.String())

		h := http.Header{"Cache-Status": {detail}}
		s.AddTo(h)
		_, err := httpsfv.UnmarshalList(h["Cache-Status"])
		require.NoError(t, err)
	})
}
