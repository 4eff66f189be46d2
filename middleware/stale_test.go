package middleware_test

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"strconv"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/go-chi/chi/v5"
	"github.com/stretchr/testify/require"

	"github.com/cachewright/cachewright/coherence"
	"github.com/cachewright/cachewright/internal/switches"
	"github.com/cachewright/cachewright/middleware"
)

// counting is a handler that says how often it has run, with these fields.
func counting(fields ...string) http.HandlerFunc {
	var runs atomic.Int64
	return func(w http.ResponseWriter, r *http.Request) {
		coherence.Depend(r.Context(), product)
		set(w.Header(), fields...)
		_, _ = io.WriteString(w, strconv.FormatInt(runs.Add(1), 10))
	}
}

// failing is a handler that fails from its second run on: by a status, or with status 0 by a panic.
func failing(status int, fields ...string) http.HandlerFunc {
	var runs atomic.Int64
	return func(w http.ResponseWriter, r *http.Request) {
		coherence.Depend(r.Context(), product)
		if runs.Add(1) == 1 {
			set(w.Header(), fields...)
			_, _ = io.WriteString(w, "fine")
			return
		}
		if status == 0 {
			panic("broken")
		}
		set(w.Header(), "X-Failure: yes", "Cache-Control: no-store")
		w.Header().Set("Content-Length", "9999999") // an error page larger than what is kept
		w.WriteHeader(status)
		w.(http.Flusher).Flush()
		_, _ = io.WriteString(w, "broken")
	}
}

func TestLine38APageIsServedWhileItIsMadeAgain(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		s := behind(counting("Cache-Control: max-age=10, stale-while-revalidate=20"), middleware.Shared(newEngine(t)))
		requireStored(t, s.get("/"))
		time.Sleep(15 * time.Second)
		r := s.get("/")
		requireHit(t, r)
		require.Equal(t, "1", r.body)
		require.EqualValues(t, -5, r.param(t, "ttl"))
		synctest.Wait()
		r = s.get("/")
		requireHit(t, r)
		require.Equal(t, "2", r.body)
		time.Sleep(31 * time.Second)
		requireStored(t, s.get("/"))
	})
}

func TestLine38WindowsHaveDefaults(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		e := newEngine(t)
		s := behind(counting("Cache-Control: max-age=10"), middleware.Shared(e, middleware.StaleWhileRevalidate(20*time.Second)))
		s.get("/")
		time.Sleep(15 * time.Second)
		requireHit(t, s.get("/"))
		synctest.Wait()
		require.Equal(t, "2", s.get("/").body)

		s = behind(failing(503, "Cache-Control: max-age=10"), middleware.Shared(e, middleware.StaleIfError(20*time.Second)))
		s.get("/")
		time.Sleep(15 * time.Second)
		require.Equal(t, "fine", s.get("/").body)
		time.Sleep(20 * time.Second)
		require.Equal(t, "broken", s.get("/").body)

		strict := behind(counting("Cache-Control: max-age=10, must-revalidate"), middleware.Shared(e, middleware.StaleWhileRevalidate(20*time.Second)))
		strict.get("/")
		time.Sleep(15 * time.Second)
		requireStored(t, strict.get("/"))

		// MaxLifetime is no lifetime to go beyond.
		bounded := behind(tracked("x"), middleware.Shared(e, middleware.MaxLifetime(10*time.Second), middleware.StaleWhileRevalidate(20*time.Second)))
		bounded.get("/")
		time.Sleep(15 * time.Second)
		requireStored(t, bounded.get("/"))
	})
}

func TestLine38AStalePageStandsInForAFailure(t *testing.T) {
	t.Parallel()
	for _, status := range []int{0, 500, 502, 503, 504} {
		t.Run(strconv.Itoa(status), func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				s := behind(failing(status, "Cache-Control: max-age=10, stale-if-error=20", "X-Page: yes"), middleware.Shared(newEngine(t)))
				requireStored(t, s.get("/"))
				time.Sleep(15 * time.Second)
				r := s.get("/")
				requireRefused(t, r, middleware.ReasonFailure)
				require.Equal(t, http.StatusOK, r.StatusCode)
				require.Equal(t, "fine", r.body)
				require.Equal(t, "yes", r.Header.Get("X-Page"))
				require.Empty(t, r.Header.Get("X-Failure"))
				require.Equal(t, "15", r.Header.Get("Age"))
				require.EqualValues(t, "stale", r.param(t, "fwd"))
				if status != 0 {
					require.EqualValues(t, status, r.param(t, "fwd-status"))
				}
				time.Sleep(20 * time.Second)
				if status == 0 {
					require.Panics(t, func() { s.get("/") })
				} else {
					require.Equal(t, status, s.get("/").StatusCode)
				}
			})
		})
	}
}

