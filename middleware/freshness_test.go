package middleware_test

import (
	"net/http"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/cachewright/cachewright/coherence"
	"github.com/cachewright/cachewright/middleware"
)

// lives reports how long the answer is a hit, to the second, up to an hour.
func lives(t *testing.T, door func(*coherence.Engine) middle, fields ...string) (life time.Duration) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		s := behind(saying("x", fields...), door(newEngine(t)))
		s.get("/")
		start := time.Now()
		for life < time.Hour && s.get("/").hit(t) {
			time.Sleep(time.Second)
			life = time.Since(start)
		}
	})
	return life
}

func shared(e *coherence.Engine) middle { return middleware.Shared(e) }

func TestLine29TheOrderOfLifetimes(t *testing.T) {
	t.Parallel()
	const expires = "Expires: Sat, 01 Jan 2000 00:00:50 GMT"
	require.Equal(t, 20*time.Second, lives(t, shared, "CDN-Cache-Control: max-age=20", "Cache-Control: s-maxage=30, max-age=40", expires))
	require.Equal(t, 30*time.Second, lives(t, shared, "Cache-Control: s-maxage=30, max-age=40", expires))
	require.Equal(t, 40*time.Second, lives(t, shared, "Cache-Control: max-age=40", expires))
	require.Equal(t, 50*time.Second, lives(t, shared, expires))
	perUser := func(e *coherence.Engine) middle {
		return middleware.PerUser(e, func(*http.Request) string { return "alice" })
	}
	require.Equal(t, 40*time.Second, lives(t, perUser, "Cache-Control: s-maxage=30, max-age=40"), "s-maxage is for shared caches")
}

func TestLine30And31BrokenLifetimesAreStale(t *testing.T) {
	t.Parallel()
	for _, field := range []string{
		"Cache-Control: max-age=-1", "Cache-Control: max-age=1.5", "Cache-Control: max-age=60x", "Cache-Control: max-age",
		"Cache-Control: max-age=60, max-age=0", "Expires: 0", "Expires: tomorrow",
	} {
		require.Zero(t, lives(t, shared, field), field)
	}
	require.Equal(t, time.Hour, lives(t, shared, "Cache-Control: max-age=99999999999999999999"))
	require.Equal(t, 5*time.Second, lives(t, shared, `Cache-Control: max-age="5"`))
	require.Equal(t, 7*time.Second, lives(t, shared, "Expires: Saturday, 01-Jan-00 00:00:07 GMT"))
	require.Equal(t, 8*time.Second, lives(t, shared, "Date: Fri, 31 Dec 1999 23:59:58 GMT", "Expires: Sat, 01 Jan 2000 00:00:08 GMT"),
		"relative to the answer's Date, and two seconds of it are over")
}

func TestLine32AgeCountsWhatUpstreamCachesSay(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		s := behind(saying("x", minute, "Age: 10", "Age: 99"), middleware.Shared(newEngine(t)))
		requireStored(t, s.get("/"))
		time.Sleep(5 * time.Second)
		r := s.get("/")
		requireHit(t, r)
		require.Equal(t, []string{"15"}, r.Header.Values("Age"))
		require.EqualValues(t, 45, r.param(t, "ttl"))
	})
}

func TestLine12DateIsFixedWhenThePageIsStored(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		s := behind(tracked("x"), middleware.Shared(newEngine(t)))
		stored := time.Now()
		s.get("/")
		time.Sleep(90 * time.Second)
		r := s.get("/")
		require.Equal(t, stored.UTC().Format(http.TimeFormat), r.Header.Get("Date"))
		require.Equal(t, "90", r.Header.Get("Age"))
	})
}

func TestLine13DefaultLifetimeIsBounded(t *testing.T) {
	t.Parallel()
	door := func(e *coherence.Engine) middle {
		return middleware.Shared(e, middleware.DefaultLifetime(9*time.Second))
	}
	require.Equal(t, 9*time.Second, lives(t, door))
	perUser := func(e *coherence.Engine) middle {
		return middleware.PerUser(e, func(*http.Request) string { return "alice" }, middleware.DefaultLifetime(9*time.Second))
	}
	require.Equal(t, 9*time.Second, lives(t, perUser))
}

func TestLine35NoCacheWithoutStampsIsNotServed(t *testing.T) {
	t.Parallel()
	s := behind(saying("x", "Cache-Control: no-cache, max-age=60"), middleware.Shared(newEngine(t)))
	requireRefused(t, s.get("/"), middleware.ReasonNoCache)
}

func TestLine36TargetedFieldsReplaceTheOthersWhenValid(t *testing.T) {
	t.Parallel()
	require.Zero(t, lives(t, shared, "CDN-Cache-Control: no-store", "Cache-Control: max-age=40"))
	require.Equal(t, 40*time.Second, lives(t, shared, "CDN-Cache-Control: max-age=a b", "Cache-Control: max-age=40"))
	require.Equal(t, 40*time.Second, lives(t, shared, "CDN-Cache-Control: ", "Cache-Control: max-age=40"))
	require.Equal(t, 20*time.Second, lives(t, shared, "CDN-Cache-Control: max-age=20", "Cache-Control: private"))
	ignoring := func(e *coherence.Engine) middle { return middleware.Shared(e, middleware.WithoutTargeted()) }
	require.Equal(t, 40*time.Second, lives(t, ignoring, "CDN-Cache-Control: max-age=20", "Cache-Control: max-age=40"))
}

func TestLine37ImmutableIsPreserved(t *testing.T) {
	t.Parallel()
	s := behind(saying("x", "Cache-Control: max-age=60, immutable"), middleware.Shared(newEngine(t)))
	s.get("/")
	r := s.get("/")
	requireHit(t, r)
	require.Equal(t, "max-age=60, immutable", r.Header.Get("Cache-Control"))
}
