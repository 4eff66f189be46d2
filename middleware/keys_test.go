package middleware_test

import (
	"bytes"
	"compress/gzip"
	"io"
	"net/http"
	"strconv"
	"strings"
	"testing"

	chimiddleware "github.com/go-chi/chi/v5/middleware"
	"github.com/stretchr/testify/require"

	"github.com/cachewright/cachewright/coherence"
	"github.com/cachewright/cachewright/middleware"
)

// echo writes what the key must hold, and may be stored for a minute by anybody.
func echo(w http.ResponseWriter, r *http.Request) {
	set(w.Header(), "Cache-Control: public, max-age=60")
	_, _ = io.WriteString(w, r.Method+" "+schemeOf(r)+" "+r.Host+" "+r.URL.Path+" "+r.URL.RawPath+" "+r.URL.RawQuery)
}

func schemeOf(r *http.Request) string {
	if r.TLS != nil {
		return "https"
	}
	return "http"
}

func TestLine18TheKeyHoldsSchemeHostPathAndQuery(t *testing.T) {
	t.Parallel()
	s := behind(echo, middleware.Shared(newEngine(t)))
	urls := []string{
		"http://a.example/", "https://a.example/", "http://b.example/", "http://a.example:8080/", "http://a.example/x",
		"http://a.example/X", "http://a.example/?q=1", "http://a.example/?q=2", "http://a.example/?Q=1", "http://a.example/?",
		"http://a.example/?a=1&b=2", "http://a.example/?b=2&a=1", "http://a.example//", "http://a.example/a%2fb",
		"http://a.example/a/b", "http://a.example/a%2Fb", "http://a.example/a;b", "http://a.example/%C3%BC", "http://a.example/x/",
		"http://a.example/x/../x",
	}
	bodies := map[string]string{}
	for _, url := range urls {
		r := s.get(url)
		requireStored(t, r)
		bodies[url] = r.body
	}
	for _, url := range urls {
		r := s.get(url)
		requireHit(t, r)
		require.Equal(t, bodies[url], r.body)
	}
}

func TestLine18HostIsComparedWithoutCaseAndDefaultPort(t *testing.T) {
	t.Parallel()
	s := behind(echo, middleware.Shared(newEngine(t)))
	requireStored(t, s.get("http://a.example/"))
	requireHit(t, s.get("http://A.EXAMPLE/"))
	requireHit(t, s.get("http://a.example:80/"))
	requireStored(t, s.get("https://a.example:80/"))
}

func TestLine18HEADIsAnsweredFromTheStoredGET(t *testing.T) {
	t.Parallel()
	s := behind(tracked("violin"), middleware.Shared(newEngine(t)))
	head := s.send(request(http.MethodHead, "/"))
	requireRefused(t, head, middleware.ReasonHead)
	require.Empty(t, head.Header.Get("Etag"))
	requireStored(t, s.get("/"))
	head = s.send(request(http.MethodHead, "/"))
	requireHit(t, head)
	require.Empty(t, head.body)
	require.Equal(t, "6", head.Header.Get("Content-Length"))
	require.NotEmpty(t, head.Header.Get("Etag"))
}

func TestLine19PartsOfTheKeyDoNotRunIntoOneAnother(t *testing.T) {
	t.Parallel()
	e := newEngine(t)
	s := behind(func(w http.ResponseWriter, r *http.Request) {
		coherence.Depend(r.Context(), product)
		_, _ = io.WriteString(w, r.Header.Get("A")+"|"+r.Header.Get("B")+"|"+strings.Join(r.Header.Values("C"), "+"))
	}, middleware.Shared(e))
	for _, fields := range [][]string{
		{"A: xB"}, {"A: x", "B: "}, {"Ab: x"}, {"A: x"}, {"B: x"}, {"C: 1", "C: 2"}, {"C: 12"}, {"A: x", "B: y"}, {"A: xy"}, {"A: x\x00y"},
	} {
		requireStored(t, s.get("/", fields...))
	}
	identify := func(r *http.Request) string { return r.Header.Get("User") }
	u := behind(tracked("x"), middleware.PerUser(e, identify, middleware.NeutralFields("User")))
	requireStored(t, u.get("http://b.example/", "User: a"))
	requireStored(t, u.get("http://example/", "User: ab."))
}

func TestLine20TheHandlerSeesTheQueryAsSent(t *testing.T) {
	t.Parallel()
	s := behind(echo, middleware.Shared(newEngine(t)))
	require.Contains(t, s.get("/?b=2&a=1&&c;d").body, "b=2&a=1&&c;d")
}

