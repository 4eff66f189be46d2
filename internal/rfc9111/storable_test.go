package rfc9111_test

import (
	"net/http"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/cachewright/cachewright/internal/rfc9111"
)

// candidate is a GET answered with 200 and the given header lines, name and
// value in turn.
func candidate(lines ...string) rfc9111.Candidate {
	h := header(lines...)
	return rfc9111.Candidate{
		Method: http.MethodGet, Status: http.StatusOK, Header: h, Response: rfc9111.ParseResponse(h, true),
	}
}

// header builds a header map from names and values in turn.
func header(lines ...string) http.Header {
	h := http.Header{}
	for i := 0; i < len(lines); i += 2 {
		h.Add(lines[i], lines[i+1])
	}
	return h
}

func TestLine1StoredOnlyWhenNothingForbidsIt(t *testing.T) {
	t.Parallel()
	const fresh = "max-age=60"
	for _, c := range []struct {
		name   string
		c      rfc9111.Candidate
		change func(*rfc9111.Candidate)
		want   rfc9111.Reason
	}{
		{"explicit max-age", candidate("Cache-Control", fresh), nil, ""},
		{"explicit s-maxage", candidate("Cache-Control", "s-maxage=1"), nil, ""},
		{"explicit Expires", candidate("Expires", "Sun, 06 Nov 1994 08:49:37 GMT"), nil, ""},
		{"targeted max-age", candidate("CDN-Cache-Control", fresh, "Cache-Control", "no-store"), nil, ""},
		{"Expires does not count beside a targeted field", candidate("CDN-Cache-Control", "public", "Expires", "Sun, 06 Nov 1994 08:49:37 GMT"), nil, rfc9111.ReasonNoFreshness},
		{"HEAD", candidate("Cache-Control", fresh), func(c *rfc9111.Candidate) { c.Method = "HEAD" }, ""},
		{"POST", candidate("Cache-Control", fresh), func(c *rfc9111.Candidate) { c.Method = "POST" }, rfc9111.ReasonMethod},
		{"lower-case method is another method", candidate("Cache-Control", fresh), func(c *rfc9111.Candidate) { c.Method = "get" }, rfc9111.ReasonMethod},
		{"no-store in the request", candidate("Cache-Control", fresh), func(c *rfc9111.Candidate) { c.Request.NoStore = true }, rfc9111.ReasonNoStoreRequest},
		{"no-store in the response", candidate("Cache-Control", "no-store, "+fresh), nil, rfc9111.ReasonNoStore},
		{"private, shared cache", candidate("Cache-Control", "private, "+fresh), nil, rfc9111.ReasonPrivate},
		{"private with fields, shared cache", candidate("Cache-Control", `private="x", `+fresh), nil, rfc9111.ReasonPrivate},
		{"private beside public", candidate("Cache-Control", "public, private, "+fresh), nil, rfc9111.ReasonPrivate},
		{"private, private cache", candidate("Cache-Control", "private, "+fresh), func(c *rfc9111.Candidate) { c.Kind = rfc9111.PrivateCache }, ""},
		{"s-maxage is no freshness for a private cache", candidate("Cache-Control", "s-maxage=60"), func(c *rfc9111.Candidate) { c.Kind = rfc9111.PrivateCache }, rfc9111.ReasonNoFreshness},
		{"nothing", candidate(), nil, rfc9111.ReasonNoFreshness},
		{"public alone", candidate("Cache-Control", "public"), nil, rfc9111.ReasonNoFreshness},
		{"Vary with a star", candidate("Cache-Control", fresh, "Vary", "Accept", "Vary", "Origin, *"), nil, rfc9111.ReasonVaryStar},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			if c.change != nil {
				c.change(&c.c)
			}
			require.Equal(t, c.want, c.c.Refusal())
		})
	}
}

func TestLine2AnyFinalStatusIsStoredWithExplicitFreshness(t *testing.T) {
	t.Parallel()
	for _, status := range []int{200, 201, 203, 204, 299, 301, 302, 303, 307, 308, 400, 401, 403, 404, 410, 418, 499, 500, 503, 599} {
		c := candidate("Cache-Control", "max-age=60")
		c.Status = status
		require.Empty(t, c.Refusal(), "status %d", status)
	}
	for _, status := range []int{428, 429, 431, 511} {
		c := candidate("Cache-Control", "max-age=60")
		c.Status = status
		require.Equal(t, rfc9111.ReasonStatus, c.Refusal(), "RFC 6585 forbids storing %d", status)
	}
}

func TestLine2MustUnderstandWantsAKnownStatusAndThenOverridesNoStore(t *testing.T) {
	t.Parallel()
	c := candidate("Cache-Control", "must-understand, no-store, max-age=60")
	require.Empty(t, c.Refusal())
	for _, status := range []int{299, 306, 418, 499, 599} {
		c.Status = status
		require.Equal(t, rfc9111.ReasonStatus, c.Refusal(), "status %d", status)
		require.False(t, rfc9111.UnderstoodStatus(status))
	}
	c.Status = 404
	require.Empty(t, c.Refusal())
}

