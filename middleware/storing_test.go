package middleware_test

import (
	"context"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/cachewright/cachewright/coherence"
	"github.com/cachewright/cachewright/middleware"
)

const minute = "Cache-Control: max-age=60"

func TestLine01OnlyWhatMayBeStoredIsStored(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name    string
		fields  []string // of the answer
		request []string
		why     middleware.Reason
	}{
		{"explicit freshness", []string{minute}, nil, ""},
		{"no-store in the answer", []string{minute, "Cache-Control: no-store"}, nil, middleware.ReasonNoStore},
		{"no-store in the request", []string{minute}, []string{"Cache-Control: no-store"}, middleware.ReasonNoStoreRequest},
		{"private", []string{"Cache-Control: private, max-age=60"}, nil, middleware.ReasonPrivate},
		{"nothing said", nil, nil, middleware.ReasonNoFreshness},
		{"public without a lifetime", []string{"Cache-Control: public"}, nil, middleware.ReasonNoFreshness},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			s := behind(saying("x", c.fields...), middleware.Shared(newEngine(t)))
			first := s.get("/", c.request...)
			require.Equal(t, "x", first.body)
			if c.why == "" {
				requireStored(t, first)
				requireHit(t, s.get("/"))
				return
			}
			requireRefused(t, first, c.why)
			requireMiss(t, s.get("/"))
		})
	}
}

func TestLine02WithExplicitFreshnessAnyFinalStatusIsStored(t *testing.T) {
	t.Parallel()
	e := newEngine(t)
	for _, status := range []int{200, 201, 203, 299, 302, 307, 400, 401, 403, 418, 500, 503, 599} {
		s := behind(func(w http.ResponseWriter, _ *http.Request) {
			set(w.Header(), minute)
			w.WriteHeader(status)
		}, middleware.Shared(e))
		s.get("/")
		second := s.get("/")
		requireHit(t, second)
		require.Equal(t, status, second.StatusCode)
	}
}

func TestLine02MustUnderstandStoresOnlyKnownStatusesAndOverridesNoStore(t *testing.T) {
	t.Parallel()
	for status, stored := range map[int]bool{200: true, 599: false} {
		s := behind(func(w http.ResponseWriter, _ *http.Request) {
			set(w.Header(), "Cache-Control: must-understand, no-store, max-age=60")
			w.WriteHeader(status)
		}, middleware.Shared(newEngine(t)))
		s.get("/")
		require.Equal(t, stored, s.get("/").hit(t), "status %d", status)
	}
}

func TestLine03AuthorizationNeedsPermission(t *testing.T) {
	t.Parallel()
	for control, shared := range map[string]bool{
		"max-age=60": false, "public, max-age=60": true, "s-maxage=60": true, "must-revalidate, max-age=60": true,
		"proxy-revalidate, max-age=60": false,
	} {
		s := behind(saying("x", "Cache-Control: "+control), middleware.Shared(newEngine(t)))
		first := s.get("/", "Authorization: Basic x")
		if !shared {
			requireRefused(t, first, middleware.ReasonAuthorization)
		}
		require.Equal(t, shared, s.get("/", "Authorization: Basic y").hit(t), control)
		require.Equal(t, shared, s.get("/").hit(t), control)
	}
}

func TestLine04QualifiedDirectivesAreReadAsUnqualified(t *testing.T) {
	t.Parallel()
	for control, why := range map[string]middleware.Reason{
		`private="X-User", max-age=60`:  middleware.ReasonPrivate,
		`no-cache="X-User", max-age=60`: middleware.ReasonNoCache,
	} {
		s := behind(saying("x", "Cache-Control: "+control), middleware.Shared(newEngine(t)))
		requireRefused(t, s.get("/"), why)
		requireMiss(t, s.get("/"))
	}
}

