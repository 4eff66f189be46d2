package middleware_test

import (
	"bytes"
	"context"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"runtime"
	"strconv"
	"testing"

	"github.com/go-chi/chi/v5"
	"github.com/stretchr/testify/require"

	"github.com/cachewright/cachewright/coherence"
	"github.com/cachewright/cachewright/middleware"
)

func TestLine82CacheStatusIsAppendedAndAlwaysThere(t *testing.T) {
	t.Parallel()
	s := behind(saying("x", minute, "Cache-Status: upstream;hit"), middleware.Shared(newEngine(t)))
	for _, hit := range []bool{false, true} {
		r := s.get("/")
		require.Equal(t, hit, r.hit(t))
		require.Len(t, r.Header.Values("Cache-Status"), 2)
		require.Equal(t, "upstream;hit", r.Header.Values("Cache-Status")[0])
	}
	broken := behind(saying("x", minute, "Cache-Status: ;;"), middleware.Shared(newEngine(t)))
	for range 2 {
		require.Len(t, broken.get("/").Header.Values("Cache-Status"), 1, "a line that is no Structured Field would spoil ours")
	}
	post := s.send(request(http.MethodPost, "/"))
	require.EqualValues(t, "method", post.param(t, "fwd"))
	require.EqualValues(t, 200, post.param(t, "fwd-status"))
	first := s.get("/new")
	require.EqualValues(t, "uri-miss", first.param(t, "fwd"))
	require.Equal(t, true, first.param(t, "stored"))
	silent := behind(func(http.ResponseWriter, *http.Request) {}, middleware.Shared(newEngine(t)))
	for _, method := range []string{"GET", "HEAD", "POST"} {
		require.NotNil(t, silent.send(request(method, "/")).param(t, "fwd"))
	}
	named := behind(saying("x"), middleware.Shared(newEngine(t), middleware.StatusName("edge 1")))
	require.Contains(t, named.get("/").Header.Get("Cache-Status"), `"edge 1";fwd=`)
}

func TestLine83KeysAndTagsAreNotShown(t *testing.T) {
	t.Parallel()
	s := behind(tracked("x"), middleware.Shared(newEngine(t)))
	s.get("/secret")
	r := s.get("/secret")
	require.Equal(t, []string{"Cachewright;hit"}, r.Header.Values("Cache-Status"))
	require.Len(t, r.Header, 7, "%v", r.Header) // Age, Cache-Control, Cache-Status, Content-Length, Content-Type, Date, Etag
}

func TestLine84TheRecorderIsToldOfEveryRequest(t *testing.T) {
	t.Parallel()
	var events []middleware.Event
	router := chi.NewRouter()
	door := middleware.Shared(newEngine(t), middleware.WithRecorder(func(e middleware.Event) {
		e.Fill, e.Context = 0, nil
		events = append(events, e)
	}))
	router.With(door).Get("/products/{id}", func(w http.ResponseWriter, r *http.Request) {
		if chi.URLParam(r, "id") == "2" {
			w.Header().Set("Set-Cookie", "a=b")
		}
		tracked("violin")(w, r)
	})
	s := &site{Handler: router}
	etag := s.get("/products/1").Header.Get("Etag")
	s.get("/products/1")
	s.get("/products/1", "If-None-Match: "+etag)
	s.get("/products/2")
	s.get("/products/1", "Range: bytes=0-1")
	s.get("/products/3", "Cache-Control: only-if-cached")
	const route, get = "/products/{id}", "GET"
	deps := events[0].Dependencies
	require.GreaterOrEqual(t, deps, 4, "everything, the row, its table, the URL")
	require.Equal(t, []middleware.Event{
		{Outcome: middleware.Miss, Route: route, Method: get, Status: 200, Bytes: 6, Stored: true, Dependencies: deps},
		{Outcome: middleware.Hit, Route: route, Method: get, Status: 200, Bytes: 6, Age: events[1].Age, Dependencies: deps},
		{Outcome: middleware.Hit, Route: route, Method: get, Status: 304, Age: events[2].Age, Dependencies: deps},
		{Outcome: middleware.Miss, Reason: middleware.ReasonSetCookie, Route: route, Method: get, Status: 200, Bytes: 6},
		{Outcome: middleware.Hit, Route: route, Method: get, Status: 206, Bytes: 2, Age: events[4].Age, Dependencies: deps},
		{Outcome: middleware.Refused, Reason: middleware.ReasonOnlyIfCached, Route: route, Method: get, Status: 504},
	}, events)
}

func TestLine85InDevelopmentARefusalIsLoggedWithItsLine(t *testing.T) {
	t.Parallel()
	var log bytes.Buffer
	e := newEngine(t, coherence.WithLogger(slog.New(slog.NewTextHandler(&log, nil))))
	line := 0
	mux := http.NewServeMux()
	mux.Handle("GET /raw/{id}", behind(func(w http.ResponseWriter, r *http.Request) {
		_, _, line, _ = runtime.Caller(0)
		coherence.Untracked(r.Context())
		_, _ = w.Write([]byte("x"))
	}, middleware.Shared(e, middleware.Development())))
	s := &site{Handler: mux}
	requireRefused(t, s.get("/raw/1"), coherence.ReasonUntracked)
	require.Contains(t, log.String(), "reason=untracked")
	require.Contains(t, log.String(), `route="GET /raw/{id}"`)
	require.Contains(t, log.String(), filepath.Base("middleware/observability_test.go")+":"+strconv.Itoa(line+1))
}

func TestCookieNamesAreLoggedOnce(t *testing.T) {
	t.Parallel()
	var log bytes.Buffer
	e := newEngine(t, coherence.WithLogger(slog.New(slog.NewTextHandler(&log, nil))))
	s := behind(tracked("x"), middleware.Shared(e))
	for range 3 {
		s.get("/", "Cookie: session=secret; _ga=1")
	}
	require.Equal(t, 1, bytes.Count(log.Bytes(), []byte("\n")))
	require.Contains(t, log.String(), `cookies="_ga session"`)
	require.NotContains(t, log.String(), "secret")
}

type markKey struct{}

func TestARecorderFindsWhatOuterMiddlewarePutIntoTheContext(t *testing.T) {
	t.Parallel()
	var seen []any
	door := middleware.Shared(newEngine(t), middleware.WithRecorder(func(e middleware.Event) {
		seen = append(seen, string(e.Outcome)+" "+e.Context.Value(markKey{}).(string))
	}))
	handler := door(tracked("x"))
	for _, trace := range []string{"one", "two"} {
		r := request(http.MethodGet, "/")
		handler.ServeHTTP(httptest.NewRecorder(), r.WithContext(context.WithValue(r.Context(), markKey{}, trace)))
	}
	post := request(http.MethodPost, "/")
	handler.ServeHTTP(httptest.NewRecorder(), post.WithContext(context.WithValue(post.Context(), markKey{}, "three")))
	require.Equal(t, []any{"miss one", "hit two", "bypass three"}, seen)
}
