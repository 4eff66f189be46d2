package middleware_test

import (
	"context"
	"crypto/tls"
	"net/http"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/cachewright/cachewright/coherence"
	"github.com/cachewright/cachewright/middleware"
)

func TestLine74AnAuthenticatedContextCountsAsAuthorization(t *testing.T) {
	t.Parallel()
	principal := func(r *http.Request) bool { return r.Header.Get("X-Request-Id") == "logged-in" } // stands for the context
	s := behind(tracked("x"), middleware.Shared(newEngine(t), middleware.Authenticated(principal)))
	requireStored(t, s.get("/"))
	refused := s.get("/", "X-Request-Id: logged-in")
	requireRefused(t, refused, middleware.ReasonAuthorization)
	require.Equal(t, "private, no-cache", refused.Header.Get("Cache-Control"))
	requireHit(t, s.get("/"))
}

func TestLine75AnAnswerForOneOriginIsNotStoredUnlessItVariesOnOrigin(t *testing.T) {
	t.Parallel()
	e := newEngine(t)
	for _, c := range []struct {
		fields []string
		why    middleware.Reason
	}{
		{[]string{"Access-Control-Allow-Origin: https://a.example"}, middleware.ReasonCORS},
		{[]string{"Access-Control-Allow-Origin: https://a.example", "Vary: Origin"}, ""},
		{[]string{"Access-Control-Allow-Origin: *"}, ""},
	} {
		s := behind(saying("x", append(c.fields, minute)...), middleware.Shared(e))
		first := s.get("/", "Origin: https://a.example")
		require.Equal(t, c.why, first.detail(t))
		require.Equal(t, c.why == "", s.get("/", "Origin: https://a.example").hit(t))
	}
}

func TestLine76WithoutExplicitFreshnessErrorsAreNotStored(t *testing.T) {
	t.Parallel()
	for _, status := range []int{401, 403, 429, 302, 500, 503} {
		s := behind(func(w http.ResponseWriter, r *http.Request) {
			coherence.Depend(r.Context(), product)
			w.WriteHeader(status)
		}, middleware.Shared(newEngine(t), middleware.DefaultLifetime(1e9)))
		requireRefused(t, s.get("/"), middleware.ReasonStatus)
	}
}

type userKey struct{}

// as makes requests carry what authentication would put into their context.
func as(r *http.Request, user string) *http.Request {
	return r.WithContext(context.WithValue(r.Context(), userKey{}, user))
}

func userOf(r *http.Request) string {
	user, _ := r.Context().Value(userKey{}).(string)
	return user
}

func greet(w http.ResponseWriter, r *http.Request) { tracked("hello "+userOf(r))(w, r) }

func TestLine78RoleChangeLogoutAndImpersonationUnderOneSession(t *testing.T) {
	t.Parallel()
	calls := 0
	s := behind(greet, middleware.PerUser(newEngine(t), func(r *http.Request) string { calls++; return userOf(r) }))
	ask := func(user string) *reply { return s.send(as(request(http.MethodGet, "/", "Cookie: session=1"), user)) }
	requireStored(t, ask("alice/reader"))
	requireHit(t, ask("alice/reader"))
	require.Equal(t, "hello alice/admin", ask("alice/admin").body)
	require.Equal(t, "hello bob/reader", ask("bob/reader").body)
	out := ask("")
	requireRefused(t, out, middleware.ReasonNoIdentity)
	require.Equal(t, "hello ", out.body)
	requireHit(t, ask("alice/reader"))
	require.Equal(t, 6, calls, "once for each request")
}

func TestLine78AHitPassesAuthentication(t *testing.T) {
	t.Parallel()
	allowed := true
	s := behind(tracked("x"), func(next http.Handler) http.Handler {
		return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			if !allowed {
				w.WriteHeader(http.StatusForbidden)
				return
			}
			next.ServeHTTP(w, r)
		})
	}, middleware.Shared(newEngine(t)))
	requireStored(t, s.get("/"))
	allowed = false
	require.Equal(t, http.StatusForbidden, s.get("/").StatusCode)
}

func TestPerUserKeepsUsersApartAndStoresPrivatePages(t *testing.T) {
	t.Parallel()
	e := newEngine(t)
	for name, fields := range map[string][]string{
		"tracked": nil, "private": {"Cache-Control: private, max-age=60"}, "no-store": {"Cache-Control: no-store"},
	} {
		s := behind(func(w http.ResponseWriter, r *http.Request) {
			set(w.Header(), fields...)
			greet(w, r)
		}, middleware.PerUser(e, userOf))
		for _, user := range []string{"alice", "bob", "alice", "bob"} {
			r := s.send(as(request(http.MethodGet, "/", "Authorization: Bearer "+user), user))
			require.Equal(t, "hello "+user, r.body)
			if name == "tracked" {
				require.Equal(t, "private, no-cache", r.Header.Get("Cache-Control"))
			}
		}
		if name == "no-store" {
			require.EqualValues(t, 4, s.runs.Load())
		} else {
			require.EqualValues(t, 2, s.runs.Load())
		}
	}
}

