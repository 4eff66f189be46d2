package middleware_test

import (
	"io"
	"net/http"
	"strconv"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/cachewright/cachewright/coherence"
	"github.com/cachewright/cachewright/internal/switches"
	"github.com/cachewright/cachewright/middleware"
)

func TestRule1TrackedPageIsAHitUntilItsRowIsWritten(t *testing.T) {
	t.Parallel()
	e := newEngine(t)
	s := behind(tracked("violin"), middleware.Shared(e))
	first := s.get("/p/1")
	requireStored(t, first)
	second := s.get("/p/1")
	requireHit(t, second)
	require.Equal(t, "violin", second.body)
	require.Equal(t, first.Header.Get("Etag"), second.Header.Get("Etag"))
	require.NotEmpty(t, first.Header.Get("Etag"))
	require.Equal(t, "no-cache", second.Header.Get("Cache-Control"))
	require.Equal(t, "6", second.Header.Get("Content-Length"))
	require.Equal(t, "0", second.Header.Get("Age"))
	require.Equal(t, "text/plain; charset=utf-8", second.Header.Get("Content-Type"))

	write(t, e, coherence.RowTag("products", 2))
	requireHit(t, s.get("/p/1"))
	write(t, e, product)
	requireMiss(t, s.get("/p/1"))
	requireHit(t, s.get("/p/1"))
	require.EqualValues(t, 2, s.runs.Load())
}

func TestRule1PageIsNotServedWhileItsRowIsBeingWritten(t *testing.T) {
	t.Parallel()
	e := newEngine(t)
	s := behind(tracked("violin"), middleware.Shared(e))
	requireStored(t, s.get("/p/1"))
	w, err := e.Begin(t.Context(), product)
	require.NoError(t, err)
	requireMiss(t, s.get("/p/1"))
	w.Release()
	requireHit(t, s.get("/p/1")) // rolled back: the page was good all the time
}

func TestRule1TrackedPageLivesAtMostMaxLifetime(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name string
		opts []middleware.Option
		end  time.Duration
	}{
		{"ten minutes unless said otherwise", nil, 10 * time.Minute},
		{"as long as the option says", []middleware.Option{middleware.MaxLifetime(time.Hour)}, time.Hour},
		{"without bound when 0", []middleware.Option{middleware.MaxLifetime(0)}, 0},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				e := newEngine(t)
				s := behind(tracked("violin"), middleware.Shared(e, c.opts...))
				requireStored(t, s.get("/p/1"))
				if c.end == 0 {
					time.Sleep(1000 * time.Hour)
					requireHit(t, s.get("/p/1"))
					return
				}
				time.Sleep(c.end - time.Second)
				requireHit(t, s.get("/p/1"))
				time.Sleep(time.Second)
				requireMiss(t, s.get("/p/1"))
			})
		})
	}
}

func TestRule1OnStampsAloneOnlySomeStatusesAreStored(t *testing.T) {
	t.Parallel()
	e := newEngine(t)
	stored := map[int]bool{200: true, 204: true, 301: true, 308: true, 404: true, 410: true}
	for _, status := range []int{200, 201, 202, 203, 204, 300, 301, 302, 303, 307, 308, 400, 401, 403, 404, 405, 410, 414, 429, 451, 500, 501, 502, 503, 504, 599} {
		s := behind(func(w http.ResponseWriter, r *http.Request) {
			coherence.Depend(r.Context(), product)
			w.WriteHeader(status)
		}, middleware.Shared(e))
		first := s.get("/x")
		require.Equal(t, status, first.StatusCode)
		second := s.get("/x")
		require.Equal(t, status, second.StatusCode)
		require.Equal(t, stored[status], second.hit(t), "status %d", status)
		if !stored[status] {
			require.Equal(t, middleware.ReasonStatus, first.detail(t), "status %d", status)
		}
	}
}

func TestRule2WithoutTrackedReadsOnlyExplicitFreshnessCounts(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		fields []string
		life   time.Duration
	}{
		{[]string{"Cache-Control: max-age=60"}, time.Minute},
		{[]string{"Cache-Control: max-age=60, s-maxage=120"}, 2 * time.Minute},
		{[]string{"Cache-Control: max-age=60", "CDN-Cache-Control: max-age=180"}, 3 * time.Minute},
		{[]string{"Expires: Sat, 01 Jan 2000 00:05:00 GMT"}, 5 * time.Minute},
		{[]string{"Expires: 0"}, 0},
		{[]string{"Cache-Control: max-age=0"}, 0},
		{[]string{"Cache-Control: max-age=60", "Age: 20"}, 40 * time.Second},
		{nil, 0},
	} {
		synctest.Test(t, func(t *testing.T) {
			e := newEngine(t)
			s := behind(saying("x", c.fields...), middleware.Shared(e))
			s.get("/")
			if c.life == 0 {
				requireMiss(t, s.get("/"))
				return
			}
			time.Sleep(c.life - time.Second)
			requireHit(t, s.get("/"))
			time.Sleep(time.Second)
			requireMiss(t, s.get("/"))
		})
	}
}

