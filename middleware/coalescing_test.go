package middleware_test

import (
	"io"
	"net/http"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"

	"github.com/stretchr/testify/require"

	"github.com/cachewright/cachewright/coherence"
	"github.com/cachewright/cachewright/internal/switches"
	"github.com/cachewright/cachewright/middleware"
)

// crowd sends requests that run at the same time, and gathers their answers in the order they were sent.
type crowd struct {
	s       *site
	wg      sync.WaitGroup
	replies []*reply // good once wg is done
}

// send starts requests and returns when all of them wait for something.
func (c *crowd) send(rs ...*http.Request) {
	for _, r := range rs {
		answer := new(reply)
		c.replies = append(c.replies, answer)
		c.wg.Go(func() { *answer = *c.s.send(r) })
		synctest.Wait()
	}
}

func gets(n int, fields ...string) []*http.Request {
	rs := make([]*http.Request, n)
	for i := range rs {
		rs[i] = request(http.MethodGet, "/", fields...)
	}
	return rs
}

// gate is a handler that tells who runs it and waits.
type gate struct{ open chan struct{} }

func newGate() *gate { return &gate{open: make(chan struct{})} }

func (g *gate) wait() { <-g.open }

func TestLine86ManyMissesOfOnePageRunOneHandler(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		g := newGate()
		s := behind(func(w http.ResponseWriter, r *http.Request) {
			coherence.Depend(r.Context(), product)
			g.wait()
			_, _ = io.WriteString(w, "page")
		}, middleware.Shared(newEngine(t)))
		c := crowd{s: s}
		c.send(gets(20)...)
		require.EqualValues(t, 1, s.runs.Load())
		close(g.open)
		c.wg.Wait()
		collapsed := 0
		for _, r := range c.replies {
			require.Equal(t, "page", r.body)
			requireMiss(t, r)
			if r.param(t, "collapsed") == true {
				collapsed++
			}
		}
		require.Equal(t, 19, collapsed)
		require.EqualValues(t, 1, s.runs.Load())
	})
}

func TestLine86AnAnswerThatIsForNobodyElseReachesNobodyElse(t *testing.T) {
	t.Parallel()
	for name, fields := range map[string][]string{
		"set-cookie": {"Cache-Control: public, max-age=60", "Set-Cookie: session=secret"},
		"private":    {"Cache-Control: private, max-age=60"},
		"no-store":   {"Cache-Control: no-store"},
		"vary-star":  {"Cache-Control: public, max-age=60", "Vary: *"},
		"nothing":    nil,
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				g := newGate()
				s := behind(func(w http.ResponseWriter, r *http.Request) {
					set(w.Header(), fields...)
					g.wait()
					_, _ = io.WriteString(w, r.RemoteAddr)
				}, middleware.Shared(newEngine(t)))
				c := crowd{s: s}
				rs := gets(10)
				for i := range rs {
					rs[i].RemoteAddr = strings.Repeat("i", i+1)
				}
				c.send(rs...)
				require.EqualValues(t, 1, s.runs.Load())
				close(g.open)
				c.wg.Wait()
				for i, r := range c.replies {
					require.Equal(t, rs[i].RemoteAddr, r.body)
				}
				require.EqualValues(t, 10, s.runs.Load())
			})
		})
	}
}

func TestLine86RequestsThatVaryDifferentlyDoNotShare(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		g := newGate()
		s := behind(func(w http.ResponseWriter, r *http.Request) {
			set(w.Header(), "Cache-Control: public, max-age=60", "Vary: User-Agent")
			g.wait()
			_, _ = io.WriteString(w, r.UserAgent())
		}, middleware.Shared(newEngine(t)))
		c := crowd{s: s}
		for _, agent := range []string{"a", "b", "a", "c", "b"} {
			c.send(gets(1, "User-Agent: "+agent)...)
		}
		require.EqualValues(t, 1, s.runs.Load(), "nobody knows yet that it matters")
		close(g.open)
		c.wg.Wait()
		for i, agent := range []string{"a", "b", "a", "c", "b"} {
			require.Equal(t, agent, c.replies[i].body)
		}
		require.EqualValues(t, 3, s.runs.Load())
	})
}