func TestLine3AuthorizationNeedsPermission(t *testing.T) {
	t.Parallel()
	for line, want := range map[string]rfc9111.Reason{
		"max-age=60":                       rfc9111.ReasonAuthorization,
		"max-age=60, proxy-revalidate":     rfc9111.ReasonAuthorization,
		"max-age=60, public":               "",
		"s-maxage=60":                      "",
		"max-age=60, must-revalidate":      "",
		"max-age=60, must-revalidate=x":    rfc9111.ReasonAuthorization,
		`a="b, max-age=60, public`:         rfc9111.ReasonAuthorization,
		"max-age=60, public, private":      rfc9111.ReasonPrivate,
		"max-age=60, no-cache, no-store":   rfc9111.ReasonNoStore,
		"must-understand, max-age=60":      rfc9111.ReasonAuthorization,
		"public, max-age=60, no-transform": "",
	} {
		c := candidate("Cache-Control", line)
		c.Authorized = true
		require.Equal(t, want, c.Refusal(), line)
		require.Equal(t, want == "" || want == rfc9111.ReasonPrivate, c.Response.Shareable(), line)
	}
	c := candidate("Cache-Control", "max-age=60")
	c.Authorized, c.Kind = true, rfc9111.PrivateCache
	require.Empty(t, c.Refusal())
}

func TestLine9SetCookieIsNotStoredUnlessTheCacheDropsIt(t *testing.T) {
	t.Parallel()
	c := candidate("Cache-Control", "public, max-age=60", "Set-Cookie", "a=b")
	require.Equal(t, rfc9111.ReasonSetCookie, c.Refusal())
	c.DropsCookies = true
	require.Empty(t, c.Refusal())
}

func TestLine10NonceIsGoodForOneResponse(t *testing.T) {
	t.Parallel()
	for policy, want := range map[string]rfc9111.Reason{
		"default-src 'self'; script-src 'nonce-abc'": rfc9111.ReasonNonce,
		"script-src 'NONCE-abc'":                     rfc9111.ReasonNonce,
		"script-src 'self' 'unsafe-inline'":          "",
		"script-src nonce-abc '":                     "",
	} {
		require.Equal(t, want, candidate("Cache-Control", "max-age=1", "Content-Security-Policy", policy).Refusal(), policy)
		require.Equal(t, want, candidate("Cache-Control", "max-age=1", "Content-Security-Policy-Report-Only", policy).Refusal(), policy)
	}
}

func TestLine13AndLine76WithoutExplicitFreshnessOnlySomeStatuses(t *testing.T) {
	t.Parallel()
	for status, want := range map[int]rfc9111.Reason{
		200: "", 204: "", 301: "", 308: "", 404: "", 410: "",
		201: rfc9111.ReasonStatus, 203: rfc9111.ReasonStatus, 302: rfc9111.ReasonStatus, 401: rfc9111.ReasonStatus,
		403: rfc9111.ReasonStatus, 429: rfc9111.ReasonStatus, 500: rfc9111.ReasonStatus, 503: rfc9111.ReasonStatus,
	} {
		c := candidate()
		c.Status, c.Assigned = status, true
		require.Equal(t, want, c.Refusal(), "status %d", status)
	}
	for line, want := range map[string]rfc9111.Reason{
		"no-store": rfc9111.ReasonNoStore, "private": rfc9111.ReasonPrivate, "no-cache": "",
	} {
		c := candidate("Cache-Control", line)
		c.Assigned = true
		require.Equal(t, want, c.Refusal(), "an assigned lifetime does not override %s", line)
	}
	c := candidate()
	c.Assigned, c.Authorized = true, true
	require.Equal(t, rfc9111.ReasonAuthorization, c.Refusal())
}

func TestLine34HeuristicFreshnessIsForHeuristicStatusesOrPublic(t *testing.T) {
	t.Parallel()
	for status, want := range map[int]rfc9111.Reason{
		200: "", 203: "", 204: "", 300: "", 301: "", 308: "", 404: "", 405: "", 410: "", 414: "", 501: "",
		201: rfc9111.ReasonNoFreshness, 302: rfc9111.ReasonNoFreshness, 500: rfc9111.ReasonNoFreshness,
	} {
		c := candidate()
		c.Status, c.Heuristic = status, true
		require.Equal(t, want, c.Refusal(), "status %d", status)
	}
	c := candidate("Cache-Control", "public")
	c.Status, c.Heuristic = 302, true
	require.Empty(t, c.Refusal())
}

func TestLine14AndLine15PartsAndInterimAnswersAreNotStored(t *testing.T) {
	t.Parallel()
	for status, want := range map[int]rfc9111.Reason{
		206: rfc9111.ReasonPartial, 304: rfc9111.ReasonStatus, 100: rfc9111.ReasonStatus, 101: rfc9111.ReasonStatus,
		103: rfc9111.ReasonStatus, 0: rfc9111.ReasonStatus, -1: rfc9111.ReasonStatus, 1000: rfc9111.ReasonStatus,
	} {
		c := candidate("Cache-Control", "public, max-age=60")
		c.Status = status
		require.Equal(t, want, c.Refusal(), "status %d", status)
	}
	require.Equal(t, rfc9111.ReasonPartial, candidate("Cache-Control", "max-age=60", "Content-Range", "bytes 0-1/2").Refusal())
}