func TestRule2ExplicitPageGoesWhenAStampOfItMoves(t *testing.T) {
	t.Parallel()
	e := newEngine(t)
	s := behind(func(w http.ResponseWriter, r *http.Request) {
		coherence.Depend(r.Context(), product)
		coherence.Untracked(r.Context())
		set(w.Header(), "Cache-Control: max-age=3600")
		_, _ = io.WriteString(w, "x")
	}, middleware.Shared(e))
	requireStored(t, s.get("/"))
	requireHit(t, s.get("/"))
	write(t, e, product)
	requireMiss(t, s.get("/"))
}

func TestRule2DefaultLifetimeNeverOverridesARefusal(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name   string
		fields []string
		h      http.HandlerFunc
		why    middleware.Reason
	}{
		{"none", nil, saying("x"), ""},
		{"no-store", nil, saying("x", "Cache-Control: no-store"), middleware.ReasonNoStore},
		{"private", nil, saying("x", "Cache-Control: private"), middleware.ReasonPrivate},
		{"set-cookie", nil, saying("x", "Set-Cookie: a=b"), middleware.ReasonSetCookie},
		{"authorization", []string{"Authorization: Basic x"}, saying("x"), middleware.ReasonAuthorization},
		{"cookie", []string{"Cookie: a=b"}, saying("x"), middleware.ReasonCookie},
		{"wrote", nil, refusing(coherence.ReasonWrote), coherence.ReasonWrote},
		{"stray", nil, refusing(coherence.ReasonStray), coherence.ReasonStray},
		{"raw", nil, refusing(coherence.ReasonRaw), ""},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			s := behind(c.h, middleware.Shared(newEngine(t), middleware.DefaultLifetime(time.Minute)))
			first := s.get("/", c.fields...)
			if c.why == "" {
				requireStored(t, first)
				requireHit(t, s.get("/", c.fields...))
				return
			}
			requireRefused(t, first, c.why)
			requireMiss(t, s.get("/", c.fields...))
		})
	}
}

// refusing is a handler one of whose reads has the given reason.
func refusing(r coherence.Reason) http.HandlerFunc {
	return func(w http.ResponseWriter, req *http.Request) {
		coherence.Depend(req.Context(), product)
		coherence.DepsOf(req.Context()).Refuse(r)
		_, _ = io.WriteString(w, "x")
	}
}

func TestRule2APageWithAnUntrackedReadNamesItsReason(t *testing.T) {
	t.Parallel()
	for _, reason := range []coherence.Reason{
		coherence.ReasonRaw, coherence.ReasonTransaction, coherence.ReasonClock, coherence.ReasonUntracked,
		coherence.ReasonWrote, coherence.ReasonStray, coherence.ReasonScope, coherence.ReasonLocking,
	} {
		s := behind(refusing(reason), middleware.Shared(newEngine(t)))
		requireRefused(t, s.get("/"), reason)
		requireMiss(t, s.get("/"))
	}
}

func TestAStrayReadKeepsThePageOut(t *testing.T) {
	t.Parallel()
	e := newEngine(t)
	stray := func(door middle) *reply {
		return behind(func(w http.ResponseWriter, r *http.Request) {
			e.Stray() // what the plugin calls for a read without the request's context
			tracked("x")(w, r)
		}, door).get("/")
	}
	requireRefused(t, stray(middleware.Shared(e)), coherence.ReasonStray)
	requireRefused(t, stray(middleware.PerUser(e, func(*http.Request) string { return "u" })), coherence.ReasonStray)
}

