package middleware_test

import (
	"context"
	"io"
	"net/http"
	"os"
	"os/signal"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"

	"github.com/cachewright/cachewright/coherence"
	"github.com/cachewright/cachewright/middleware"
	"github.com/cachewright/cachewright/store"
	"github.com/cachewright/cachewright/store/bigcachestore"
)

func TestLine33AStepOfTheWallClockMakesNoPageImmortal(t *testing.T) {
	t.Parallel()
	hour := int64(time.Hour)
	require.Equal(t, time.Hour, middleware.AgeAt(0, hour))
	require.Equal(t, time.Hour, middleware.AgeAt(hour, 0), "made by a process whose clock was ahead")
	require.Positive(t, middleware.AgeAt(-1<<63, 1<<62))
	// All doors count from one beginning, by the monotonic clock.
	e := newEngine(t)
	first := behind(saying("x", minute), middleware.Shared(e, middleware.Space("s")))
	second := behind(saying("x", minute), middleware.Shared(e, middleware.Space("s")))
	requireStored(t, first.get("/"))
	r := second.get("/")
	requireHit(t, r)
	require.Equal(t, "0", r.Header.Get("Age"))
}

func TestLine35APageThatSaysNoCacheIsConfirmedEachTime(t *testing.T) {
	t.Parallel()
	e := newEngine(t)
	s := behind(func(w http.ResponseWriter, r *http.Request) {
		set(w.Header(), "Cache-Control: no-cache, max-age=60", `ETag: "a"`)
		if r.Header.Get("If-None-Match") == `"a"` {
			w.WriteHeader(http.StatusNotModified)
			return
		}
		_, _ = io.WriteString(w, "x")
	}, middleware.Shared(e))
	requireStored(t, s.get("/"))
	filled := e.Stats().Pages.Fills
	defer func() { require.Equal(t, filled, e.Stats().Pages.Fills, "what has not changed is not written again") }()
	for i := range 3 {
		r := s.get("/")
		requireStored(t, r)
		require.Equal(t, "x", r.body)
		require.EqualValues(t, http.StatusNotModified, r.param(t, "fwd-status"))
		require.EqualValues(t, i+2, s.runs.Load())
	}
}

func TestLine43AStalePageIsConfirmedByItsHandlerAndItsHeaderUpdated(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		var runs int
		tag := `"a"`
		s := behind(func(w http.ResponseWriter, r *http.Request) {
			runs++
			set(w.Header(), "Cache-Control: max-age=10", "X-Run: "+string(rune('0'+runs)), "ETag: "+tag)
			switch r.Header.Get("If-None-Match") {
			case tag:
				w.WriteHeader(http.StatusNotModified)
			case `"odd"`:
				w.Header().Set("Etag", `"other"`) // a 304 about something else
				w.WriteHeader(http.StatusNotModified)
			default:
				_, _ = io.WriteString(w, "body of "+tag)
			}
		}, middleware.Shared(newEngine(t)))
		requireStored(t, s.get("/"))
		time.Sleep(15 * time.Second)
		r := s.get("/", `If-None-Match: "mine"`)
		requireStored(t, r)
		require.Equal(t, http.StatusOK, r.StatusCode)
		require.EqualValues(t, "stale", r.param(t, "fwd"))
		require.EqualValues(t, http.StatusNotModified, r.param(t, "fwd-status"))
		require.Equal(t, `body of "a"`, r.body)
		require.Equal(t, "2", r.Header.Get("X-Run"))
		r = s.get("/")
		requireHit(t, r)
		require.Equal(t, "2", r.Header.Get("X-Run"))
		require.Equal(t, "11", r.Header.Get("Content-Length"))
		time.Sleep(15 * time.Second)
		require.Equal(t, http.StatusNotModified, s.get("/", `If-None-Match: "a"`).StatusCode)
		time.Sleep(15 * time.Second)
		tag = `"odd"`
		require.Equal(t, `body of "odd"`, s.get("/").body)
		time.Sleep(15 * time.Second)
		tag = `"third"`
		before := runs
		require.Equal(t, `body of "third"`, s.get("/").body, "a 304 that does not fit is asked again without a condition")
		require.Equal(t, before+2, runs)
	})
}

