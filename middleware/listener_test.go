package middleware_test

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"net/http/httptrace"
	"net/textproto"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/go-chi/chi/v5"
	chimiddleware "github.com/go-chi/chi/v5/middleware"
	"github.com/stretchr/testify/require"

	"github.com/cachewright/cachewright/coherence"
	"github.com/cachewright/cachewright/middleware"
)

// overTheWire runs the test behind a real listener, with HTTP/1.1 and with HTTP/2.
func overTheWire(t *testing.T, handler func(e *coherence.Engine) http.Handler, test func(t *testing.T, ask asker, e *coherence.Engine)) {
	t.Helper()
	for protocol, start := range map[string]func(*httptest.Server){
		"HTTP/1.1": (*httptest.Server).Start,
		"HTTP/2.0": func(s *httptest.Server) { s.EnableHTTP2 = true; s.StartTLS() },
	} {
		t.Run(protocol, func(t *testing.T) {
			t.Parallel()
			e := newEngine(t)
			server := httptest.NewUnstartedServer(handler(e))
			start(server)
			t.Cleanup(server.Close)
			test(t, asker{t: t, server: server, protocol: protocol}, e)
		})
	}
}

// asker is a client of the server.
type asker struct {
	t        *testing.T
	server   *httptest.Server
	protocol string
}

func (a asker) do(method, path string, fields ...string) *reply {
	a.t.Helper()
	r, err := http.NewRequestWithContext(a.t.Context(), method, a.server.URL+path, nil)
	require.NoError(a.t, err)
	r.Header.Set("Accept-Encoding", "identity")
	for _, f := range fields {
		name, value, _ := strings.Cut(f, ": ")
		r.Header.Set(name, value)
	}
	return a.send(r)
}

func (a asker) send(r *http.Request) *reply {
	a.t.Helper()
	res, err := a.server.Client().Do(r)
	require.NoError(a.t, err)
	defer func() { require.NoError(a.t, res.Body.Close()) }()
	body, err := io.ReadAll(res.Body)
	require.NoError(a.t, err)
	require.Equal(a.t, a.protocol, res.Proto)
	return &reply{Response: res, body: string(body)}
}

func TestOverTheWireAPageIsStoredServedConfirmedAndCut(t *testing.T) {
	t.Parallel()
	var runs atomic.Int64
	overTheWire(t, func(e *coherence.Engine) http.Handler {
		return middleware.Shared(e)(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			runs.Add(1)
			w.Header().Set("Link", "</style.css>; rel=preload")
			w.WriteHeader(http.StatusEarlyHints)
			w.Header().Del("Link")
			tracked(strings.Repeat("0123456789", 500))(w, r)
		}))
	}, func(t *testing.T, ask asker, e *coherence.Engine) {
		var hints atomic.Int64
		trace := &httptrace.ClientTrace{Got1xxResponse: func(code int, h textproto.MIMEHeader) error {
			if code == http.StatusEarlyHints && h.Get("Link") != "" {
				hints.Add(1)
			}
			return nil
		}}
		r, err := http.NewRequestWithContext(httptrace.WithClientTrace(t.Context(), trace), http.MethodGet, ask.server.URL+"/", nil)
		require.NoError(t, err)
		r.Header.Set("Accept-Encoding", "identity")
		first := ask.send(r)
		requireStored(t, first)
		require.EqualValues(t, 1, hints.Load())
		before := runs.Load()
		for range 3 {
			hit := ask.do(http.MethodGet, "/")
			requireHit(t, hit)
			require.Equal(t, first.body, hit.body)
			require.EqualValues(t, 5000, hit.ContentLength)
			require.Empty(t, hit.TransferEncoding)
			require.Len(t, hit.Header.Values("Date"), 1)
			require.Equal(t, first.Header.Get("Etag"), hit.Header.Get("Etag"))
			require.Equal(t, first.Header.Get("Content-Type"), hit.Header.Get("Content-Type"))
			require.Empty(t, hit.Header.Get("Link"))
		}
		not := ask.do(http.MethodGet, "/", "If-None-Match: "+first.Header.Get("Etag"))
		require.Equal(t, http.StatusNotModified, not.StatusCode)
		require.Empty(t, not.body)
		head := ask.do(http.MethodHead, "/")
		requireHit(t, head)
		require.EqualValues(t, 5000, head.ContentLength)
		part := ask.do(http.MethodGet, "/", "Range: bytes=10-19")
		require.Equal(t, http.StatusPartialContent, part.StatusCode)
		require.Equal(t, "0123456789", part.body)
		require.Equal(t, before, runs.Load())
		write(t, e, product)
		requireStored(t, ask.do(http.MethodGet, "/"))
		requireRefused(t, ask.do(http.MethodPost, "/"), middleware.ReasonMethod)
		requireStored(t, ask.do(http.MethodGet, "/"))
	})
}