func TestRule3APageIsSharedOnlyWithWhomItWouldBeStoredFor(t *testing.T) {
	t.Parallel()
	e := newEngine(t)
	plain := behind(saying("plain", "Cache-Control: max-age=60"), middleware.Shared(e))
	requireStored(t, plain.get("/"))
	requireHit(t, plain.get("/"))
	requireRefused(t, plain.get("/", "Authorization: Bearer x"), middleware.ReasonAuthorization)
	requireRefused(t, plain.get("/", "Cookie: a=b"), middleware.ReasonCookie)
	requireHit(t, plain.get("/"))

	public := behind(saying("public", "Cache-Control: public, max-age=60"), middleware.Shared(e))
	requireStored(t, public.get("/"))
	requireHit(t, public.get("/", "Authorization: Bearer x"))
	requireHit(t, public.get("/", "Cookie: a=b"))

	revalidate := behind(saying("x", "Cache-Control: must-revalidate, max-age=60"), middleware.Shared(e))
	requireStored(t, revalidate.get("/"))
	requireHit(t, revalidate.get("/", "Authorization: Bearer x"))
	requireMiss(t, revalidate.get("/", "Cookie: a=b"))
}

func TestRule4AFieldThatMayHaveMadeThePageIsInItsKey(t *testing.T) {
	t.Parallel()
	e := newEngine(t)
	s := behind(func(w http.ResponseWriter, r *http.Request) {
		coherence.Depend(r.Context(), product)
		_, _ = io.WriteString(w, r.Header.Get("Accept-Language")+r.Header.Get("X-Theme"))
	}, middleware.Shared(e))
	for _, field := range []string{"Accept-Language: de", "Accept-Language: en", "X-Theme: dark", "X-Theme: light"} {
		first := s.get("/", field)
		requireStored(t, first)
		second := s.get("/", field)
		requireHit(t, second)
		require.Equal(t, first.body, second.body)
	}
	requireStored(t, s.get("/", "X-Theme: "))
	requireStored(t, s.get("/"))
}

func TestRule4NeutralFieldsAreNotInTheKey(t *testing.T) {
	t.Parallel()
	e := newEngine(t)
	s := behind(tracked("x"), middleware.Shared(e))
	requireStored(t, s.get("/"))
	for _, field := range []string{
		"User-Agent: a", "Accept-Encoding: gzip", "Referer: /x", "Sec-Fetch-Mode: navigate", "DNT: 1", "Priority: u=1",
		"Connection: close", "If-None-Match: \"x\"", "Cache-Control: max-age=9", "Pragma: no-cache", "Traceparent: 00-1",
		"X-Request-Id: 7", "X-Forwarded-For: 1.2.3.4", "X-B3-TraceId: 1",
	} {
		requireHit(t, s.get("/", field))
	}
}

func TestRule4OptionsChangeTheNeutralList(t *testing.T) {
	t.Parallel()
	e := newEngine(t)
	s := behind(tracked("x"), middleware.Shared(e, middleware.NeutralFields("x-theme"), middleware.KeyedFields("user-agent")))
	requireStored(t, s.get("/"))
	requireHit(t, s.get("/", "X-Theme: dark"))
	requireStored(t, s.get("/", "User-Agent: a"))
}

func TestRule4WhatCountsAsAuthorization(t *testing.T) {
	t.Parallel()
	for _, field := range []string{
		"Authorization: Basic x", "Proxy-Authorization: Basic x", "X-Api-Key: k", "X-Auth-Token: t", "X-Forwarded-User: u",
		"Remote-User: u", "Cf-Access-Jwt-Assertion: j", "X-Amzn-Oidc-Identity: i",
	} {
		for _, h := range []http.HandlerFunc{tracked("x"), saying("x", "Cache-Control: max-age=60")} {
			s := behind(h, middleware.Shared(newEngine(t)))
			requireRefused(t, s.get("/", field), middleware.ReasonAuthorization)
			requireStored(t, s.get("/"))
			requireRefused(t, s.get("/", field), middleware.ReasonAuthorization)
		}
	}
	s := behind(tracked("x"), middleware.Shared(newEngine(t)))
	requireStored(t, s.get("https://shop.example/"))
	r := withCertificate(request(http.MethodGet, "https://shop.example/"), "alice")
	requireRefused(t, s.send(r), middleware.ReasonAuthorization)
}

func TestRule4WhoSaysPublicLetsVaryAloneSelect(t *testing.T) {
	t.Parallel()
	for _, control := range []string{"public", "s-maxage=60", "max-age=60"} {
		s := behind(func(w http.ResponseWriter, r *http.Request) {
			coherence.Depend(r.Context(), product)
			set(w.Header(), "Cache-Control: "+control, "Vary: X-Theme")
			_, _ = io.WriteString(w, "x")
		}, middleware.Shared(newEngine(t)))
		requireStored(t, s.get("/", "Accept-Language: de"))
		requireHit(t, s.get("/", "Accept-Language: en"))
		requireStored(t, s.get("/", "X-Theme: dark"))
	}
}