func TestLine43AConfirmedPageStandsOnWhatItWasMadeFromAndOnWhatConfirmedIt(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		e := newEngine(t)
		body, check := coherence.NamedTag("body"), coherence.NamedTag("check")
		s := behind(func(w http.ResponseWriter, r *http.Request) {
			coherence.Depend(r.Context(), check)
			set(w.Header(), `ETag: "a"`)
			if r.Header.Get("If-None-Match") == `"a"` {
				w.WriteHeader(http.StatusNotModified)
				return
			}
			coherence.Depend(r.Context(), body)
			_, _ = io.WriteString(w, "x")
		}, middleware.Shared(e, middleware.MaxLifetime(time.Minute)))
		for _, tag := range []coherence.Tag{body, check} {
			s.get("/")
			time.Sleep(2 * time.Minute)
			r := s.get("/")
			requireStored(t, r)
			require.EqualValues(t, http.StatusNotModified, r.param(t, "fwd-status"))
			requireHit(t, s.get("/"))
			write(t, e, tag)
			r = s.get("/")
			requireStored(t, r)
			require.EqualValues(t, http.StatusOK, r.param(t, "fwd-status"), "what has changed is not asked about")
		}
	})
}

func TestLine58AReplacedPageLeavesNothingBehindThatWouldUndoItsSuccessor(t *testing.T) {
	t.Parallel()
	e := newEngine(t)
	before, after := coherence.NamedTag("before"), coherence.NamedTag("after")
	tag := before
	s := behind(func(w http.ResponseWriter, r *http.Request) {
		coherence.Depend(r.Context(), tag)
		set(w.Header(), minute)
		_, _ = io.WriteString(w, "x")
	}, middleware.Shared(e, middleware.Development()))
	requireStored(t, s.get("/"))
	tag = after
	requireStored(t, s.get("/", "Cache-Control: no-cache"))
	requireHit(t, s.get("/"))
	write(t, e, before)
	requireHit(t, s.get("/"))
	write(t, e, after)
	requireMiss(t, s.get("/"))
}

func TestLine59APageOfTooManyTagsFallsBackToTheirTable(t *testing.T) {
	t.Parallel()
	e := newEngine(t)
	var events []middleware.Event
	s := behind(func(w http.ResponseWriter, r *http.Request) {
		for i := range 3 * coherence.MaxStamps {
			coherence.Depend(r.Context(), coherence.RowTag("items", i))
		}
		_, _ = io.WriteString(w, "x")
	}, middleware.Shared(e, middleware.WithRecorder(func(e middleware.Event) { events = append(events, e) })))
	requireStored(t, s.get("/"))
	requireHit(t, s.get("/"))
	require.LessOrEqual(t, events[0].Dependencies, coherence.MaxStamps+8)
	write(t, e, coherence.RowTag("items", 3*coherence.MaxStamps-1)) // none was dropped
	requireMiss(t, s.get("/"))
}

func TestLine61WhatIsNotThereYetIsADependencyToo(t *testing.T) {
	t.Parallel()
	e := newEngine(t)
	var found atomic.Bool
	s := behind(func(w http.ResponseWriter, r *http.Request) {
		coherence.Depend(r.Context(), product)
		if r.URL.Path == "/list" {
			coherence.Depend(r.Context(), coherence.TableTag("products"))
		} else if !found.Load() {
			http.Error(w, "none", http.StatusNotFound)
			return
		}
		_, _ = io.WriteString(w, "x")
	}, middleware.Shared(e))
	requireStored(t, s.get("/1"))
	requireStored(t, s.get("/list"))
	r := s.get("/1")
	requireHit(t, r)
	require.Equal(t, http.StatusNotFound, r.StatusCode)
	found.Store(true)
	write(t, e, product)
	require.Equal(t, http.StatusOK, s.get("/1").StatusCode)
	requireMiss(t, s.get("/list"))
}

