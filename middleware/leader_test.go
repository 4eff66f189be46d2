package middleware_test

import (
	"context"
	"io"
	"net/http"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/cachewright/cachewright/coherence"
	"github.com/cachewright/cachewright/middleware"
)

func TestLine89WhenTheLeadersClientLeavesAnotherOneLeads(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		s := behind(func(w http.ResponseWriter, r *http.Request) {
			coherence.Depend(r.Context(), product)
			select {
			case <-r.Context().Done():
				http.Error(w, "gave up", http.StatusServiceUnavailable)
			case <-time.After(time.Second):
				_, _ = io.WriteString(w, "page")
			}
		}, middleware.Shared(newEngine(t)))
		c := crowd{s: s}
		leader := request(http.MethodGet, "/")
		ctx, leave := context.WithCancel(leader.Context())
		c.send(leader.WithContext(ctx))
		c.send(gets(3)...)
		leave()
		c.wg.Wait()
		require.Equal(t, middleware.ReasonCancelled, c.replies[0].detail(t))
		for _, r := range c.replies[1:] {
			require.Equal(t, "page", r.body)
		}
		require.EqualValues(t, 2, s.runs.Load())
	})
}

func TestLine90APanicReleasesThoseWhoWaitAndStaysWithTheLeader(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		g := newGate()
		var runs atomic.Int64
		recovered := make(chan any, 1)
		s := behind(func(w http.ResponseWriter, r *http.Request) {
			coherence.Depend(r.Context(), product)
			if runs.Add(1) == 1 {
				_, _ = io.WriteString(w, "half")
				g.wait()
				panic("boom")
			}
			_, _ = io.WriteString(w, "page")
		}, func(next http.Handler) http.Handler {
			return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				defer func() {
					if v := recover(); v != nil {
						recovered <- v
						w.WriteHeader(http.StatusInternalServerError)
					}
				}()
				next.ServeHTTP(w, r)
			})
		}, middleware.Shared(newEngine(t)))
		c := crowd{s: s}
		c.send(gets(4)...)
		close(g.open)
		c.wg.Wait()
		require.Equal(t, "boom", <-recovered)
		require.Equal(t, http.StatusInternalServerError, c.replies[0].StatusCode)
		require.Empty(t, c.replies[0].body, "nothing of the half answer was sent")
		require.Equal(t, middleware.ReasonPanicked, c.replies[0].detail(t))
		for _, r := range c.replies[1:] {
			require.Equal(t, "page", r.body)
		}
		requireHit(t, s.get("/"))
	})
}

func TestLine91WhoWaitsTooLongRunsAloneAndDoesNotStoreTwice(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		g := newGate()
		var runs atomic.Int64
		s := behind(func(w http.ResponseWriter, r *http.Request) {
			coherence.Depend(r.Context(), product)
			if runs.Add(1) == 1 {
				g.wait()
			}
			_, _ = io.WriteString(w, "page")
		}, middleware.Shared(newEngine(t), middleware.Wait(3*time.Second)))
		c := crowd{s: s}
		c.send(gets(1)...)
		start := time.Now()
		r := s.get("/")
		require.Equal(t, 3*time.Second, time.Since(start))
		requireRefused(t, r, middleware.ReasonWaited)
		require.Equal(t, "page", r.body)
		require.EqualValues(t, 2, s.runs.Load())

		impatient := request(http.MethodGet, "/")
		ctx, cancel := context.WithTimeout(impatient.Context(), time.Second)
		defer cancel()
		start = time.Now()
		s.send(impatient.WithContext(ctx))
		require.Equal(t, time.Second, time.Since(start), "its own context ends its waiting")
		close(g.open)
		c.wg.Wait()
		requireStored(t, c.replies[0])
	})
}

func TestLine65StreamingReleasesThoseWhoWait(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		g := newGate()
		s := behind(func(w http.ResponseWriter, r *http.Request) {
			coherence.Depend(r.Context(), product)
			_, _ = io.WriteString(w, "a")
			w.(http.Flusher).Flush()
			g.wait()
		}, middleware.Shared(newEngine(t)))
		c := crowd{s: s}
		c.send(gets(4)...)
		require.EqualValues(t, 4, s.runs.Load(), "all run though the first one is not done")
		close(g.open)
		c.wg.Wait()
	})
}

func TestLine70ASlowClientOfTheLeaderHoldsNobodyUp(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		g := newGate()
		s := behind(tracked(strings.Repeat("a", 100<<10)), middleware.Shared(newEngine(t)))
		slow := &slowWriter{discard: discard{header: http.Header{}}, gate: g}
		var wg sync.WaitGroup
		wg.Go(func() { s.ServeHTTP(slow, request(http.MethodGet, "/")) })
		synctest.Wait()
		requireHit(t, s.get("/")) // while the first client still reads
		close(g.open)
		wg.Wait()
		require.Equal(t, 100<<10, slow.bytes)
	})
}

// slowWriter takes a few bytes at once, as the buffer of a connection does, and then blocks.
type slowWriter struct {
	discard
	gate *gate
}

func (w *slowWriter) Write(b []byte) (int, error) {
	if w.bytes+len(b) > 2048 {
		w.gate.wait()
	}
	return w.discard.Write(b)
}