func TestOverTheWireManyClientsShareOneRun(t *testing.T) {
	t.Parallel()
	overTheWire(t, func(e *coherence.Engine) http.Handler {
		var runs atomic.Int64
		return middleware.Shared(e)(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			coherence.Depend(r.Context(), product)
			_, _ = fmt.Fprint(w, "run ", runs.Add(1))
		}))
	}, func(t *testing.T, ask asker, _ *coherence.Engine) {
		var wg sync.WaitGroup
		for range 30 {
			wg.Go(func() {
				if body := ask.do(http.MethodGet, "/").body; body != "run 1" {
					t.Error(body)
				}
			})
		}
		wg.Wait()
	})
}

func TestOverTheWireStreamsAndTrailersPassThrough(t *testing.T) {
	t.Parallel()
	next := make(chan struct{})
	overTheWire(t, func(e *coherence.Engine) http.Handler {
		return middleware.Shared(e)(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			if r.URL.Path == "/trailer" {
				w.Header().Set("Trailer", "X-Sum")
				_, _ = io.WriteString(w, "body")
				w.Header().Set("X-Sum", "4")
				return
			}
			_, _ = io.WriteString(w, "first\n")
			require.NoError(t, http.NewResponseController(w).Flush())
			<-next
			_, _ = io.WriteString(w, "second\n")
		}))
	}, func(t *testing.T, ask asker, _ *coherence.Engine) {
		r, err := http.NewRequestWithContext(t.Context(), http.MethodGet, ask.server.URL+"/", nil)
		require.NoError(t, err)
		res, err := ask.server.Client().Do(r)
		require.NoError(t, err)
		defer func() { require.NoError(t, res.Body.Close()) }()
		lines := bufio.NewReader(res.Body)
		line, err := lines.ReadString('\n')
		require.NoError(t, err)
		require.Equal(t, "first\n", line, "before the handler goes on")
		next <- struct{}{}
		line, err = lines.ReadString('\n')
		require.NoError(t, err)
		require.Equal(t, "second\n", line)
		for range 2 {
			trailed := ask.do(http.MethodGet, "/trailer")
			requireRefused(t, trailed, middleware.ReasonTrailer)
			require.Equal(t, "4", trailed.Trailer.Get("X-Sum"))
		}
	})
}