func TestLine63UnknownReadsAreNotStoredAndUnknownWritesMoveAll(t *testing.T) {
	t.Parallel()
	e := newEngine(t)
	for _, why := range []coherence.Reason{coherence.ReasonRaw, coherence.ReasonRows, coherence.ReasonUnknown, coherence.ReasonPool} {
		s := behind(func(w http.ResponseWriter, r *http.Request) {
			coherence.DepsOf(r.Context()).Refuse(why)
			tracked("x")(w, r)
		}, middleware.Shared(e))
		requireRefused(t, s.get("/"), why)
	}
	s := behind(tracked("x"), middleware.Shared(e))
	requireStored(t, s.get("/"))
	write(t, e, coherence.Everything())
	requireMiss(t, s.get("/"))
	require.NotZero(t, middleware.Stats(e)[""].Reasons[coherence.ReasonRaw])
}

func TestLine73ARequestWithCookiesGetsOnlyWhatSaysItIsForAll(t *testing.T) {
	t.Parallel()
	e := newEngine(t)
	for field, want := range map[string]bool{
		"Cache-Control: max-age=60": false, "Cache-Control: max-age=60, must-revalidate": false,
		"Cache-Control: public, max-age=60": true, "Cache-Control: s-maxage=60": true,
	} {
		s := behind(saying("x", field), middleware.Shared(e))
		requireStored(t, s.get("/"))
		require.Equal(t, want, s.get("/", "Cookie: session=1").hit(t), field)
		s = behind(saying("x", field), middleware.Shared(e))
		s.get("/", "Cookie: session=1")
		require.Equal(t, want, s.get("/").hit(t), field)
	}
}

// spoiling is a store whose entries are damaged once spoil is set.
type spoiling struct {
	store.Store
	spoil atomic.Pointer[func([]byte) []byte]
}

func (s *spoiling) Get(ctx context.Context, key string) ([]byte, error) {
	b, err := s.Store.Get(ctx, key)
	if spoil := s.spoil.Load(); err == nil && spoil != nil {
		b = (*spoil)(b)
	}
	return b, err
}

func TestLine79ACorruptEntryIsAMiss(t *testing.T) {
	t.Parallel()
	inner, err := bigcachestore.New(8 << 20)
	require.NoError(t, err)
	damaged := &spoiling{Store: inner}
	s := behind(tracked(strings.Repeat("x", 100)), middleware.Shared(newEngine(t, coherence.WithStore(damaged))))
	for name, spoil := range map[string]func([]byte) []byte{
		"cut":     func(b []byte) []byte { return b[:len(b)/2] },
		"empty":   func([]byte) []byte { return nil },
		"flipped": func(b []byte) []byte { b[len(b)/3] ^= 0x80; return b[:len(b)*2/3] },
		"zeros":   func(b []byte) []byte { clear(b); return b },
		"format":  flipFormat,
	} {
		damaged.spoil.Store(nil)
		s.get("/" + name)
		damaged.spoil.Store(&spoil)
		r := s.get("/" + name)
		requireMiss(t, r)
		require.Equal(t, strings.Repeat("x", 100), r.body, name)
	}
}

// flipFormat damages the byte that says how a page is written, and leaves all else; other entries stay as they are.
func flipFormat(b []byte) []byte {
	const epoch, stamp = 17, 12 // where the number of stamps is, and what one takes
	at := epoch + 1 + stamp*int(b[epoch])
	if b[at] == middleware.Samples()[0][0] {
		b[at] ^= 0x40
	}
	return b
}

func TestLine80NothingIsLeftBehindAndNothingOfTheProcessTouched(t *testing.T) { //nolint:paralleltest // counts goroutines
	signals := make(chan os.Signal, 1)
	signal.Notify(signals, os.Interrupt)
	defer signal.Stop(signals)
	others := goleak.IgnoreCurrent()
	for range 3 {
		e, err := coherence.New(coherence.WithMemory(8 << 20))
		require.NoError(t, err)
		s := behind(counting("Cache-Control: max-age=0, stale-while-revalidate=60"), middleware.Shared(e))
		for range 10 {
			s.get("/")
		}
		require.NoError(t, e.Close(t.Context()))
	}
	goleak.VerifyNone(t, others)
	require.False(t, signal.Ignored(os.Interrupt))
}