func TestLine21VarySelectsOnAllLinesAndTellsAbsentFromEmpty(t *testing.T) {
	t.Parallel()
	s := behind(func(w http.ResponseWriter, r *http.Request) {
		set(w.Header(), "Cache-Control: public, max-age=60", "vary: x-a, X-B")
		_, _ = io.WriteString(w, strings.Join(r.Header.Values("X-A"), ","))
	}, middleware.Shared(newEngine(t)))
	requireStored(t, s.get("/", "X-A: 1"))
	requireHit(t, s.get("/", "X-A: 1", "X-C: ignored"))
	requireStored(t, s.get("/", "X-A: 1", "X-A: 2"))
	requireHit(t, s.get("/", "X-A: 1, 2"))
	requireStored(t, s.get("/"))
	requireStored(t, s.get("/", "X-A: "))
	second := s.get("/", "X-A: 9")
	requireMiss(t, second)
	require.EqualValues(t, "vary-miss", second.param(t, "fwd"))
}

func TestLine22AStarInVaryNeverMatches(t *testing.T) {
	t.Parallel()
	for _, fields := range [][]string{
		{"Vary: *"}, {"Vary: Accept, *"}, {"Vary: Accept", "Vary: *"}, {"Vary: *, Accept"},
	} {
		s := behind(saying("x", append(fields, "Cache-Control: public, max-age=60")...), middleware.Shared(newEngine(t)))
		requireRefused(t, s.get("/"), middleware.ReasonVaryStar)
		requireMiss(t, s.get("/"))
	}
}

func TestLine23VariantsAreBoundedAndTheOldestMakesRoom(t *testing.T) {
	t.Parallel()
	s := behind(saying("x", "Cache-Control: public, max-age=60", "Vary: N"), middleware.Shared(newEngine(t)))
	for i := range 33 {
		requireStored(t, s.get("/", "N: "+strconv.Itoa(i)))
	}
	for i := 1; i < 33; i++ {
		requireHit(t, s.get("/", "N: "+strconv.Itoa(i)))
	}
	requireMiss(t, s.get("/", "N: 0"))

	few := behind(saying("x", "Cache-Control: public, max-age=60", "Vary: N"), middleware.Shared(newEngine(t), middleware.MaxVariants(1)))
	requireStored(t, few.get("/", "N: 0"))
	requireStored(t, few.get("/", "N: 1"))
	requireHit(t, few.get("/", "N: 1"))
	requireMiss(t, few.get("/", "N: 0"))
}

func TestLine23TheNewestMatchingVariantWins(t *testing.T) {
	t.Parallel()
	vary := ""
	s := behind(func(w http.ResponseWriter, _ *http.Request) {
		set(w.Header(), "Cache-Control: public, max-age=60")
		if vary != "" {
			w.Header().Set("Vary", vary)
		}
		_, _ = io.WriteString(w, "by "+vary)
	}, middleware.Shared(newEngine(t)))
	requireStored(t, s.get("/", "A: 1"))
	vary = "A"
	reload := func(fields ...string) *reply { return s.get("/", append(fields, "Cache-Control: no-cache")...) }
	requireStored(t, reload("A: 1"))
	require.Equal(t, "by A", s.get("/", "A: 1").body)
	require.Equal(t, "by ", s.get("/", "A: 2").body, "the page without Vary is still good by its own rule")
	vary = ""
	requireStored(t, reload("A: 2"))
	require.Equal(t, "by ", s.get("/", "A: 1").body)
}

func TestLine27GeneratedETagIsWeakWhereAnEncoderMayFollow(t *testing.T) {
	t.Parallel()
	e := newEngine(t)
	s := behind(tracked("violin"), middleware.Shared(e))
	miss := s.get("/")
	strong := miss.Header.Get("Etag")
	require.True(t, strings.HasPrefix(strong, `"`), strong)
	for _, c := range []struct {
		accept string
		weak   bool
	}{
		{"gzip", true}, {"br;q=0.5, identity", true}, {"*", true}, {"identity", false}, {"gzip;q=0", false}, {"gzip; q=0.000", false}, {"", false},
	} {
		r := s.get("/", "Accept-Encoding: "+c.accept)
		requireHit(t, r)
		require.Equal(t, c.weak, r.Header.Get("Etag") == "W/"+strong, "%q: %s", c.accept, r.Header.Get("Etag"))
	}
	firm := behind(tracked("violin"), middleware.Shared(e, middleware.StrongETag()))
	require.Equal(t, strong, firm.get("/", "Accept-Encoding: gzip").Header.Get("Etag"), "and the same on every instance")

	for _, other := range []http.HandlerFunc{
		tracked("viola"),
		func(w http.ResponseWriter, r *http.Request) {
			set(w.Header(), "Content-Type: text/html")
			tracked("violin")(w, r)
		},
		func(w http.ResponseWriter, r *http.Request) {
			set(w.Header(), "Content-Encoding: br")
			tracked("violin")(w, r)
		},
	} {
		require.NotEqual(t, strong, behind(other, middleware.Shared(e)).get("/").Header.Get("Etag"))
	}
}

