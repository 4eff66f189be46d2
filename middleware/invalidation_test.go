package middleware_test

import (
	"context"
	"io"
	"net/http"
	"sync"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/cachewright/cachewright/coherence"
	"github.com/cachewright/cachewright/middleware"
)

// form answers GET with a page that lives for a minute, and everything else with status and fields.
func form(status int, fields ...string) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		if r.Method == http.MethodGet {
			set(w.Header(), "Cache-Control: public, max-age=60", "Vary: X-Theme")
			_, _ = io.WriteString(w, "x")
			return
		}
		set(w.Header(), fields...)
		w.WriteHeader(status)
	}
}

func TestLine52ASuccessfulUnsafeRequestInvalidatesItsURLInAllVariants(t *testing.T) {
	t.Parallel()
	for _, method := range []string{"POST", "PUT", "PATCH", "DELETE", "M-SEARCH", "post"} {
		for _, status := range []int{200, 201, 204, 302, 303} {
			s := behind(form(status), middleware.Shared(newEngine(t)))
			requireStored(t, s.get("http://a.example/x?q=1"))
			requireStored(t, s.get("http://a.example/x?q=1", "X-Theme: dark"))
			requireStored(t, s.get("http://a.example/x?q=2"))
			r := s.send(request(method, "http://a.example/x?q=1"))
			require.EqualValues(t, "method", r.param(t, "fwd"))
			requireMiss(t, s.get("http://a.example/x?q=1"))
			requireMiss(t, s.get("http://a.example/x?q=1", "X-Theme: dark"))
			requireHit(t, s.get("http://a.example/x?q=2"))
		}
	}
}

func TestLine52SafeMethodsInvalidateNothing(t *testing.T) {
	t.Parallel()
	s := behind(form(200), middleware.Shared(newEngine(t)))
	requireStored(t, s.get("/"))
	for _, method := range []string{"HEAD", "OPTIONS", "TRACE"} {
		s.send(request(method, "/"))
		requireHit(t, s.get("/"))
	}
}

func TestLine52ThePageIsStaleBeforeTheClientSeesThatTheRequestSucceeded(t *testing.T) {
	t.Parallel()
	e := newEngine(t)
	door := middleware.Shared(e)
	var s *site
	s = behind(func(w http.ResponseWriter, r *http.Request) {
		if r.Method == http.MethodGet {
			saying("x", minute)(w, r)
			return
		}
		w.WriteHeader(http.StatusNoContent)
		requireMiss(t, s.get("/")) // whoever saw the header and asks at once
	}, door)
	requireStored(t, s.get("/"))
	s.send(request(http.MethodPost, "/"))
	requireMiss(t, s.get("/")) // and what was made meanwhile goes, too
}

func TestLine53LocationAndContentLocationOfTheSameOriginGoToo(t *testing.T) {
	t.Parallel()
	s := behind(form(201, "Location: /made", "Content-Location: http://A.example:80/list?all"), middleware.Shared(newEngine(t)))
	urls := []string{"http://a.example/made", "http://a.example/list?all"}
	for _, url := range urls {
		requireStored(t, s.get(url))
	}
	s.send(request("POST", "http://a.example/forms/1"))
	for _, url := range urls {
		requireMiss(t, s.get(url))
	}
	foreign := behind(form(201, "Location: http://b.example/x", "Content-Location: https://a.example/x"), middleware.Shared(newEngine(t)))
	for _, url := range []string{"http://b.example/x", "https://a.example/x"} {
		requireStored(t, foreign.get(url))
	}
	foreign.send(request("POST", "http://a.example/forms/1", "X-Forwarded-Host: b.example"))
	requireHit(t, foreign.get("http://b.example/x"))
	requireHit(t, foreign.get("https://a.example/x"))
}

func TestLine54AFailedUnsafeRequestInvalidatesNothing(t *testing.T) {
	t.Parallel()
	for _, status := range []int{400, 403, 404, 422, 500, 503} {
		s := behind(form(status), middleware.Shared(newEngine(t)))
		requireStored(t, s.get("/"))
		s.send(request("POST", "/"))
		requireHit(t, s.get("/"))
	}
}

