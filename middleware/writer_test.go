package middleware_test

import (
	"io"
	"net/http"
	"net/http/httptest"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/cachewright/cachewright/coherence"
	"github.com/cachewright/cachewright/middleware"
)

func TestLine64TheWriterKeepsItsOptionalInterfaces(t *testing.T) {
	t.Parallel()
	check := func(w http.ResponseWriter, _ *http.Request) {
		_, flusher := w.(http.Flusher)
		_, hijacker := w.(http.Hijacker)
		_, reader := w.(io.ReaderFrom)
		_, text := w.(io.StringWriter)
		require.True(t, flusher && hijacker && reader && text)
		c := http.NewResponseController(w)
		require.NoError(t, c.SetReadDeadline(time.Now().Add(time.Minute)))
		require.NoError(t, c.SetWriteDeadline(time.Now().Add(time.Minute)))
		require.NoError(t, c.Flush())
		require.NoError(t, c.EnableFullDuplex())
	}
	s := behind(check, middleware.Shared(newEngine(t)))
	server := httptest.NewServer(s)
	defer server.Close()
	res, err := server.Client().Get(server.URL)
	require.NoError(t, err)
	require.NoError(t, res.Body.Close())

	// And claims none that the client's writer lacks.
	bare := behind(func(w http.ResponseWriter, _ *http.Request) {
		_, flusher := w.(http.Flusher)
		_, hijacker := w.(http.Hijacker)
		require.False(t, flusher || hijacker)
	}, middleware.Shared(newEngine(t)))
	bare.ServeHTTP(&discard{header: http.Header{}}, request(http.MethodGet, "/"))
}

// wrapper is a client's writer as many middlewares wrap it: it says what it wraps and can do nothing itself.
type wrapper struct{ http.ResponseWriter }

func (w *wrapper) Unwrap() http.ResponseWriter { return w.ResponseWriter }

func wrapping(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { next.ServeHTTP(&wrapper{w}, r) })
}

func TestLine64AControllerDoesNotWalkPastTheCache(t *testing.T) {
	t.Parallel()
	for name, use := range map[string]func(w http.ResponseWriter){
		"flush": func(w http.ResponseWriter) {
			assert.NoError(t, http.NewResponseController(w).Flush())
			_, _ = io.WriteString(w, " second")
		},
		"full duplex": func(w http.ResponseWriter) {
			assert.NoError(t, http.NewResponseController(w).EnableFullDuplex())
			_, _ = io.WriteString(w, " second")
		},
	} {
		s := behind(func(w http.ResponseWriter, r *http.Request) {
			_, flushes := w.(http.Flusher)
			_, hijacks := w.(http.Hijacker)
			assert.False(t, flushes || hijacks)
			assert.NoError(t, http.NewResponseController(w).SetWriteDeadline(time.Now().Add(time.Minute)))
			coherence.Depend(r.Context(), product)
			w.Header().Set("X-Own", "1")
			w.WriteHeader(http.StatusAccepted)
			_, _ = io.WriteString(w, "first")
			use(w)
		}, wrapping, middleware.Shared(newEngine(t)))
		server := httptest.NewServer(s)
		res, err := server.Client().Get(server.URL)
		require.NoError(t, err)
		body, err := io.ReadAll(res.Body)
		require.NoError(t, err)
		require.NoError(t, res.Body.Close())
		server.Close()
		require.Equal(t, "first second", string(body), name)
		require.Equal(t, http.StatusAccepted, res.StatusCode, name)
		require.Equal(t, "1", res.Header.Get("X-Own"), name)
		requireRefused(t, &reply{Response: res}, middleware.ReasonStreamed)
	}
}

func TestLine64AControllerHijacksThroughAWrapper(t *testing.T) {
	t.Parallel()
	events := make(chan middleware.Event, 1)
	s := behind(func(w http.ResponseWriter, _ *http.Request) {
		conn, _, err := http.NewResponseController(w).Hijack()
		if assert.NoError(t, err) {
			_, _ = io.WriteString(conn, "HTTP/1.1 299 Own\r\nContent-Length: 2\r\nConnection: close\r\n\r\nok")
			_ = conn.Close()
		}
	}, wrapping, middleware.Shared(newEngine(t), middleware.WithRecorder(func(e middleware.Event) { events <- e })))
	server := httptest.NewServer(s)
	defer server.Close()
	res, err := server.Client().Get(server.URL)
	require.NoError(t, err)
	require.NoError(t, res.Body.Close())
	require.Equal(t, 299, res.StatusCode)
	require.Equal(t, middleware.ReasonHijacked, (<-events).Reason)
}