func TestPerUserHasCredentialsInTheKeyUnlessTheyAreDeclaredNeutral(t *testing.T) {
	t.Parallel()
	e := newEngine(t)
	s := behind(tracked("x"), middleware.PerUser(e, userOf))
	ask := func(s *site, fields ...string) *reply {
		return s.send(as(request(http.MethodGet, "/", fields...), "alice"))
	}
	requireStored(t, ask(s, "Authorization: Bearer 1"))
	requireHit(t, ask(s, "Authorization: Bearer 1"))
	requireStored(t, ask(s, "Authorization: Bearer 2"))
	neutral := behind(tracked("x"), middleware.PerUser(e, userOf, middleware.NeutralFields("Authorization")))
	requireStored(t, ask(neutral, "Authorization: Bearer 1"))
	requireHit(t, ask(neutral, "Authorization: Bearer 2"))
	certified := func(name string) *reply {
		return s.send(as(withCertificate(request(http.MethodGet, "/"), name), "alice"))
	}
	requireStored(t, certified("laptop"))
	requireHit(t, certified("laptop"))
	requireStored(t, certified("phone"))
	plain := request(http.MethodGet, "/")
	plain.TLS = &tls.ConnectionState{}
	requireStored(t, s.send(as(plain, "alice")))
}

func TestCookiesWithoutTheOptionBypassAllButPublicPages(t *testing.T) {
	t.Parallel()
	e := newEngine(t)
	for control, shared := range map[string]bool{"": false, "max-age=60": false, "public, max-age=60": true, "s-maxage=60": true, "public": true} {
		s := behind(func(w http.ResponseWriter, r *http.Request) {
			if control != "" {
				set(w.Header(), "Cache-Control: "+control)
			}
			tracked("x")(w, r)
		}, middleware.Shared(e))
		first := s.get("/", "Cookie: _ga=1")
		second := s.get("/", "Cookie: _ga=2")
		require.Equal(t, shared, second.hit(t), control)
		if !shared {
			requireRefused(t, first, middleware.ReasonCookie)
		}
	}
}

func TestCookiesNamesThoseTheApplicationReads(t *testing.T) {
	t.Parallel()
	seen := ""
	s := behind(func(w http.ResponseWriter, r *http.Request) {
		seen = r.Header.Get("Cookie")
		tracked("x")(w, r)
	}, middleware.Shared(newEngine(t), middleware.Cookies("session", "theme")))
	requireStored(t, s.get("/", "Cookie: _ga=1; consent=yes"))
	require.Empty(t, seen, "the handler cannot depend on what it does not see")
	requireHit(t, s.get("/", "Cookie: _ga=2"))
	requireHit(t, s.get("/"))
	refused := s.get("/", "Cookie: _ga=1; session=7", "Cookie: theme=dark;x=y")
	requireRefused(t, refused, middleware.ReasonCookie)
	require.Equal(t, "session=7; theme=dark", seen)
	requireRefused(t, s.get("/", "Cookie: session"), middleware.ReasonCookie)
	post := request(http.MethodPost, "/", "Cookie: _ga=1; session=7")
	s.send(post)
	require.Equal(t, "session=7", seen)
}

func TestPerUserHasCookiesInTheKey(t *testing.T) {
	t.Parallel()
	e := newEngine(t)
	ask := func(s *site, cookie string) *reply {
		return s.send(as(request(http.MethodGet, "/", "Cookie: "+cookie), "alice"))
	}
	all := behind(tracked("x"), middleware.PerUser(e, userOf))
	requireStored(t, ask(all, "a=1"))
	requireHit(t, ask(all, "a=1"))
	requireStored(t, ask(all, "a=2"))
	seen := ""
	named := behind(func(w http.ResponseWriter, r *http.Request) {
		seen = r.Header.Get("Cookie")
		tracked("x")(w, r)
	}, middleware.PerUser(e, userOf, middleware.Cookies("theme")))
	requireStored(t, ask(named, "_ga=1; theme=dark"))
	require.Equal(t, "theme=dark", seen)
	requireHit(t, ask(named, "theme=dark; _ga=2"))
	requireStored(t, ask(named, "theme=light"))
}

func TestTheScopeOfTheContextIsInTheKey(t *testing.T) {
	t.Parallel()
	e := newEngine(t, coherence.WithScope(func(ctx context.Context) string {
		scope, _ := ctx.Value(userKey{}).(string)
		return scope
	}))
	s := behind(func(w http.ResponseWriter, r *http.Request) {
		coherence.DepsOf(r.Context()).Scoped(e.Scope(r.Context()))
		greet(w, r)
	}, middleware.Shared(e))
	for _, tenant := range []string{"a", "b", "a", "b"} {
		require.Equal(t, "hello "+tenant, s.send(as(request(http.MethodGet, "/"), tenant)).body)
	}
	require.EqualValues(t, 2, s.runs.Load())
	mixed := behind(func(w http.ResponseWriter, r *http.Request) {
		coherence.DepsOf(r.Context()).Scoped("another")
		set(w.Header(), "Cache-Control: public, max-age=60")
		greet(w, r)
	}, middleware.Shared(e))
	requireRefused(t, mixed.send(as(request(http.MethodGet, "/"), "a")), coherence.ReasonScope)
}