func TestOverTheWireAClientThatGoesAwayLeavesNothingHalfMade(t *testing.T) {
	t.Parallel()
	started, gone := make(chan struct{}), make(chan struct{})
	var runs atomic.Int64
	overTheWire(t, func(e *coherence.Engine) http.Handler {
		return middleware.Shared(e)(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			coherence.Depend(r.Context(), product)
			if r.URL.Path == "/slow" && r.Header.Get("X-Request-Id") == "first" {
				started <- struct{}{}
				<-r.Context().Done()
				runs.Add(1)
				gone <- struct{}{}
				_, _ = io.WriteString(w, "half")
				return
			}
			_, _ = io.WriteString(w, "whole")
		}))
	}, func(t *testing.T, ask asker, _ *coherence.Engine) {
		ctx, cancel := context.WithCancel(t.Context())
		r, err := http.NewRequestWithContext(ctx, http.MethodGet, ask.server.URL+"/slow", nil)
		require.NoError(t, err)
		r.Header.Set("X-Request-Id", "first")
		failed := make(chan error)
		go func() {
			res, err := ask.server.Client().Do(r)
			if err == nil {
				_ = res.Body.Close()
			}
			failed <- err
		}()
		<-started
		cancel()
		require.Error(t, <-failed)
		<-gone
		for range 2 {
			require.Equal(t, "whole", ask.do(http.MethodGet, "/slow").body)
		}
	})
}

func TestOverTheWireAConnectionCanBeTakenOver(t *testing.T) {
	t.Parallel()
	e := newEngine(t)
	server := httptest.NewServer(middleware.Shared(e)(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		conn, rw, err := http.NewResponseController(w).Hijack()
		if err != nil {
			t.Error(err)
			return
		}
		_, _ = rw.WriteString("HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: echo\r\n\r\nhello")
		_ = rw.Flush()
		_ = conn.Close()
	})))
	defer server.Close()
	conn, err := net.Dial("tcp", server.Listener.Addr().String())
	require.NoError(t, err)
	defer func() { _ = conn.Close() }()
	_, err = io.WriteString(conn, "GET / HTTP/1.1\r\nHost: shop.example\r\nConnection: Upgrade\r\nUpgrade: echo\r\n\r\n")
	require.NoError(t, err)
	all, err := io.ReadAll(conn)
	require.NoError(t, err)
	require.True(t, strings.HasSuffix(string(all), "\r\n\r\nhello"), "%q", all)
}

func TestOverTheWireThePagesOfARouterAreTheSameHoweverTheDoorIsMounted(t *testing.T) {
	t.Parallel()
	routers := map[string]func(door middle) http.Handler{
		"Use": func(door middle) http.Handler {
			r := chi.NewRouter()
			r.Use(chimiddleware.Recoverer, chimiddleware.Compress(5), door)
			r.Get("/products/{id}", tracked("violin"))
			return r
		},
		"With": func(door middle) http.Handler {
			r := chi.NewRouter()
			r.With(door).Get("/products/{id}", tracked("violin"))
			return r
		},
		"Route": func(door middle) http.Handler {
			r := chi.NewRouter()
			r.Route("/products", func(r chi.Router) {
				r.Use(door, chimiddleware.Compress(5))
				r.Get("/{id}", tracked("violin"))
			})
			return r
		},
		"Mount": func(door middle) http.Handler {
			inner := chi.NewRouter()
			inner.Use(door)
			inner.Get("/{id}", tracked("violin"))
			r := chi.NewRouter()
			r.Mount("/products", inner)
			return r
		},
		"StripPrefix": func(door middle) http.Handler {
			mux := http.NewServeMux()
			mux.Handle("/products/", http.StripPrefix("/products", door(tracked("violin"))))
			return mux
		},
	}
	for name, router := range routers {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			overTheWire(t, func(e *coherence.Engine) http.Handler {
				return router(middleware.Shared(e))
			}, func(t *testing.T, ask asker, e *coherence.Engine) {
				requireStored(t, ask.do(http.MethodGet, "/products/1"))
				r := ask.do(http.MethodGet, "/products/1")
				requireHit(t, r)
				require.Equal(t, "violin", r.body)
				requireMiss(t, ask.do(http.MethodGet, "/products/2"))
				require.NoError(t, e.Invalidate(t.Context(), coherence.URLTag(ask.server.URL+"/products/1")))
				requireMiss(t, ask.do(http.MethodGet, "/products/1"))
			})
		})
	}
}