func TestRule4MustRevalidateOnStampsAloneKeepsCredentialsApart(t *testing.T) {
	t.Parallel()
	s := behind(func(w http.ResponseWriter, r *http.Request) {
		coherence.Depend(r.Context(), product)
		set(w.Header(), "Cache-Control: must-revalidate")
		_, _ = io.WriteString(w, r.Header.Get("Authorization"))
	}, middleware.Shared(newEngine(t)))
	requireStored(t, s.get("/", "Authorization: alice"))
	require.Equal(t, "bob", s.get("/", "Authorization: bob").body)
	require.Empty(t, s.get("/").body)
	require.Equal(t, "alice", s.get("/", "Authorization: alice").body)
}

// Not parallel: a switch belongs to the whole process.
func TestWithoutTheRuleThatStampsDecideAStalePageIsServed(t *testing.T) {
	observe := func(t *testing.T) bool {
		e := newEngine(t)
		s := behind(tracked("x"), middleware.Shared(e))
		requireStored(t, s.get("/"))
		write(t, e, product)
		return s.get("/").hit(t)
	}
	require.False(t, observe(t))
	switches.Disable(t, switches.PageStamps)
	require.True(t, observe(t))
}

func TestWithoutTheRuleThatUsersAreKeyedOneSeesThePageOfAnother(t *testing.T) {
	observe := func(t *testing.T) string {
		s := behind(func(w http.ResponseWriter, r *http.Request) {
			coherence.Depend(r.Context(), product)
			_, _ = io.WriteString(w, r.URL.Fragment)
		}, middleware.PerUser(newEngine(t), func(r *http.Request) string { return r.URL.Fragment }))
		as := func(user string) *reply {
			r := request(http.MethodGet, "/")
			r.URL.Fragment = user // stands for what authentication puts into the context
			return s.send(r)
		}
		as("alice")
		return as("bob").body
	}
	require.Equal(t, "bob", observe(t))
	switches.Disable(t, switches.PageUser)
	require.Equal(t, "alice", observe(t))
}

func TestWithoutTheRuleThatOnlyShareablePagesAreSharedAnAnonymousPageReachesAuthorization(t *testing.T) {
	observe := func(t *testing.T) bool {
		s := behind(saying("x", "Cache-Control: max-age=60"), middleware.Shared(newEngine(t)))
		requireStored(t, s.get("/"))
		return s.get("/", "Authorization: Basic x").hit(t)
	}
	require.False(t, observe(t))
	switches.Disable(t, switches.PageShareable)
	require.True(t, observe(t))
}

func TestRule2APageThatLacksStampsIsNotStoredWhateverItSays(t *testing.T) {
	t.Parallel()
	s := behind(func(w http.ResponseWriter, r *http.Request) {
		for i := range 2 * coherence.MaxStamps {
			coherence.Depend(r.Context(), coherence.NamedTag(strconv.Itoa(i)))
		}
		set(w.Header(), "Cache-Control: public, max-age=60")
		_, _ = io.WriteString(w, "x")
	}, middleware.Shared(newEngine(t)))
	requireRefused(t, s.get("/"), coherence.ReasonMany)
}

func TestAPageOfManyRowsStandsOnTheTableAsItWasBeforeTheFirstOfThem(t *testing.T) {
	t.Parallel()
	e := newEngine(t)
	items := func(i int) coherence.Tag { return coherence.RowTag("items", i) }
	var meanwhile func()
	s := behind(func(w http.ResponseWriter, r *http.Request) {
		coherence.Depend(r.Context(), items(0))
		if meanwhile != nil {
			meanwhile()
		}
		for i := range 2 * coherence.MaxStamps {
			coherence.Depend(r.Context(), items(i))
		}
		_, _ = io.WriteString(w, "x")
	}, middleware.Shared(e))
	requireStored(t, s.get("/"))
	for _, i := range []int{0, 7, 2*coherence.MaxStamps - 1, 3 * coherence.MaxStamps} {
		requireHit(t, s.get("/"))
		write(t, e, items(i))
		requireStored(t, s.get("/"))
	}
	write(t, e, coherence.TableTag("items"))
	requireStored(t, s.get("/"))
	write(t, e, coherence.TableTag("others"))
	requireHit(t, s.get("/"))
	// A row that was written after the first was read, and before it was itself.
	meanwhile = func() { write(t, e, items(2*coherence.MaxStamps-1)) }
	write(t, e, items(0))
	requireRefused(t, s.get("/"), middleware.ReasonStampsMoved)
}