func TestDoorsHaveEntriesOfTheirOwnUnlessTheyShareASpace(t *testing.T) {
	t.Parallel()
	e := newEngine(t)
	a, b := behind(tracked("a"), middleware.Shared(e)), behind(tracked("b"), middleware.Shared(e))
	requireStored(t, a.get("/"))
	requireStored(t, b.get("/"))
	require.Equal(t, "a", a.get("/").body)
	require.Equal(t, "b", b.get("/").body)

	c, d := behind(tracked("c"), middleware.Shared(e, middleware.Space("s"))), behind(tracked("c"), middleware.Shared(e, middleware.Space("s")))
	u := behind(tracked("u"), middleware.PerUser(e, userOf, middleware.Space("s")))
	requireStored(t, c.get("/"))
	requireHit(t, d.get("/"))
	requireStored(t, u.send(as(request(http.MethodGet, "/"), "alice")))
}

func TestTheEnginesLifeDecidesWhetherPagesAreCached(t *testing.T) {
	t.Parallel()
	e, err := coherence.New(coherence.Deferred())
	require.NoError(t, err)
	s := behind(tracked("x"), middleware.Track(e), middleware.Shared(e))
	for range 2 {
		requireRefused(t, s.get("/"), middleware.ReasonNotReady)
	}
	require.NoError(t, e.Start())
	requireStored(t, s.get("/"))
	requireHit(t, s.get("/"))
	require.NoError(t, e.Close(context.Background()))
	requireRefused(t, s.get("/"), middleware.ReasonNotReady)
}

func TestBadConstructionPanicsWithASentence(t *testing.T) {
	t.Parallel()
	e := newEngine(t)
	for want, f := range map[string]func(){
		"middleware.Shared: engine is nil":                                                           func() { middleware.Shared(nil) },
		"middleware.Track: engine is nil":                                                            func() { middleware.Track(nil) },
		"middleware.PerUser: identify is nil: without it users cannot be told apart":                 func() { middleware.PerUser(e, nil) },
		"middleware.Shared: MaxBody(0): the bound must be above 0":                                   func() { middleware.Shared(e, middleware.MaxBody(0)) },
		"middleware.Shared: a nil Option":                                                            func() { middleware.Shared(e, nil) },
		"middleware.Shared: Space needs a name":                                                      func() { middleware.Shared(e, middleware.Space("")) },
		"middleware.Shared: Cookies(\"a b\"): that is no name of a cookie":                           func() { middleware.Shared(e, middleware.Cookies("a b")) },
		"middleware.Shared: WithRecorder needs a function":                                           func() { middleware.Shared(e, middleware.WithRecorder(nil)) },
		"middleware.Shared: MaxLifetime(-1ns): the bound must not be below 0":                        func() { middleware.Shared(e, middleware.MaxLifetime(-1)) },
		"middleware.Shared: NeutralFields(\"\"): that is no name of a header field":                  func() { middleware.Shared(e, middleware.NeutralFields("")) },
		"middleware.Shared: StatusName(\"ü\"): a name of printable ASCII is needed":                  func() { middleware.Shared(e, middleware.StatusName("ü")) },
		"middleware.Shared: MaxVariants(0): the bound must be above 0":                               func() { middleware.Shared(e, middleware.MaxVariants(0)) },
		"middleware.Shared: MaxInFlight(0): the bound must be above 0":                               func() { middleware.Shared(e, middleware.MaxInFlight(0)) },
		"middleware.Shared: DefaultLifetime(0s): the lifetime must be above 0":                       func() { middleware.Shared(e, middleware.DefaultLifetime(0)) },
		"middleware.Shared: Authenticated needs a function":                                          func() { middleware.Shared(e, middleware.Authenticated(nil)) },
		"middleware.Shared: Key needs a function":                                                    func() { middleware.Shared(e, middleware.Key(nil)) },
		"middleware.Shared: Wait(0s): the time must be above 0; WithoutCoalescing turns waiting off": func() { middleware.Shared(e, middleware.Wait(0)) },
	} {
		require.PanicsWithValue(t, want, f)
	}
}

func TestAnswersThatPassPerUserByArePrivateToo(t *testing.T) {
	t.Parallel()
	s := behind(tracked("x"), middleware.PerUser(newEngine(t), func(r *http.Request) string { return r.Header.Get("X-User") }))
	for _, r := range []*http.Request{
		request(http.MethodGet, "/"), request(http.MethodHead, "/", "X-User: a"), request(http.MethodGet, "/", "X-User: a", "Range: bytes=0-"),
	} {
		require.Equal(t, "private, no-cache", s.send(r).Header.Get("Cache-Control"))
	}
	require.Empty(t, s.send(request(http.MethodPost, "/", "X-User: a")).Header.Values("Cache-Control"))
}