func TestLine86WhoArrivedBeforeTheWriteGetsTheAnswerOfTheFillThatBeganAfterIt(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		e := newEngine(t)
		g := newGate()
		var version atomic.Int64
		s := behind(func(w http.ResponseWriter, r *http.Request) {
			coherence.Depend(r.Context(), product)
			v := version.Load()
			g.wait()
			_, _ = io.WriteString(w, string(rune('0'+v)))
		}, middleware.Shared(e))
		c := crowd{s: s}
		c.send(gets(5)...) // all see version 0 under way
		version.Store(1)
		write(t, e, product)
		c.send(gets(5)...) // these arrive after the write
		require.EqualValues(t, 1, s.runs.Load())
		close(g.open)
		c.wg.Wait()
		require.Equal(t, "0", c.replies[0].body, "the leader")
		require.Equal(t, middleware.ReasonStampsMoved, c.replies[0].detail(t))
		for _, r := range c.replies[1:] {
			require.Equal(t, "1", r.body, "nobody else gets what was read before")
		}
		require.EqualValues(t, 2, s.runs.Load(), "one of those who waited led the rest")
	})
}

func TestLine86AnAnswerWhoseStampsMovedIsSharedWithThoseWhoArrivedBeforeItWasBegun(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		e := newEngine(t)
		gates := []*gate{newGate(), newGate()}
		var runs atomic.Int64
		s := behind(func(w http.ResponseWriter, r *http.Request) {
			coherence.Depend(r.Context(), product)
			n := runs.Add(1) - 1
			if n < 2 {
				gates[n].wait()
			}
			write(t, e, product) // every answer is out of date when it is complete
			_, _ = io.WriteString(w, string(rune('0'+n)))
		}, middleware.Shared(e))
		c := crowd{s: s}
		c.send(gets(6)...)
		close(gates[0].open) // the first five of those who wait begin anew, one of them leading
		synctest.Wait()
		close(gates[1].open)
		c.wg.Wait()
		counts := map[string]int{}
		for _, r := range c.replies {
			counts[r.body]++
		}
		require.Equal(t, map[string]int{"0": 1, "1": 5}, counts, "all five arrived before the second fill began")
	})
}

func TestLine87RequestsForAnUncacheablePageDoNotQueue(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		g := newGate()
		s := behind(func(w http.ResponseWriter, r *http.Request) {
			if r.Header.Get("Referer") == "" {
				g.wait()
			}
			_, _ = io.WriteString(w, "mine")
		}, middleware.Shared(newEngine(t)))
		requireRefused(t, s.get("/", "Referer: x"), middleware.ReasonNoFreshness)
		c := crowd{s: s}
		c.send(gets(5)...)
		require.EqualValues(t, 6, s.runs.Load(), "all at once")
		close(g.open)
		c.wg.Wait()
	})
}

func TestLine87MovedStampsDoNotMakeAPageUncacheable(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		e := newEngine(t)
		g := newGate()
		moving := true
		s := behind(func(w http.ResponseWriter, r *http.Request) {
			coherence.Depend(r.Context(), product)
			if moving {
				write(t, e, product)
			} else {
				g.wait()
			}
			_, _ = io.WriteString(w, "x")
		}, middleware.Shared(e))
		requireRefused(t, s.get("/"), middleware.ReasonStampsMoved)
		moving = false
		c := crowd{s: s}
		c.send(gets(5)...)
		require.EqualValues(t, 2, s.runs.Load())
		close(g.open)
		c.wg.Wait()
		require.EqualValues(t, 2, s.runs.Load())
	})
}

func TestLine88RequestsWithSomethingOfTheirOwnDoNotJoin(t *testing.T) {
	t.Parallel()
	for _, field := range []string{
		"Authorization: Basic x", "Cookie: a=b", "Range: bytes=0-1", "Cache-Control: no-store", "Cache-Control: no-cache", `If-Match: "x"`,
	} {
		synctest.Test(t, func(t *testing.T) {
			g := newGate()
			s := behind(func(w http.ResponseWriter, r *http.Request) {
				set(w.Header(), minute)
				g.wait()
				_, _ = io.WriteString(w, r.Header.Get(strings.SplitN(field, ":", 2)[0]))
			}, middleware.Shared(newEngine(t)))
			c := crowd{s: s}
			c.send(gets(2)...)
			require.EqualValues(t, 1, s.runs.Load())
			c.send(gets(2, field)...)
			require.EqualValues(t, 3, s.runs.Load(), field)
			close(g.open)
			c.wg.Wait()
			for i, r := range c.replies {
				require.Equal(t, i >= 2, r.body != "", field)
			}
		})
	}
}