func TestLine38APageWhoseStampsMovedIsServedOnlyByItsOwnStaleIfErrorOnFailure(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		e := newEngine(t)
		// Neither stale-while-revalidate nor max-stale.
		s := behind(counting("Cache-Control: max-age=10, stale-while-revalidate=600"), middleware.Shared(e))
		for _, age := range []time.Duration{0, 15 * time.Second} {
			s.get("/")
			synctest.Wait()
			before := s.get("/").body
			write(t, e, product)
			time.Sleep(age)
			require.NotEqual(t, before, s.get("/", "Cache-Control: max-stale").body)
		}
		// The handler's own stale-if-error, and it says so.
		s = behind(failing(503, "Cache-Control: max-age=10, stale-if-error=20"), middleware.Shared(e))
		requireStored(t, s.get("/"))
		write(t, e, product)
		r := s.get("/")
		require.Equal(t, "fine", r.body)
		require.Equal(t, middleware.ReasonStale, r.detail(t))
		time.Sleep(31 * time.Second)
		require.Equal(t, http.StatusServiceUnavailable, s.get("/").StatusCode)
		// A default is not the handler's word.
		s = behind(failing(503, "Cache-Control: max-age=10"), middleware.Shared(e, middleware.StaleIfError(time.Minute)))
		requireStored(t, s.get("/"))
		write(t, e, product)
		require.Equal(t, http.StatusServiceUnavailable, s.get("/").StatusCode)
		// A handler that works is heard.
		s = behind(counting("Cache-Control: max-age=10, stale-if-error=20"), middleware.Shared(e))
		s.get("/")
		write(t, e, product)
		require.Equal(t, "2", s.get("/").body)
	})
}

func TestLine38WithoutTheRuleThatStampsDecideAWriteIsNotSeen(t *testing.T) { //nolint:paralleltest // a switch is the whole process's
	observe := func(t *testing.T) (seen bool) {
		synctest.Test(t, func(t *testing.T) {
			e := newEngine(t)
			s := behind(counting("Cache-Control: max-age=10, stale-while-revalidate=600"), middleware.Shared(e))
			s.get("/")
			write(t, e, product)
			seen = s.get("/").body == "2"
		})
		return seen
	}
	require.True(t, observe(t))
	switches.Disable(t, switches.PageStamps)
	require.False(t, observe(t))
}

func TestLine62ASoftPurgeLetsAStalePageBeServedWhileItIsMadeAgain(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		e := newEngine(t)
		s := behind(counting("Cache-Control: max-age=600, stale-while-revalidate=60"), middleware.Shared(e))
		requireStored(t, s.get("/"))
		require.NoError(t, e.Expire(t.Context(), product))
		require.Equal(t, "1", s.get("/").body)
		synctest.Wait()
		require.Equal(t, "2", s.get("/").body)
		hard := behind(counting("Cache-Control: max-age=600"), middleware.Shared(e))
		hard.get("/")
		require.NoError(t, e.Expire(t.Context(), product))
		require.Equal(t, "2", hard.get("/").body)
		sie := behind(failing(500, "Cache-Control: max-age=600, stale-if-error=60"), middleware.Shared(e))
		sie.get("/")
		require.NoError(t, e.Expire(t.Context(), product))
		require.Equal(t, "fine", sie.get("/").body)
	})
}

type traceKey struct{}

