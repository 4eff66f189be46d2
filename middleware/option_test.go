package middleware_test

import (
	"io"
	"net/http"
	"runtime/debug"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/go-chi/chi/v5"
	"github.com/stretchr/testify/require"

	"github.com/cachewright/cachewright/coherence"
	"github.com/cachewright/cachewright/middleware"
)

func TestLine09CookiesCanBeStripped(t *testing.T) {
	t.Parallel()
	e := newEngine(t)
	s := behind(func(w http.ResponseWriter, r *http.Request) {
		set(w.Header(), "Set-Cookie: visit=1", "X-Page: yes")
		tracked("x")(w, r)
	}, middleware.Shared(e, middleware.StripSetCookie()))
	r := s.get("/")
	requireStored(t, r)
	require.Equal(t, "visit=1", r.Header.Get("Set-Cookie"), "the one whose handler ran gets it")
	r = s.get("/")
	requireHit(t, r)
	require.Empty(t, r.Header.Values("Set-Cookie"))
	require.Equal(t, "yes", r.Header.Get("X-Page"))
	session := func(next http.Handler) http.Handler {
		return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			w.Header().Add("Set-Cookie", "session="+r.Header.Get("User-Agent"))
			next.ServeHTTP(w, r)
		})
	}
	outer := behind(tracked("x"), session, middleware.Shared(e, middleware.StripSetCookie()))
	require.Equal(t, "session=a", outer.get("/", "User-Agent: a").Header.Get("Set-Cookie"))
	r = outer.get("/", "User-Agent: b")
	requireHit(t, r)
	require.Equal(t, []string{"session=b"}, r.Header.Values("Set-Cookie"))
}

func TestLine20ParametersCanBeLeftOutOfTheKeyAndTheHandlerSeesThem(t *testing.T) {
	t.Parallel()
	e := newEngine(t)
	echo := func(w http.ResponseWriter, r *http.Request) {
		coherence.Depend(r.Context(), product)
		_, _ = io.WriteString(w, r.URL.RawQuery)
	}
	ignoring := behind(echo, middleware.Shared(e, middleware.IgnoreParameters("utm_*", "fb clid")))
	r := ignoring.get("/?b=2&utm_source=x&a=1")
	requireStored(t, r)
	require.Equal(t, "b=2&utm_source=x&a=1", r.body)
	for _, same := range []string{"/?b=2&a=1", "/?b=2&a=1&utm_medium=y", "/?%75tm_x=1&b=2&a=1", "/?b=2&a=1&fb+clid=1"} {
		requireHit(t, ignoring.get(same))
	}
	for _, other := range []string{"/?a=1&b=2", "/?b=2", "/", "/?b=2&a=1&c", "/?b=2&a=1&utn_x=1"} {
		requireMiss(t, ignoring.get(other))
	}
	only := behind(echo, middleware.Shared(e, middleware.OnlyParameters("page")))
	requireStored(t, only.get("/?page=1&x=2"))
	requireHit(t, only.get("/?y=3&page=1"))
	requireMiss(t, only.get("/?page=2"))
	requireStored(t, only.get("/?z"))
	requireHit(t, only.get("/"))

	// What makes the page stale goes by the reduced URL, too.
	for _, path := range []string{"/", "/?utm_source=y"} {
		s := behind(echo, middleware.Shared(e, middleware.IgnoreParameters("utm_*")))
		requireStored(t, s.get("/?utm_source=x"))
		s.send(request(http.MethodPost, path))
		requireMiss(t, s.get("/"))
	}
	s := behind(echo, middleware.Shared(e, middleware.IgnoreParameters("utm_*")))
	requireStored(t, s.get("http://shop.example/?utm_source=x"))
	require.NoError(t, e.Invalidate(t.Context(), coherence.URLTag("http://shop.example/")))
	requireMiss(t, s.get("http://shop.example/"))
}

func TestLine24AcceptFieldsCanBeMadeOne(t *testing.T) {
	t.Parallel()
	e := newEngine(t)
	page := saying("x", minute, "Vary: Accept-Language, Accept-Encoding")
	s := behind(page, middleware.Shared(e, middleware.Negotiate()))
	requireStored(t, s.get("/", "Accept-Language: en, de;q=0.5", "Accept-Encoding: gzip, br"))
	for _, same := range [][]string{
		{"Accept-Language: EN,DE;q=0.5", "Accept-Encoding: br,gzip"},
		{"Accept-Language:  de;q=0.50 ,en", "Accept-Encoding: GZIP;q=0.9, br , identity;q=0"},
	} {
		requireHit(t, s.get("/", same...))
	}
	for _, other := range [][]string{
		{"Accept-Language: de, en;q=0.5", "Accept-Encoding: gzip, br"},
		{"Accept-Language: en", "Accept-Encoding: gzip, br"},
		{"Accept-Language: en, de;q=0.5", "Accept-Encoding: gzip"},
		{"Accept-Language: en, de;q=0.5"},
	} {
		requireMiss(t, s.get("/", other...))
	}
	order := behind(page, middleware.Shared(e, middleware.Negotiate()))
	requireStored(t, order.get("/", "Accept-Language: en, de"))
	requireHit(t, order.get("/", "Accept-Language: de, en"))
	exact := behind(page, middleware.Shared(e))
	requireStored(t, exact.get("/", "Accept-Language: en, de"))
	requireMiss(t, exact.get("/", "Accept-Language: de, en"))
}

