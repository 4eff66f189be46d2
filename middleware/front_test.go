package middleware_test

import (
	"fmt"
	"io"
	"net/http"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/cachewright/cachewright/coherence"
	"github.com/cachewright/cachewright/middleware"
	"github.com/cachewright/cachewright/store/bigcachestore"
	"github.com/cachewright/cachewright/store/storetest"
)

func TestUnderAFloodOfOneTimeURLsAHotPageStays(t *testing.T) {
	t.Parallel()
	e := newEngine(t, coherence.WithMemory(8<<20)) // 2 MiB of it for pages
	s := behind(func(w http.ResponseWriter, r *http.Request) {
		tracked(strings.Repeat(r.URL.Path+" ", 1000))(w, r)
	}, middleware.Shared(e))
	requireStored(t, s.get("/hot"))
	for i := range 600 { // three times what the store holds
		s.get(fmt.Sprintf("/%06d", i))
		requireHit(t, s.get("/hot"))
	}
	write(t, e, product)
	requireMiss(t, s.get("/hot"))
}

func TestManyHotPagesAllAnswerForThemselves(t *testing.T) {
	t.Parallel()
	s := behind(func(w http.ResponseWriter, r *http.Request) {
		tracked(strings.Repeat(r.URL.Path+" ", 2000))(w, r)
	}, middleware.Shared(newEngine(t)))
	for range 3 {
		for i := range 150 { // more than the decoded copies have room for
			path := fmt.Sprintf("/%03d", i)
			require.Equal(t, strings.Repeat(path+" ", 2000), s.get(path).body)
		}
	}
	require.EqualValues(t, 150, s.runs.Load())
}

func TestAHundredDoorsHoldNoMoreCopiesThanOne(t *testing.T) {
	t.Parallel()
	e := newEngine(t, coherence.WithMemory(8<<20))
	for range 100 {
		s := behind(tracked(strings.Repeat("x", 20<<10)), middleware.Shared(e))
		for range 3 {
			s.get("/")
		}
	}
	require.LessOrEqual(t, middleware.CopiesHeld(e), e.Pages().CopyBytes())
	require.Greater(t, middleware.CopiesHeld(e), e.Pages().CopyBytes()/2)
}

func TestDoorsOfOneSpaceSeeEachOthersPagesChange(t *testing.T) {
	t.Parallel()
	e := newEngine(t)
	n := 0
	h := func(w http.ResponseWriter, _ *http.Request) {
		n++
		set(w.Header(), minute)
		_, _ = io.WriteString(w, fmt.Sprint(n))
	}
	a, b := behind(h, middleware.Shared(e, middleware.Space("s"))), behind(h, middleware.Shared(e, middleware.Space("s")))
	for range 3 {
		a.get("/")
		require.Equal(t, "1", b.get("/").body)
	}
	a.get("/", "Cache-Control: no-cache")
	for range 3 {
		require.Equal(t, "2", b.get("/").body)
	}
}

func TestAPageTheStoreCannotTakeIsNotSaidToBeStored(t *testing.T) {
	t.Parallel()
	s := behind(tracked(strings.Repeat("a", 1<<20)), middleware.Shared(newEngine(t, coherence.WithMemory(8<<20))))
	requireRefused(t, s.get("/"), middleware.ReasonStore)
	requireMiss(t, s.get("/"))
}

func TestLine62ASoftPurgeEndsFreshness(t *testing.T) {
	t.Parallel()
	e := newEngine(t)
	for _, h := range []http.HandlerFunc{tracked("x"), func(w http.ResponseWriter, r *http.Request) {
		set(w.Header(), minute)
		tracked("x")(w, r)
	}} {
		s := behind(h, middleware.Shared(e))
		requireStored(t, s.get("http://a.example/"))
		requireHit(t, s.get("http://a.example/"))
		require.NoError(t, e.Expire(t.Context(), product))
		r := s.get("http://a.example/")
		requireStored(t, r)
		require.EqualValues(t, "stale", r.param(t, "fwd"))
		requireHit(t, s.get("http://a.example/"))
		require.NoError(t, e.Expire(t.Context(), coherence.URLTag("http://a.example/")))
		requireMiss(t, s.get("http://a.example/"))
	}
}

func TestAReloadReplacesThePageForAll(t *testing.T) {
	t.Parallel()
	n := 0
	s := behind(func(w http.ResponseWriter, _ *http.Request) {
		n++
		set(w.Header(), minute)
		_, _ = io.WriteString(w, fmt.Sprint(n))
	}, middleware.Shared(newEngine(t)))
	for range 3 {
		s.get("/")
	}
	require.Equal(t, "2", s.get("/", "Cache-Control: no-cache").body)
	for range 3 {
		r := s.get("/")
		requireHit(t, r)
		require.Equal(t, "2", r.body)
	}
}

// hanging is a door over a store that can be made to hang.
func hanging(t *testing.T, opts ...middleware.Option) (*site, *storetest.Faulty) {
	t.Helper()
	inner, err := bigcachestore.New(8 << 20)
	require.NoError(t, err)
	faulty := storetest.NewFaulty(inner)
	return behind(tracked(strings.Repeat("x", 2000)), middleware.Shared(newEngine(t, coherence.WithStore(faulty)), opts...)), faulty
}

func TestAStoreThatHangsWhenItIsGivenAPageKeepsTheAnswerAMomentOnly(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		s, faulty := hanging(t, middleware.Wait(time.Second))
		faulty.Always(storetest.OpSet, storetest.HangBefore())
		start := time.Now()
		r := s.get("/")
		require.Len(t, r.body, 2000)
		require.LessOrEqual(t, time.Since(start), 50*time.Millisecond)
		time.Sleep(time.Second) // the store has had its time, too
		faulty.Repair()
		requireStored(t, s.get("/"))
		requireHit(t, s.get("/"))
	})
}

func TestAStoreThatHangsDelaysARequestOnceAndThenHandlersAnswer(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		s, faulty := hanging(t)
		requireStored(t, s.get("/"))
		requireStored(t, s.get("/hot"))
		for range 3 {
			requireHit(t, s.get("/hot"))
		}
		faulty.Always(storetest.OpGet, storetest.HangBefore())
		faulty.Always(storetest.OpSet, storetest.HangBefore())
		timed := func(path string) (*reply, time.Duration) {
			start := time.Now()
			r := s.get(path)
			require.Len(t, r.body, 2000)
			return r, time.Since(start)
		}
		r, took := timed("/")
		requireMiss(t, r)
		require.Equal(t, 50*time.Millisecond, took, "the patience for a store")
		for range 5 {
			r, took = timed("/")
			requireRefused(t, r, middleware.ReasonStore)
			require.Zero(t, took, "the breaker is open")
			r, took = timed("/hot")
			requireHit(t, r)
			require.Zero(t, took, "its copy needs no store")
		}
		time.Sleep(time.Second) // one request tries again, and the store is left alone for longer
		_, took = timed("/")
		require.Equal(t, 50*time.Millisecond, took)
		_, took = timed("/")
		require.Zero(t, took)
		faulty.Repair()
		time.Sleep(2 * time.Second)
		requireHit(t, s.get("/"))
	})
}