func TestLine27TheHandlersOwnETagIsKept(t *testing.T) {
	t.Parallel()
	s := behind(saying("x", minute, `ETag: "own"`), middleware.Shared(newEngine(t)))
	for range 2 {
		require.Equal(t, `"own"`, s.get("/", "Accept-Encoding: gzip").Header.Get("Etag"))
	}
}

func TestLine27TheCacheWorksInsideAndOutsideAnEncoder(t *testing.T) {
	t.Parallel()
	text := strings.Repeat("to be compressed ", 100)
	handler := func(w http.ResponseWriter, r *http.Request) {
		// For the cache outside: an answer that was not encoded has to say that another client may get an encoded one.
		set(w.Header(), "Content-Type: text/plain", "Vary: Accept-Encoding")
		tracked(text)(w, r)
	}
	compress := chimiddleware.Compress(5)
	for name, order := range map[string]func(middle) []middle{
		"inside":  func(door middle) []middle { return []middle{compress, door} },
		"outside": func(door middle) []middle { return []middle{door, compress} },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := behind(handler, order(middleware.Shared(newEngine(t)))...)
			for _, accept := range []string{"gzip", "gzip", "identity", "identity", "gzip"} {
				r := s.get("/", "Accept-Encoding: "+accept)
				body := r.body
				if accept == "gzip" {
					require.Equal(t, "gzip", r.Header.Get("Content-Encoding"))
					z, err := gzip.NewReader(bytes.NewReader([]byte(body)))
					require.NoError(t, err)
					plain, err := io.ReadAll(z)
					require.NoError(t, err)
					body = string(plain)
				} else {
					require.Empty(t, r.Header.Get("Content-Encoding"))
				}
				require.Equal(t, text, body)
			}
			require.LessOrEqual(t, s.runs.Load(), int64(2))
			etag := s.get("/", "Accept-Encoding: gzip").Header.Get("Etag")
			require.Equal(t, http.StatusNotModified, s.get("/", "Accept-Encoding: gzip", "If-None-Match: "+etag).StatusCode)
		})
	}
}

func TestLine27AnEncodedAnswerWithoutVaryIsNotGivenToThoseWhoCannotReadIt(t *testing.T) {
	t.Parallel()
	s := behind(saying("zipped", "Cache-Control: public, max-age=60", "Content-Encoding: gzip"), middleware.Shared(newEngine(t)))
	requireStored(t, s.get("/", "Accept-Encoding: gzip"))
	requireHit(t, s.get("/", "Accept-Encoding: gzip"))
	requireMiss(t, s.get("/"))
}

func TestLine28TheApplicationAddsToTheKey(t *testing.T) {
	t.Parallel()
	e := newEngine(t)
	s := behind(echo, middleware.Shared(e, middleware.Key(func(r *http.Request) string { return r.Header.Get("Tenant") })))
	requireStored(t, s.get("/", "Tenant: a"))
	requireStored(t, s.get("/", "Tenant: b"))
	requireHit(t, s.get("/", "Tenant: a"))
}

func TestAKeyThatIsTooLongPassesTheCacheBy(t *testing.T) {
	t.Parallel()
	s := behind(tracked("x"), middleware.Shared(newEngine(t)))
	long := "/?" + strings.Repeat("a", 20<<10)
	requireRefused(t, s.get(long), middleware.ReasonKey)
	big := "X-Big: " + strings.Repeat("a", 60<<10)
	first := s.get("/", big)
	require.Equal(t, "x", first.body)
	requireMiss(t, s.get("/", big))
	requireStored(t, s.get("/"))
}

func TestLine27InsideAnEncoderThePageIsStoredOnce(t *testing.T) {
	t.Parallel()
	s := behind(func(w http.ResponseWriter, r *http.Request) {
		set(w.Header(), "Content-Type: text/html")
		tracked(strings.Repeat("x", 5000))(w, r)
	}, atFirstWrite("Vary: X-Tenant"), chimiddleware.Compress(5), middleware.Shared(newEngine(t)))
	for _, accept := range []string{"gzip", "identity", "deflate", "gzip, br"} {
		s.get("/", "Accept-Encoding: "+accept)
	}
	require.EqualValues(t, 1, s.runs.Load())
	s.get("/", "Accept-Encoding: gzip", "X-Tenant: other")
	require.EqualValues(t, 2, s.runs.Load(), "what else the header varies on selects")
}
