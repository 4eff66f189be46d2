package middleware_test

import (
	"context"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/dunglas/httpsfv"
	"github.com/stretchr/testify/require"

	"github.com/cachewright/cachewright/coherence"
	"github.com/cachewright/cachewright/middleware"
)

// newEngine is an engine over a real store that ends with the test.
func newEngine(t testing.TB, opts ...coherence.Option) *coherence.Engine {
	t.Helper()
	if len(opts) == 0 {
		opts = []coherence.Option{coherence.WithMemory(32 << 20)}
	}
	e, err := coherence.New(opts...)
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, e.Close(context.Background())) })
	return e
}

// site is a handler behind a door, and a count of how often it ran.
type site struct {
	http.Handler
	runs atomic.Int64
}

type middle = func(http.Handler) http.Handler

// behind puts the handler behind the middlewares, the first one outermost.
func behind(h http.HandlerFunc, middles ...middle) *site {
	s := &site{}
	s.Handler = http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		s.runs.Add(1)
		h(w, r)
	})
	for i := len(middles) - 1; i >= 0; i-- {
		s.Handler = middles[i](s.Handler)
	}
	return s
}

// request makes a request of a client; fields are "Name: value".
func request(method, url string, fields ...string) *http.Request {
	r := httptest.NewRequest(method, url, nil)
	for _, f := range fields {
		name, value, _ := strings.Cut(f, ": ")
		r.Header.Add(name, value)
	}
	return r
}

// get sends a GET and returns the answer.
func (s *site) get(url string, fields ...string) *reply {
	return s.send(request(http.MethodGet, url, fields...))
}

func (s *site) send(r *http.Request) *reply {
	rec := httptest.NewRecorder()
	s.ServeHTTP(rec, r)
	res := rec.Result()
	body, _ := io.ReadAll(res.Body)
	return &reply{Response: res, body: string(body)}
}

type reply struct {
	*http.Response
	body string
}

// last is the last member of Cache-Status, ours.
func (r *reply) last(t testing.TB) httpsfv.Item {
	t.Helper()
	list, err := httpsfv.UnmarshalList(r.Header["Cache-Status"])
	require.NoError(t, err)
	require.NotEmpty(t, list)
	item, ok := list[len(list)-1].(httpsfv.Item)
	require.True(t, ok)
	require.EqualValues(t, "Cachewright", item.Value)
	return item
}

func (r *reply) param(t testing.TB, name string) any {
	t.Helper()
	v, _ := r.last(t).Params.Get(name)
	return v
}

func (r *reply) hit(t testing.TB) bool {
	t.Helper()
	return r.param(t, "hit") == true
}

func (r *reply) detail(t testing.TB) middleware.Reason {
	t.Helper()
	v, _ := r.param(t, "detail").(httpsfv.Token)
	return middleware.Reason(v)
}

// requireHit and requireMiss say how the answer came about.
func requireHit(t testing.TB, r *reply) {
	t.Helper()
	require.True(t, r.hit(t), "%v", r.Header["Cache-Status"])
}

func requireMiss(t testing.TB, r *reply) {
	t.Helper()
	require.False(t, r.hit(t), "%v", r.Header["Cache-Status"])
	require.NotNil(t, r.param(t, "fwd"))
}

// requireRefused says that the answer was not stored, and why.
func requireRefused(t testing.TB, r *reply, why middleware.Reason) {
	t.Helper()
	requireMiss(t, r)
	require.Equal(t, why, r.detail(t), "%v", r.Header["Cache-Status"])
	require.Nil(t, r.param(t, "stored"))
}

func requireStored(t testing.TB, r *reply) {
	t.Helper()
	requireMiss(t, r)
	require.Equal(t, true, r.param(t, "stored"), "%v", r.Header["Cache-Status"])
}

var product = coherence.RowTag("products", 1)

// tracked is a handler that reads a row and writes text.
func tracked(text string) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		coherence.Depend(r.Context(), product)
		_, _ = io.WriteString(w, text)
	}
}

// saying is a handler that reads nothing, sets the fields and writes text.
func saying(text string, fields ...string) http.HandlerFunc {
	return func(w http.ResponseWriter, _ *http.Request) {
		set(w.Header(), fields...)
		_, _ = io.WriteString(w, text)
	}
}

func set(h http.Header, fields ...string) {
	for _, f := range fields {
		name, value, _ := strings.Cut(f, ": ")
		h.Add(name, value)
	}
}

// write is a write of the tags that commits.
func write(t testing.TB, e *coherence.Engine, tags ...coherence.Tag) {
	t.Helper()
	w, err := e.Begin(context.Background(), tags...)
	require.NoError(t, err)
	w.Publish(context.Background())
}