func TestLine55AWriterReadsItsOwnWrite(t *testing.T) {
	t.Parallel()
	e := newEngine(t)
	list := coherence.TableTag("products")
	s := behind(func(w http.ResponseWriter, r *http.Request) {
		coherence.Depend(r.Context(), list, coherence.NamedTag("menu"))
		_, _ = io.WriteString(w, "list")
	}, middleware.Shared(e))
	for _, tag := range []coherence.Tag{list, coherence.RowTag("products", 7), coherence.NamedTag("menu"), coherence.Everything()} {
		s.get("/")
		requireHit(t, s.get("/"))
		write(t, e, tag)
		requireMiss(t, s.get("/"))
	}
}

func TestLine56AnAnswerWhoseRowWasWrittenWhileItWasMadeIsNotStored(t *testing.T) {
	t.Parallel()
	e := newEngine(t)
	written := false
	s := behind(func(w http.ResponseWriter, r *http.Request) {
		coherence.Depend(r.Context(), product)
		text := "old"
		if written {
			text = "new"
		} else {
			write(t, e, product) // after the read, before the answer
			written = true
		}
		_, _ = io.WriteString(w, text)
	}, middleware.Shared(e))
	first := s.get("/")
	require.Equal(t, "old", first.body)
	requireRefused(t, first, middleware.ReasonStampsMoved)
	second := s.get("/")
	requireStored(t, second)
	require.Equal(t, "new", second.body)
}

func TestLine56APageMadeWhileItsURLWasInvalidatedIsNotStored(t *testing.T) {
	t.Parallel()
	e := newEngine(t)
	once := sync.OnceFunc(func() {
		require.NoError(t, e.Invalidate(context.Background(), coherence.URLTag("http://example.com/")))
	})
	s := behind(func(w http.ResponseWriter, r *http.Request) {
		once()
		saying("x", minute)(w, r)
	}, middleware.Shared(e))
	requireRefused(t, s.get("http://example.com/"), middleware.ReasonStampsMoved)
	requireStored(t, s.get("http://example.com/"))
}

func TestLine57AWriteThatIsRolledBackLeavesPagesAsTheyWere(t *testing.T) {
	t.Parallel()
	e := newEngine(t)
	s := behind(tracked("x"), middleware.Shared(e))
	requireStored(t, s.get("/"))
	w, err := e.Begin(t.Context(), product)
	require.NoError(t, err)
	w.Release()
	requireHit(t, s.get("/"))
}

func TestLine60AReadAfterTheHandlerReturnedTakesThePageAway(t *testing.T) {
	t.Parallel()
	var events []middleware.Event
	var mu sync.Mutex
	release, done := make(chan struct{}), make(chan struct{})
	s := behind(func(w http.ResponseWriter, r *http.Request) {
		coherence.Depend(r.Context(), product)
		_, _ = io.WriteString(w, "x")
		ctx := r.Context()
		go func() {
			defer close(done)
			<-release
			coherence.Depend(ctx, coherence.RowTag("stock", 1))
		}()
	}, middleware.Shared(newEngine(t), middleware.WithRecorder(func(e middleware.Event) {
		mu.Lock()
		defer mu.Unlock()
		events = append(events, e)
	})))
	requireStored(t, s.get("/"))
	close(release)
	<-done
	release, done = make(chan struct{}), make(chan struct{})
	requireMiss(t, s.get("/"))
	close(release)
	<-done
	mu.Lock()
	defer mu.Unlock()
	var late int
	for _, e := range events {
		if e.Outcome == middleware.Late {
			late++
		}
	}
	require.Equal(t, 2, late)
}