func TestLine45TheOldBytesAreKeptUnderTheSameETag(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		e := newEngine(t)
		body := "first "
		tag := `"v1"`
		s := behind(func(w http.ResponseWriter, _ *http.Request) {
			set(w.Header(), "Cache-Control: max-age=10", "ETag: "+tag)
			_, _ = io.WriteString(w, body)
		}, middleware.Shared(e))
		requireStored(t, s.get("/"))
		body = "second"
		time.Sleep(15 * time.Second)
		r := s.get("/") // the handler does not honour conditions, and says that it is the same
		requireStored(t, r)
		require.Equal(t, "first ", r.body)
		require.Equal(t, "first ", s.get("/").body)
		tag = `W/"v1"` // a weak tag does not say that the bytes are the same
		time.Sleep(15 * time.Second)
		require.Equal(t, "second", s.get("/").body)

		// Nor does any tag where something has changed that the page was made from.
		state := "old"
		rows := behind(func(w http.ResponseWriter, r *http.Request) {
			set(w.Header(), `ETag: "careless"`)
			tracked(state)(w, r)
		}, middleware.Shared(e))
		requireStored(t, rows.get("/"))
		state = "new"
		write(t, e, product)
		require.Equal(t, "new", rows.get("/").body)
		require.Equal(t, "new", rows.get("/").body)
	})
}

func TestLine46AnAnswerToHEADRefreshesTheStoredPageOrEndsIt(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		tag := `"a"`
		s := behind(func(w http.ResponseWriter, r *http.Request) {
			set(w.Header(), "Cache-Control: max-age=10", "ETag: "+tag, "X-Method: "+r.Method)
			_, _ = io.WriteString(w, "x")
		}, middleware.Shared(newEngine(t)))
		requireStored(t, s.get("/"))
		time.Sleep(15 * time.Second)
		r := s.send(request(http.MethodHead, "/"))
		requireRefused(t, r, middleware.ReasonHead)
		time.Sleep(5 * time.Second)
		r = s.get("/")
		requireHit(t, r)
		require.Equal(t, "HEAD", r.Header.Get("X-Method"))
		require.Equal(t, "5", r.Header.Get("Age"))
		time.Sleep(10 * time.Second)
		tag = `"b"`
		s.send(request(http.MethodHead, "/"))
		require.Equal(t, http.StatusGatewayTimeout, s.get("/", "Cache-Control: only-if-cached, max-stale").StatusCode)
	})
}

func TestLine69RangesAreCutFromAStoredPage(t *testing.T) {
	t.Parallel()
	e := newEngine(t)
	s := behind(func(w http.ResponseWriter, r *http.Request) {
		require.Empty(t, r.Header.Get("Range")+r.Header.Get("If-Range"))
		set(w.Header(), "Content-Type: text/plain", `ETag: "v"`, "Last-Modified: Fri, 31 Dec 1999 20:00:00 GMT")
		tracked("0123456789")(w, r)
	}, middleware.Shared(e))
	requireStored(t, s.get("/"))
	r := s.get("/", "Range: bytes=2-4")
	requireHit(t, r)
	require.Equal(t, http.StatusPartialContent, r.StatusCode)
	require.Equal(t, "234", r.body)
	require.Equal(t, "bytes 2-4/10", r.Header.Get("Content-Range"))
	require.Equal(t, "3", r.Header.Get("Content-Length"))
	require.Equal(t, `"v"`, r.Header.Get("Etag"))
	require.NotEmpty(t, r.Header.Get("Age"))
	several := s.get("/", "Range: bytes=0-0,9-9")
	require.Equal(t, http.StatusPartialContent, several.StatusCode)
	require.True(t, strings.HasPrefix(several.Header.Get("Content-Type"), "multipart/byteranges"))
	beyond := s.get("/", "Range: bytes=10-")
	require.Equal(t, http.StatusRequestedRangeNotSatisfiable, beyond.StatusCode)
	require.Equal(t, "bytes */10", beyond.Header.Get("Content-Range"))
	for ask, status := range map[string]int{
		`If-Range: "v"`: 206, `If-Range: "w"`: 200, "If-Range: Fri, 31 Dec 1999 20:00:00 GMT": 206,
		"If-Range: Fri, 31 Dec 1999 19:00:00 GMT": 200, `If-None-Match: "v"`: 304,
	} {
		r := s.get("/", "Range: bytes=0-0", ask)
		requireHit(t, r)
		require.Equal(t, status, r.StatusCode, ask)
	}
	require.EqualValues(t, 1, s.runs.Load())
	require.Equal(t, "0123456789", s.get("/").body)
}