func TestLine92ARefreshHasAWriterARequestAndARouteOfItsOwn(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		e := newEngine(t)
		gate, writers := make(chan struct{}), make(chan http.ResponseWriter, 9)
		var mu sync.Mutex
		var made []string
		var runs atomic.Int64
		router := chi.NewRouter()
		router.Use(middleware.Track(e))
		router.With(middleware.Shared(e)).Get("/products/{id}", func(w http.ResponseWriter, r *http.Request) {
			coherence.Depend(r.Context(), product)
			writers <- w
			if runs.Add(1) > 1 {
				<-gate // until other requests have used chi's pooled context
				require.NoError(t, r.Context().Err(), "the client is gone, its request is over")
			}
			mu.Lock()
			made = append(made, fmt.Sprint(chi.URLParam(r, "id"), chi.RouteContext(r.Context()).RoutePattern(), r.Context().Value(traceKey{}), r.Header.Get("Cache-Control")))
			mu.Unlock()
			_, hasFlush := w.(http.Flusher)
			require.Equal(t, runs.Load() == 1, hasFlush)
			n, err := io.Copy(io.Discard, r.Body)
			require.NoError(t, err)
			require.Zero(t, n)
			set(w.Header(), "Cache-Control: max-age=10, stale-while-revalidate=60")
			_, _ = io.WriteString(w, "page "+chi.URLParam(r, "id"))
		})
		router.Get("/other/{name}/{id}", func(http.ResponseWriter, *http.Request) {})
		s := &site{Handler: router}
		ask := func(path string) *reply {
			ctx, cancel := context.WithCancel(context.WithValue(t.Context(), traceKey{}, "trace"))
			defer cancel()
			return s.send(request(http.MethodGet, path, "Cache-Control: foo").WithContext(ctx))
		}
		ask("/products/7")
		time.Sleep(15 * time.Second)
		requireHit(t, ask("/products/7"))
		synctest.Wait()
		for range 20 {
			ask("/other/x/8")
		}
		close(gate)
		synctest.Wait()
		require.Equal(t, []string{"7/products/{id}tracefoo", "7/products/{id}trace"}, made)
		require.NotEqual(t, <-writers, <-writers)
		r := ask("/products/7")
		requireHit(t, r)
		require.Equal(t, "page 7", r.body)
		write(t, e, product)
		require.Len(t, made, 2)
	})
}

func TestLine92ARefreshedPageStandsOnWhatMiddlewareOutsideRead(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		e := newEngine(t)
		tenant := coherence.NamedTag("tenant")
		auth := func(next http.Handler) http.Handler {
			return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				coherence.Depend(r.Context(), tenant)
				next.ServeHTTP(w, r)
			})
		}
		s := behind(counting("Cache-Control: max-age=10, stale-while-revalidate=60"), middleware.Track(e), auth, middleware.Shared(e))
		s.get("/")
		time.Sleep(15 * time.Second)
		s.get("/")
		synctest.Wait()
		require.Equal(t, "2", s.get("/").body)
		write(t, e, tenant)
		require.Equal(t, "3", s.get("/").body)
	})
}

func TestLine93OnePageIsRefreshedOnceAtATimeAndNotSoonAfterAFailure(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		s := behind(failing(500, "Cache-Control: max-age=10, stale-while-revalidate=600"), middleware.Shared(newEngine(t)))
		s.get("/")
		time.Sleep(15 * time.Second)
		runs := func(during time.Duration) int64 {
			before := s.runs.Load()
			for end := time.Now().Add(during); time.Now().Before(end); time.Sleep(100 * time.Millisecond) {
				require.Equal(t, "fine", s.get("/").body)
			}
			synctest.Wait()
			return s.runs.Load() - before
		}
		require.EqualValues(t, 1, runs(time.Second))
		require.EqualValues(t, 1, runs(2*time.Second))
		require.EqualValues(t, 1, runs(4*time.Second))
		require.LessOrEqual(t, runs(3*time.Minute), int64(8), "a minute between them at most")
		require.GreaterOrEqual(t, runs(2*time.Minute), int64(1), "and not much more")
	})
}