func TestLine05ATruncatedBodyIsNeverStored(t *testing.T) {
	t.Parallel()
	for name, h := range map[string]http.HandlerFunc{
		"shorter than announced": func(w http.ResponseWriter, _ *http.Request) {
			set(w.Header(), minute, "Content-Length: 10")
			_, _ = io.WriteString(w, "short")
		},
		"longer than announced": func(w http.ResponseWriter, _ *http.Request) {
			set(w.Header(), minute, "Content-Length: 2")
			_, _ = io.WriteString(w, "longer")
		},
		"source that failed": func(w http.ResponseWriter, _ *http.Request) {
			set(w.Header(), minute)
			_, err := io.Copy(w, io.MultiReader(strings.NewReader("half"), broken{}))
			if err == nil {
				panic("the copy did not fail")
			}
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := behind(h, middleware.Shared(newEngine(t)))
			server := httptest.NewServer(s)
			defer server.Close()
			for range 2 {
				res, err := server.Client().Get(server.URL)
				require.NoError(t, err)
				_, _ = io.ReadAll(res.Body) // may be cut: the server sees the mismatch, too
				require.NoError(t, res.Body.Close())
			}
			require.EqualValues(t, 2, s.runs.Load())
		})
	}
}

type broken struct{}

func (broken) Read([]byte) (int, error) { return 0, errors.New("the source is gone") }

func TestLine05APanicStoresNothing(t *testing.T) {
	t.Parallel()
	for _, value := range []any{"boom", http.ErrAbortHandler} {
		fail := true
		s := behind(func(w http.ResponseWriter, _ *http.Request) {
			set(w.Header(), minute)
			_, _ = io.WriteString(w, "half")
			if fail {
				panic(value)
			}
		}, middleware.Shared(newEngine(t)))
		require.PanicsWithValue(t, value, func() { s.get("/") })
		fail = false
		requireStored(t, s.get("/"))
	}
}

func TestLine06AnAnswerGivenAfterTheClientLeftIsStoredOnlyIfProvablyComplete(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		length string
		stored bool
	}{{"", false}, {"4", true}} {
		var cancel context.CancelFunc
		s := behind(func(w http.ResponseWriter, _ *http.Request) {
			set(w.Header(), minute)
			if c.length != "" {
				w.Header().Set("Content-Length", c.length)
			}
			cancel()
			_, _ = io.WriteString(w, "text")
		}, middleware.Shared(newEngine(t)))
		r := request(http.MethodGet, "/")
		ctx, stop := context.WithCancel(r.Context())
		cancel = stop
		first := s.send(r.WithContext(ctx))
		cancel = func() {}
		if !c.stored {
			requireRefused(t, first, middleware.ReasonCancelled)
		}
		require.Equal(t, c.stored, s.get("/").hit(t))
	}
}

func TestLine07AHandlerThatWritesNothingIsStoredOnlyWithExplicitFreshness(t *testing.T) {
	t.Parallel()
	e := newEngine(t)
	explicit := behind(func(w http.ResponseWriter, _ *http.Request) { set(w.Header(), minute) }, middleware.Shared(e))
	requireStored(t, explicit.get("/"))
	second := explicit.get("/")
	requireHit(t, second)
	require.Equal(t, 200, second.StatusCode)
	require.Empty(t, second.body)

	silent := behind(func(_ http.ResponseWriter, r *http.Request) {
		coherence.Depend(r.Context(), product)
	}, middleware.Shared(e))
	requireRefused(t, silent.get("/"), middleware.ReasonUnwritten)
	requireMiss(t, silent.get("/"))
}

func TestLine07OuterMiddlewareMayStillWriteWhenTheHandlerDidNot(t *testing.T) {
	t.Parallel()
	s := behind(func(http.ResponseWriter, *http.Request) {}, func(next http.Handler) http.Handler {
		return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			next.ServeHTTP(w, r)
			http.Error(w, "nobody answered", http.StatusNotFound)
		})
	}, middleware.Shared(newEngine(t)))
	require.Equal(t, http.StatusNotFound, s.get("/").StatusCode)
	require.Equal(t, http.StatusNotFound, s.get("/").StatusCode)
}