func TestLine16TrailersAreNotStored(t *testing.T) {
	t.Parallel()
	require.Equal(t, rfc9111.ReasonTrailer, candidate("Cache-Control", "max-age=60", "Trailer", "X-Sum").Refusal())
	c := candidate("Cache-Control", "max-age=60")
	c.Header[http.TrailerPrefix+"X-Sum"] = []string{"1"}
	require.Equal(t, rfc9111.ReasonTrailer, c.Refusal())
}

func TestLine75OneOriginAllowedNeedsVaryOrigin(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		allow, vary string
		want        rfc9111.Reason
	}{
		{"*", "", ""},
		{"https://a.example", "", rfc9111.ReasonCORS},
		{"https://a.example", "Accept", rfc9111.ReasonCORS},
		{"https://a.example", "accept, origin", ""},
		{"null", "", rfc9111.ReasonCORS},
	} {
		candidate := candidate("Cache-Control", "max-age=60", "Access-Control-Allow-Origin", c.allow, "Vary", c.vary)
		require.Equal(t, c.want, candidate.Refusal(), "%+v", c)
		candidate.Kind = rfc9111.PrivateCache
		require.Empty(t, candidate.Refusal(), "%+v", c)
	}
	outer := candidate("Cache-Control", "max-age=60", "Access-Control-Allow-Origin", "https://a.example")
	outer.Own = http.Header{}
	require.Empty(t, outer.Refusal(), "what an outer middleware set is not stored and does not count")
}

func TestLine8HopByHopFieldsAreNotStored(t *testing.T) {
	t.Parallel()
	h := header(
		"Connection", "X-Private, close", "Connection", "x-other", "Keep-Alive", "1", "Proxy-Connection", "1",
		"Proxy-Authenticate", "Basic", "Proxy-Authentication-Info", "x", "Proxy-Authorization", "x", "TE", "trailers",
		"Trailer", "X-Sum", "Transfer-Encoding", "chunked", "Upgrade", "h2c", "X-Private", "1", "X-Other", "2",
		"Set-Cookie", "a=b", "Set-Cookie2", "a=b", "X-Kept", "1", "X-Kept", "2", "Etag", `"a"`,
	)
	h[http.TrailerPrefix+"X-Sum"] = []string{"1"}
	h["content-type"] = []string{"text/html"}
	h["Date"] = nil
	stored := rfc9111.StorableHeader(h)
	require.Equal(t, http.Header{"X-Kept": {"1", "2"}, "Etag": {`"a"`}, "Content-Type": {"text/html"}, "Date": {}}, stored)

	h["X-Kept"][0] = "changed"
	require.Equal(t, "1", stored.Get("X-Kept"), "the copy is deep")
	stored["Etag"] = append(stored["Etag"], "x")
	stored["X-Kept"] = append(stored["X-Kept"], "y")
	stored["Content-Type"] = append(stored["Content-Type"], "z")
	require.Equal(t, http.Header{"X-Kept": {"1", "2", "y"}, "Etag": {`"a"`, "x"}, "Content-Type": {"text/html", "z"}, "Date": {}}, stored,
		"appending to one field leaves the others alone")
}

func TestCanonicalRepairsNamesWrittenByHand(t *testing.T) {
	t.Parallel()
	h := http.Header{"ETag": {`"a"`}, "Set-Cookie": {"a=b"}, "set-cookie": {"c=d"}}
	canonical := rfc9111.Canonical(h)
	require.Equal(t, []string{`"a"`}, canonical["Etag"])
	require.ElementsMatch(t, []string{"a=b", "c=d"}, canonical["Set-Cookie"])
	require.Len(t, h, 3, "the argument is not changed")

	plain := http.Header{"Etag": {`"a"`}}
	rfc9111.Canonical(plain)["X-Same-Map"] = nil
	require.Contains(t, plain, "X-Same-Map")
}

func TestLine81ControlCharactersAreNoHeaderText(t *testing.T) {
	t.Parallel()
	for value, want := range map[string]bool{
		"": true, "text/html; charset=utf-8": true, "a\tb": true, "caf\xe9": true,
		"a\r\nSet-Cookie: x": false, "a\nb": false, "a\x00": false, "\x7f": false,
	} {
		require.Equal(t, want, rfc9111.ValidValue(value), "%q", value)
	}
	for name, want := range map[string]bool{
		"X-Ok": true, "!#$%&'*+-.^_`|~09azAZ": true, "": false, "a b": false, "a:": false, "a\n": false, "é": false, "\x00": false,
	} {
		require.Equal(t, want, rfc9111.ValidName(name), "%q", name)
	}
}