func TestLine88AConditionalRequestThatJoinsHasItsConditionJudgedByItself(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		g := newGate()
		s := behind(func(w http.ResponseWriter, _ *http.Request) {
			set(w.Header(), minute, `ETag: "v1"`)
			g.wait()
			_, _ = io.WriteString(w, "page")
		}, middleware.Shared(newEngine(t)))
		c := crowd{s: s}
		c.send(gets(1, `If-None-Match: "v1"`)...)
		c.send(gets(1)...)
		c.send(gets(1, `If-None-Match: "v0"`)...)
		c.send(gets(1, `If-None-Match: "v1"`)...)
		close(g.open)
		c.wg.Wait()
		var statuses []int
		for _, r := range c.replies {
			statuses = append(statuses, r.StatusCode)
		}
		require.Equal(t, []int{304, 200, 200, 304}, statuses)
		require.Equal(t, "page", c.replies[1].body)
	})
}

func TestLine10NobodyIsServedBeforeTheHeaderWasLookedAtAgain(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		g := newGate()
		s := behind(func(w http.ResponseWriter, r *http.Request) {
			coherence.Depend(r.Context(), product)
			g.wait()
			_, _ = io.WriteString(w, r.RemoteAddr)
		}, atFirstWrite("Set-Cookie: session=1"), middleware.Shared(newEngine(t)))
		c := crowd{s: s}
		a, b := request(http.MethodGet, "/"), request(http.MethodGet, "/")
		a.RemoteAddr, b.RemoteAddr = "a", "b"
		c.send(a, b)
		close(g.open)
		c.wg.Wait()
		require.Equal(t, "a", c.replies[0].body)
		require.Equal(t, "b", c.replies[1].body)
	})
}

func TestLine95CoalescingCanBeTurnedOff(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		g := newGate()
		s := behind(func(w http.ResponseWriter, r *http.Request) {
			coherence.Depend(r.Context(), product)
			g.wait()
		}, middleware.Shared(newEngine(t), middleware.WithoutCoalescing()))
		c := crowd{s: s}
		c.send(gets(4)...)
		require.EqualValues(t, 4, s.runs.Load())
		close(g.open)
		c.wg.Wait()
	})
}

func TestAHandlerThatAsksItsOwnDoorDoesNotWaitForItself(t *testing.T) {
	t.Parallel()
	door := middleware.Shared(newEngine(t))
	s := behind(tracked("x"), door, door)
	requireStored(t, s.get("/"))
	requireHit(t, s.get("/"))
	require.EqualValues(t, 1, s.runs.Load())
}

// Not parallel: a switch belongs to the whole process.
func TestWithoutTheRuleThatOnlyShareablePagesAreSharedAFollowerGetsAPrivateAnswer(t *testing.T) {
	observe := func(t *testing.T) (body string) {
		synctest.Test(t, func(t *testing.T) {
			g := newGate()
			s := behind(func(w http.ResponseWriter, r *http.Request) {
				set(w.Header(), "Cache-Control: private, max-age=60")
				g.wait()
				_, _ = io.WriteString(w, r.RemoteAddr)
			}, middleware.Shared(newEngine(t)))
			c := crowd{s: s}
			a, b := request(http.MethodGet, "/"), request(http.MethodGet, "/")
			a.RemoteAddr, b.RemoteAddr = "alice", "bob"
			c.send(a, b)
			close(g.open)
			c.wg.Wait()
			body = c.replies[1].body
		})
		return body
	}
	require.Equal(t, "bob", observe(t))
	switches.Disable(t, switches.PageShareable)
	require.Equal(t, "alice", observe(t))
}

func TestLine86WhatForbidsSharingAtTheFirstWriteAlsoCountsForAnAnswerWhoseStampsMoved(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		e := newEngine(t)
		gates := []*gate{newGate(), newGate()}
		var runs atomic.Int64
		s := behind(func(w http.ResponseWriter, r *http.Request) {
			coherence.Depend(r.Context(), product)
			n := runs.Add(1) - 1
			if n < 2 {
				gates[n].wait()
			}
			write(t, e, product)
			_, _ = io.WriteString(w, string(rune('0'+n)))
		}, atFirstWrite("Set-Cookie: session=1"), middleware.Shared(e))
		c := crowd{s: s}
		c.send(gets(6)...)
		close(gates[0].open)
		synctest.Wait()
		close(gates[1].open)
		c.wg.Wait()
		seen := map[string]bool{}
		for _, r := range c.replies {
			require.False(t, seen[r.body], "an answer that sets a cookie is for one")
			seen[r.body] = true
		}
	})
}