func TestLine08ConnectionFieldsAreNotReplayed(t *testing.T) {
	t.Parallel()
	fields := []string{
		minute, "Connection: X-Hop", "X-Hop: 1", "Keep-Alive: timeout=5", "Proxy-Authenticate: Basic",
		"Proxy-Authorization: x", "Proxy-Connection: close", "Te: trailers", "Upgrade: h2c", "X-Kept: 1",
	}
	s := behind(saying("x", fields...), middleware.Shared(newEngine(t)))
	requireStored(t, s.get("/"))
	second := s.get("/")
	requireHit(t, second)
	for _, name := range []string{
		"Connection", "X-Hop", "Keep-Alive", "Proxy-Authenticate", "Proxy-Authorization", "Proxy-Connection", "Te", "Upgrade",
	} {
		require.Empty(t, second.Header.Values(name), name)
	}
	require.Equal(t, "1", second.Header.Get("X-Kept"))
}

func TestLine09SetCookieIsNeverStored(t *testing.T) {
	t.Parallel()
	handler := saying("x", "Cache-Control: public, max-age=60", "Set-Cookie: session=1")
	for name, door := range map[string]middle{
		"shared":   middleware.Shared(newEngine(t)),
		"per user": middleware.PerUser(newEngine(t), func(*http.Request) string { return "alice" }),
	} {
		s := behind(handler, door)
		first := s.get("/")
		requireRefused(t, first, middleware.ReasonSetCookie)
		require.Equal(t, "session=1", first.Header.Get("Set-Cookie"), name)
		requireMiss(t, s.get("/"))
	}
}

func TestLine14And15PartialAndBodylessAnswersAreNotRepresentations(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		status int
		field  string
		why    middleware.Reason
	}{
		{http.StatusPartialContent, "Content-Range: bytes 0-1/10", middleware.ReasonPartial},
		{http.StatusOK, "Content-Range: bytes 0-1/10", middleware.ReasonPartial},
		{http.StatusNotModified, "X-A: b", middleware.ReasonStatus},
	} {
		s := behind(func(w http.ResponseWriter, _ *http.Request) {
			set(w.Header(), minute, c.field)
			w.WriteHeader(c.status)
		}, middleware.Shared(newEngine(t)))
		requireRefused(t, s.get("/"), c.why)
		requireMiss(t, s.get("/"))
	}
}

func TestLine16AnAnswerWithTrailersPassesThroughWithThem(t *testing.T) {
	t.Parallel()
	for name, h := range map[string]http.HandlerFunc{
		"announced": func(w http.ResponseWriter, _ *http.Request) {
			set(w.Header(), minute, "Trailer: X-Sum")
			_, _ = io.WriteString(w, "body")
			w.Header().Set("X-Sum", "7")
		},
		"by prefix": func(w http.ResponseWriter, _ *http.Request) {
			set(w.Header(), minute)
			_, _ = io.WriteString(w, "body")
			w.Header().Set(http.TrailerPrefix+"X-Sum", "7")
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := behind(h, middleware.Shared(newEngine(t)))
			server := httptest.NewServer(s)
			defer server.Close()
			for range 2 {
				res, err := server.Client().Get(server.URL)
				require.NoError(t, err)
				body, err := io.ReadAll(res.Body)
				require.NoError(t, err)
				require.NoError(t, res.Body.Close())
				require.Equal(t, "body", string(body))
				require.Equal(t, "7", res.Trailer.Get("X-Sum"))
			}
			require.EqualValues(t, 2, s.runs.Load())
		})
	}
}

func TestLine17LargeHeadersAndBodiesAreNotStored(t *testing.T) {
	t.Parallel()
	e := newEngine(t)
	header := behind(saying("x", minute, "X-Big: "+strings.Repeat("a", 65<<10)), middleware.Shared(e))
	requireRefused(t, header.get("/"), middleware.ReasonHeaderTooLarge)
	requireMiss(t, header.get("/"))
	body := behind(saying(strings.Repeat("a", 1<<20+1), minute), middleware.Shared(e))
	first := body.get("/")
	requireRefused(t, first, middleware.ReasonTooLarge)
	require.Len(t, first.body, 1<<20+1)
	exact := behind(saying(strings.Repeat("a", 1<<20), minute), middleware.Shared(e))
	requireStored(t, exact.get("/"))
	require.Len(t, exact.get("/").body, 1<<20)
	requireHit(t, exact.get("/"))
}