func TestLine93RefreshesAreBoundedAndEndWithTheEngine(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		e := newEngine(t)
		gate := make(chan struct{})
		var now, most, ended atomic.Int64
		s := behind(func(w http.ResponseWriter, r *http.Request) {
			set(w.Header(), "Cache-Control: max-age=10, stale-while-revalidate=600")
			if r.Context().Value(traceKey{}) != nil {
				if n := now.Add(1); n > most.Load() {
					most.Store(n)
				}
				select {
				case <-gate:
				case <-r.Context().Done():
					ended.Add(1)
				}
				now.Add(-1)
			}
			_, _ = io.WriteString(w, "x")
		}, middleware.Shared(e))
		const pages = 100
		for i := range pages {
			s.get("/" + strconv.Itoa(i))
		}
		time.Sleep(15 * time.Second)
		for i := range pages {
			r := request(http.MethodGet, "/"+strconv.Itoa(i))
			requireHit(t, s.send(r.WithContext(context.WithValue(r.Context(), traceKey{}, 1))))
		}
		synctest.Wait()
		require.EqualValues(t, 16, most.Load())
		require.NoError(t, e.Close(t.Context()))
		require.EqualValues(t, 16, ended.Load())
	})
}

func TestLine93APanicOfARefreshEndsThere(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		s := behind(failing(0, "Cache-Control: max-age=10, stale-while-revalidate=600"), middleware.Shared(newEngine(t)))
		s.get("/")
		time.Sleep(15 * time.Second)
		requireHit(t, s.get("/"))
		synctest.Wait()
		requireHit(t, s.get("/"))
		require.EqualValues(t, 2, s.runs.Load())
	})
}

func TestLine94LifetimesCanBeSpread(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		s := behind(saying("x", "Cache-Control: max-age=100"), middleware.Shared(newEngine(t), middleware.Jitter(0.5)))
		const pages = 60
		for i := range pages {
			requireStored(t, s.get("/"+strconv.Itoa(i)))
		}
		alive := func() (n int) {
			for i := range pages {
				if s.get("/"+strconv.Itoa(i), "Cache-Control: only-if-cached").StatusCode == http.StatusOK {
					n++
				}
			}
			return n
		}
		time.Sleep(49 * time.Second)
		require.Equal(t, pages, alive())
		time.Sleep(26 * time.Second)
		require.InDelta(t, pages/2, alive(), pages/3)
		time.Sleep(25 * time.Second)
		require.Zero(t, alive())
	})
}

func TestLine34HeuristicFreshnessIsAnOption(t *testing.T) {
	t.Parallel()
	heuristic := func(e *coherence.Engine) middle { return middleware.Shared(e, middleware.Heuristic()) }
	const modified = "Last-Modified: Fri, 31 Dec 1999 23:50:00 GMT" // ten minutes before the bubble's time
	require.Zero(t, lives(t, shared, modified))
	require.Equal(t, time.Minute, lives(t, heuristic, modified))
	require.Zero(t, lives(t, heuristic))
	require.Zero(t, lives(t, heuristic, "Last-Modified: Sat, 01 Jan 2000 23:50:00 GMT"))
	require.Equal(t, 7*time.Second, lives(t, heuristic, modified, "Cache-Control: max-age=7"))
	synctest.Test(t, func(t *testing.T) {
		e := newEngine(t)
		s := behind(saying("x", "Last-Modified: Sat, 31 Dec 1983 23:50:00 GMT"), heuristic(e))
		s.get("/")
		time.Sleep(24*time.Hour - time.Second)
		requireHit(t, s.get("/"))
		time.Sleep(2 * time.Second)
		requireMiss(t, s.get("/"))
		for status, stored := range map[int]bool{203: true, 404: true, 405: true, 410: true, 501: true, 201: false, 403: false, 503: false} {
			s := behind(func(w http.ResponseWriter, _ *http.Request) {
				set(w.Header(), modified)
				w.WriteHeader(status)
			}, heuristic(e))
			s.get("/")
			require.Equal(t, stored, s.get("/").hit(t), status)
		}
		public := behind(func(w http.ResponseWriter, _ *http.Request) {
			set(w.Header(), modified, "Cache-Control: public")
			w.WriteHeader(599)
		}, heuristic(e))
		public.get("/")
		requireHit(t, public.get("/"))
		wrote := behind(func(w http.ResponseWriter, r *http.Request) {
			coherence.DepsOf(r.Context()).Refuse(coherence.ReasonWrote)
			set(w.Header(), modified)
		}, heuristic(e))
		wrote.get("/")
		requireMiss(t, wrote.get("/"))
	})
}