func TestLine83TheKeyIsShownOnRequestOnly(t *testing.T) {
	t.Parallel()
	s := behind(saying("x", minute, "Vary: Accept-Language"), middleware.Shared(newEngine(t), middleware.ShowKey()))
	const want = "http://shop.example/a?b=%22 Accept-Language: en"
	for range 2 {
		require.Equal(t, want, s.get("http://shop.example/a?b=%22", "Accept-Language: en").param(t, "key"))
	}
	plain := behind(saying("x", minute), middleware.Shared(newEngine(t)))
	require.Nil(t, plain.get("/").param(t, "key"))
	require.Nil(t, plain.get("/").param(t, "key"))
}

func TestLine85StatisticsByRouteNameEveryReason(t *testing.T) {
	t.Parallel()
	e := newEngine(t)
	router := chi.NewRouter()
	door := middleware.Shared(e)
	router.With(door).Get("/products/{id}", tracked("violin"))
	router.With(door).Get("/account", saying("x", "Cache-Control: private"))
	router.With(door).Post("/products/{id}", func(http.ResponseWriter, *http.Request) {})
	s := &site{Handler: router}
	for _, path := range []string{"/products/1", "/products/2", "/products/2", "/products/2", "/account", "/account"} {
		s.get(path)
	}
	s.get("/products/3", "Cache-Control: only-if-cached")
	s.send(request(http.MethodPost, "/products/9"))
	stats := middleware.Stats(e)
	products, account := stats["/products/{id}"], stats["/account"]
	require.EqualValues(t, 2, products.Hits)
	require.EqualValues(t, 2, products.Misses)
	require.EqualValues(t, 2, products.Stored)
	require.EqualValues(t, 1, products.Bypassed)
	require.EqualValues(t, 1, products.Refused)
	require.EqualValues(t, 24, products.Bytes)
	require.Positive(t, products.Fill)
	require.Equal(t, map[middleware.Reason]uint64{middleware.ReasonMethod: 1, middleware.ReasonOnlyIfCached: 1}, products.Reasons)
	require.EqualValues(t, 2, account.Misses)
	require.Equal(t, map[middleware.Reason]uint64{middleware.ReasonPrivate: 2}, account.Reasons)
	require.Nil(t, middleware.Stats(nil))
}

func TestPagesOfAnotherVersionAreMisses(t *testing.T) {
	t.Parallel()
	e := newEngine(t)
	door := func(version string) *site {
		return behind(tracked(version), middleware.Shared(e, middleware.Space("shop"), middleware.WithVersion(version)))
	}
	first, second, again := door("1"), door("2"), door("1")
	requireStored(t, first.get("/"))
	requireStored(t, second.get("/"))
	r := again.get("/")
	requireHit(t, r)
	require.Equal(t, "1", r.body)

	clean := &debug.BuildInfo{Settings: []debug.BuildSetting{{Key: "vcs.revision", Value: "abc"}, {Key: "vcs.modified", Value: "false"}}}
	require.Equal(t, "abc", middleware.RevisionOf(clean))
	clean.Settings[1].Value = "true"
	require.Empty(t, middleware.RevisionOf(clean), "what was built is not what was committed")
	require.Empty(t, middleware.RevisionOf(&debug.BuildInfo{}))
}

func TestBadOptionsOfFreshnessAndKeysPanic(t *testing.T) {
	t.Parallel()
	e := newEngine(t)
	for want, opts := range map[string][]middleware.Option{
		"StaleWhileRevalidate(0s)": {middleware.StaleWhileRevalidate(0)},
		"StaleIfError(-1s)":        {middleware.StaleIfError(-time.Second)},
		"Jitter(1)":                {middleware.Jitter(1)},
		"WithVersion needs":        {middleware.WithVersion("")},
		"a parameter needs a name": {middleware.IgnoreParameters("")},
		"exclude each other":       {middleware.IgnoreParameters("a"), middleware.OnlyParameters("b")},
	} {
		func() {
			defer func() { require.Contains(t, recover(), want) }()
			middleware.Shared(e, opts...)
		}()
	}
}
