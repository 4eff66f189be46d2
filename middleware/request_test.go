package middleware_test

import (
	"net/http"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/cachewright/cachewright/middleware"
)

func TestLine48AReloadValidatesATrackedPageByItsStamps(t *testing.T) {
	t.Parallel()
	e := newEngine(t)
	for _, reload := range []string{"Cache-Control: no-cache", "Cache-Control: max-age=0", "Pragma: no-cache"} {
		s := behind(tracked("x"), middleware.Shared(e))
		requireStored(t, s.get("/"))
		requireHit(t, s.get("/", reload))
		write(t, e, product)
		requireMiss(t, s.get("/", reload))

		plain := behind(saying("x", minute), middleware.Shared(e))
		requireStored(t, plain.get("/"))
		again := plain.get("/", reload)
		requireStored(t, again)
		require.EqualValues(t, "request", again.param(t, "fwd"))

		deaf := behind(saying("x", minute), middleware.Shared(e, middleware.IgnoreReload()))
		requireStored(t, deaf.get("/"))
		requireHit(t, deaf.get("/", reload))

		developing := behind(tracked("x"), middleware.Shared(e, middleware.Development()))
		requireStored(t, developing.get("/"))
		requireHit(t, developing.get("/"))
		requireStored(t, developing.get("/", reload))
	}
	s := behind(saying("x", minute), middleware.Shared(e))
	requireStored(t, s.get("/"))
	requireHit(t, s.get("/", "Pragma: no-cache", "Cache-Control: max-age=9"))
}

func TestLine48NoStoreRequestsNeitherStoreNorJoin(t *testing.T) {
	t.Parallel()
	s := behind(tracked("x"), middleware.Shared(newEngine(t)))
	requireRefused(t, s.get("/", "Cache-Control: no-store"), middleware.ReasonNoStoreRequest)
	requireStored(t, s.get("/"))
}

func TestLine49MaxAgeMinFreshAndOnlyIfCached(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		s := behind(saying("x", minute), middleware.Shared(newEngine(t)))
		requireStored(t, s.get("/"))
		time.Sleep(10 * time.Second)
		requireHit(t, s.get("/", "Cache-Control: max-age=10"))
		requireHit(t, s.get("/", "Cache-Control: min-fresh=50"))
		requireHit(t, s.get("/", "Cache-Control: only-if-cached"))
		requireStored(t, s.get("/", "Cache-Control: min-fresh=51"))
		time.Sleep(10 * time.Second)
		requireStored(t, s.get("/", "Cache-Control: max-age=9"))
		runs := s.runs.Load()
		r := s.get("/other", "Cache-Control: only-if-cached")
		require.Equal(t, http.StatusGatewayTimeout, r.StatusCode)
		require.Equal(t, middleware.ReasonOnlyIfCached, r.detail(t))
		require.Equal(t, runs, s.runs.Load())
		require.Equal(t, http.StatusGatewayTimeout, s.get("/", "Cache-Control: only-if-cached, no-cache").StatusCode)
		require.Equal(t, http.StatusGatewayTimeout, s.get("/other", "Cache-Control: only-if-cached", "Range: bytes=0-1").StatusCode)
	})
}

func TestLine49MaxStaleIsHonouredButNeverPastWhatForbidsIt(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		e := newEngine(t)
		aged := func(h http.HandlerFunc, opts ...middleware.Option) *site {
			s := behind(h, middleware.Shared(e, opts...))
			requireStored(t, s.get("/"))
			time.Sleep(70 * time.Second)
			return s
		}
		s := aged(saying("x", minute))
		requireMiss(t, s.get("/", "Cache-Control: max-stale=9, only-if-cached"))
		for _, ask := range []string{"max-stale=10", "max-stale", "max-stale=3600, max-age=100"} {
			r := s.get("/", "Cache-Control: "+ask)
			requireHit(t, r)
			require.Equal(t, "70", r.Header.Get("Age"))
			require.EqualValues(t, -10, r.param(t, "ttl"))
		}
		requireStored(t, s.get("/"))
		for _, field := range []string{
			"Cache-Control: max-age=60, must-revalidate", "Cache-Control: max-age=60, proxy-revalidate", "Cache-Control: s-maxage=60",
		} {
			requireMiss(t, aged(saying("x", field)).get("/", "Cache-Control: max-stale"))
		}
		requireMiss(t, aged(tracked("x"), middleware.MaxLifetime(time.Minute)).get("/", "Cache-Control: max-stale"))

		moved := aged(func(w http.ResponseWriter, r *http.Request) {
			set(w.Header(), minute)
			tracked("x")(w, r)
		})
		requireHit(t, moved.get("/", "Cache-Control: max-stale"))
		write(t, e, product)
		requireMiss(t, moved.get("/", "Cache-Control: max-stale"))
	})
}

func TestLine50UnreadableDirectivesAreIgnored(t *testing.T) {
	t.Parallel()
	s := behind(saying("x", minute), middleware.Shared(newEngine(t)))
	requireStored(t, s.get("/"))
	for _, field := range []string{"max-age=soon", "unknown", ", ,;=", "min-fresh", "NO-TRANSFORM"} {
		requireHit(t, s.get("/", "Cache-Control: "+field))
	}
	requireMiss(t, s.get("/", "Cache-Control: unknown", "Cache-Control: NO-CACHE"))
}

func TestLine51NobodyPurgesByMethod(t *testing.T) {
	t.Parallel()
	s := behind(func(w http.ResponseWriter, r *http.Request) {
		if r.Method != http.MethodGet {
			w.WriteHeader(http.StatusMethodNotAllowed)
			return
		}
		tracked("x")(w, r)
	}, middleware.Shared(newEngine(t)))
	requireStored(t, s.get("/"))
	for _, method := range []string{"PURGE", "BAN", "REFRESH"} {
		require.Equal(t, http.StatusMethodNotAllowed, s.send(request(method, "/")).StatusCode)
	}
	requireHit(t, s.get("/"))
}

func TestLine77HowAPageCouldBePoisoned(t *testing.T) {
	t.Parallel()
	s := behind(echo, middleware.Shared(newEngine(t)))
	fat := request(http.MethodGet, "/")
	fat.Body, fat.ContentLength = http.NoBody, 4
	requireRefused(t, s.send(fat), middleware.ReasonRequestBody)
	chunked := request(http.MethodGet, "/")
	chunked.ContentLength, chunked.TransferEncoding = -1, []string{"chunked"}
	requireRefused(t, s.send(chunked), middleware.ReasonRequestBody)
	requireStored(t, s.get("/"))
	overridden := s.get("/", "X-HTTP-Method-Override: DELETE")
	requireStored(t, overridden) // under a key of its own
	requireHit(t, s.get("/"))

	// The target names one host and the Host field another one: whoever is believed, the two do not meet.
	other := request(http.MethodGet, "http://a.example/")
	other.Host = "b.example"
	requireStored(t, s.send(other))
	requireStored(t, s.get("http://a.example/"))
	requireStored(t, s.get("http://b.example/"))
	for _, path := range []string{"/ü", "/%c3%bc", "/a%00b", "/" + strings.Repeat("%2e", 3), "/a?x=1;y=2", "/a?x=1&y=2"} {
		first := s.get("http://a.example/" + strings.TrimPrefix(path, "/"))
		requireStored(t, first)
	}
}