func TestLine62PurgeByTagByURLAndOfAll(t *testing.T) {
	t.Parallel()
	e := newEngine(t)
	one, two := behind(tracked("x"), middleware.Shared(e)), behind(saying("x", minute), middleware.PerUser(e, func(*http.Request) string { return "u" }))
	fill := func() {
		for _, s := range []*site{one, two} {
			s.get("http://a.example/x?q=1")
			requireHit(t, s.get("http://a.example/x?q=1"))
		}
	}
	fill()
	require.NoError(t, e.Invalidate(t.Context(), coherence.URLTag("HTTP://A.example/x?q=1")))
	requireMiss(t, one.get("http://a.example/x?q=1"))
	requireMiss(t, two.get("http://a.example/x?q=1"))
	fill()
	require.NoError(t, e.InvalidateAll(t.Context()))
	requireMiss(t, one.get("http://a.example/x?q=1"))
	requireMiss(t, two.get("http://a.example/x?q=1"))
	fill()
	require.NoError(t, e.Invalidate(t.Context(), product))
	requireMiss(t, one.get("http://a.example/x?q=1"))
	requireHit(t, two.get("http://a.example/x?q=1"))
}

func TestTrackMakesReadsOfOuterMiddlewareCount(t *testing.T) {
	t.Parallel()
	e := newEngine(t)
	tenant := coherence.RowTag("tenants", 1)
	auth := func(next http.Handler) http.Handler {
		return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			coherence.Depend(r.Context(), tenant)
			next.ServeHTTP(w, r)
		})
	}
	s := behind(tracked("x"), middleware.Track(e), auth, middleware.Shared(e))
	requireStored(t, s.get("/"))
	requireHit(t, s.get("/"))
	write(t, e, tenant)
	requireMiss(t, s.get("/"))
	requireHit(t, s.get("/"))
	write(t, e, product)
	requireMiss(t, s.get("/"))

	raw := behind(tracked("x"), middleware.Track(e), func(next http.Handler) http.Handler {
		return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			coherence.DepsOf(r.Context()).Refuse(coherence.ReasonRaw)
			next.ServeHTTP(w, r)
		})
	}, middleware.Shared(e))
	requireRefused(t, raw.get("/"), coherence.ReasonRaw)
}

func TestAPageAroundAnotherStandsOnWhatTheInnerOneStandsOnAlsoWhenThatWasAHit(t *testing.T) {
	t.Parallel()
	e := newEngine(t)
	inner := behind(tracked("inner"), middleware.Shared(e))
	outer := behind(func(w http.ResponseWriter, r *http.Request) {
		part := request(http.MethodGet, "/part").WithContext(r.Context())
		_, _ = io.WriteString(w, "around "+inner.send(part).body)
	}, middleware.Shared(e))
	requireStored(t, inner.get("/part"))
	requireStored(t, outer.get("/"))
	require.EqualValues(t, 1, inner.runs.Load(), "the inner page was a hit")
	requireHit(t, outer.get("/"))
	write(t, e, product)
	requireMiss(t, outer.get("/"))

	untracked := behind(saying("inner", minute), middleware.Shared(e))
	around := behind(func(w http.ResponseWriter, r *http.Request) {
		coherence.Depend(r.Context(), product)
		_, _ = io.WriteString(w, untracked.send(request(http.MethodGet, "/part").WithContext(r.Context())).body)
	}, middleware.Shared(e))
	requireStored(t, untracked.get("/part"))
	requireRefused(t, around.get("/"), coherence.ReasonUntracked)
}

func TestInvalidationReachesAllSpaces(t *testing.T) {
	t.Parallel()
	e := newEngine(t)
	user := func(*http.Request) string { return "alice" }
	doors := []*site{
		behind(tracked("x"), middleware.Shared(e)), behind(tracked("x"), middleware.Shared(e, middleware.Space("a"))),
		behind(tracked("x"), middleware.PerUser(e, user)), behind(tracked("x"), middleware.PerUser(e, user, middleware.Space("a"))),
	}
	for _, purge := range []func(){
		func() { require.NoError(t, e.Invalidate(t.Context(), coherence.URLTag("http://shop.example/"))) },
		func() { doors[0].send(request(http.MethodPost, "http://shop.example/")) },
		func() { require.NoError(t, e.InvalidateAll(t.Context())) },
	} {
		for _, s := range doors {
			requireStored(t, s.get("http://shop.example/"))
			requireHit(t, s.get("http://shop.example/"))
		}
		purge()
	}
	for _, s := range doors {
		requireMiss(t, s.get("http://shop.example/"))
	}
}
