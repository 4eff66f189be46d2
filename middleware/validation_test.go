package middleware_test

import (
	"io"
	"net/http"
	"strconv"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/cachewright/cachewright/coherence"
	"github.com/cachewright/cachewright/middleware"
)

func TestLine39IfNoneMatchOnAHitAndOnTheMissThatFills(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		field   string
		matches bool
	}{
		{`"v1"`, true}, {`W/"v1"`, true}, {`"a", W/"v1"`, true}, {`"a,b", "v1"`, true}, {"*", true}, {`"v2"`, false}, {`"a,"v1""`, false}, {"", false},
	} {
		e := newEngine(t)
		s := behind(saying("x", minute, `ETag: "v1"`, "Last-Modified: Sat, 01 Jan 2000 00:00:00 GMT"), middleware.Shared(e))
		want := http.StatusOK
		if c.matches {
			want = http.StatusNotModified
		}
		for _, hit := range []bool{false, true} {
			// If-None-Match is the one that counts.
			r := s.get("/", "If-None-Match: "+c.field, "If-Modified-Since: Sat, 01 Jan 2001 00:00:00 GMT")
			require.Equal(t, hit, r.hit(t))
			require.Equal(t, want, r.StatusCode, "%q", c.field)
		}
		require.Equal(t, "x", s.get("/").body, "the fill was not conditional")
	}
}

func TestLine40IfModifiedSince(t *testing.T) {
	t.Parallel()
	s := behind(saying("x", minute, "Last-Modified: Sat, 01 Jan 2000 12:00:00 GMT"), middleware.Shared(newEngine(t)))
	s.get("/")
	for date, status := range map[string]int{
		"Sat, 01 Jan 2000 12:00:00 GMT": 304, "Sun, 02 Jan 2000 12:00:00 GMT": 304, "Sat, 01 Jan 2000 11:59:59 GMT": 200, "yesterday": 200,
	} {
		r := s.get("/", "If-Modified-Since: "+date)
		requireHit(t, r)
		require.Equal(t, status, r.StatusCode, date)
	}
}

func TestLine40WithoutLastModifiedTheDateCounts(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		s := behind(saying("x", minute), middleware.Shared(newEngine(t)))
		s.get("/")
		date := s.get("/").Header.Get("Date")
		time.Sleep(time.Second)
		require.Equal(t, http.StatusNotModified, s.get("/", "If-Modified-Since: "+date).StatusCode)
	})
}

func TestLine41What304Carries(t *testing.T) {
	t.Parallel()
	s := behind(saying("x", minute, "Content-Location: /x", "Vary: Accept", "Content-Language: en", "X-Other: 1",
		"Last-Modified: Sat, 01 Jan 2000 12:00:00 GMT"), middleware.Shared(newEngine(t)))
	etag := s.get("/").Header.Get("Etag")
	for _, hit := range []bool{true, false} {
		fields := []string{"If-None-Match: " + etag}
		if !hit {
			fields = append(fields, "Cache-Control: no-cache")
		}
		r := s.get("/", fields...)
		require.Equal(t, hit, r.hit(t))
		require.Equal(t, http.StatusNotModified, r.StatusCode)
		require.Empty(t, r.body)
		require.Equal(t, etag, r.Header.Get("Etag"))
		require.Equal(t, "max-age=60", r.Header.Get("Cache-Control"))
		require.Equal(t, "/x", r.Header.Get("Content-Location"))
		require.Equal(t, "Accept", r.Header.Get("Vary"))
		for _, name := range []string{"Content-Length", "Content-Type", "Content-Language", "Last-Modified", "X-Other"} {
			require.Empty(t, r.Header.Values(name), name)
		}
		if hit {
			require.Equal(t, "0", r.Header.Get("Age"))
			require.NotEmpty(t, r.Header.Get("Date"))
		}
	}
}

func TestLine42InvalidETagsAreComparedAsTheyAre(t *testing.T) {
	t.Parallel()
	s := behind(saying("x", minute, "ETag: bare, tag"), middleware.Shared(newEngine(t)))
	s.get("/")
	require.Equal(t, http.StatusNotModified, s.get("/", "If-None-Match: bare, tag").StatusCode)
	require.Equal(t, http.StatusOK, s.get("/", `If-None-Match: "`).StatusCode)
}

func TestLine44TheClientsConditionalDoesNotReachAFillingHandler(t *testing.T) {
	t.Parallel()
	s := behind(func(w http.ResponseWriter, r *http.Request) {
		coherence.Depend(r.Context(), product)
		w.Header().Set("Etag", `"v1"`)
		if r.Header.Get("If-None-Match") != "" || r.Header.Get("If-Modified-Since") != "" {
			w.WriteHeader(http.StatusNotModified)
			return
		}
		_, _ = io.WriteString(w, "full")
	}, middleware.Shared(newEngine(t)))
	first := s.get("/", `If-None-Match: "v1"`)
	require.Equal(t, http.StatusNotModified, first.StatusCode)
	requireStored(t, first)
	second := s.get("/")
	requireHit(t, second)
	require.Equal(t, "full", second.body)
}

func TestLine44TheCallersRequestIsNotChanged(t *testing.T) {
	t.Parallel()
	s := behind(tracked("x"), middleware.Shared(newEngine(t), middleware.Cookies()))
	r := request(http.MethodGet, "/", `If-None-Match: "v1"`, "Cookie: a=b")
	before := r.Header.Clone()
	s.send(r)
	require.Equal(t, before, r.Header)
}

func TestLine47PreconditionsGoToTheHandler(t *testing.T) {
	t.Parallel()
	for _, field := range []string{`If-Match: "v1"`, "If-Unmodified-Since: Sat, 01 Jan 2000 12:00:00 GMT"} {
		s := behind(func(w http.ResponseWriter, r *http.Request) {
			if r.Header.Get("If-Match")+r.Header.Get("If-Unmodified-Since") != "" {
				w.WriteHeader(http.StatusPreconditionFailed)
				return
			}
			tracked("x")(w, r)
		}, middleware.Shared(newEngine(t)))
		requireStored(t, s.get("/"))
		r := s.get("/", field)
		require.Equal(t, http.StatusPreconditionFailed, r.StatusCode)
		requireRefused(t, r, middleware.ReasonPrecondition)
		requireHit(t, s.get("/"))
	}
}

func TestLine69ARangeRequestGoesToTheHandlerAndIsNotStored(t *testing.T) {
	t.Parallel()
	s := behind(func(w http.ResponseWriter, r *http.Request) {
		set(w.Header(), minute)
		if r.Header.Get("Range") != "" {
			set(w.Header(), "Content-Range: bytes 0-0/4")
			w.WriteHeader(http.StatusPartialContent)
			_, _ = io.WriteString(w, "f")
			return
		}
		_, _ = io.WriteString(w, "full")
	}, middleware.Shared(newEngine(t)))
	requireRefused(t, s.get("/", "Range: bytes=0-0"), middleware.ReasonRange)
	requireStored(t, s.get("/"))
	require.Equal(t, http.StatusPartialContent, s.get("/", "Range: bytes=0-0").StatusCode)
	require.Equal(t, "full", s.get("/").body)
}

func TestLine41A304OfAnAnswerThatIsNotStoredKeepsWhatIsForThisClient(t *testing.T) {
	t.Parallel()
	s := behind(func(w http.ResponseWriter, r *http.Request) {
		coherence.Untracked(r.Context())
		set(w.Header(), `ETag: "x"`, "X-Csrf-Token: fresh", "Content-Type: text/html", "Set-Cookie: a=b")
		_, _ = io.WriteString(w, "x")
	}, middleware.Shared(newEngine(t)))
	r := s.get("/", `If-None-Match: "x"`)
	require.Equal(t, http.StatusNotModified, r.StatusCode)
	require.Equal(t, "fresh", r.Header.Get("X-Csrf-Token"))
	require.Equal(t, "a=b", r.Header.Get("Set-Cookie"))
	require.Empty(t, r.Header.Values("Content-Type"))
}

func TestLine72AFileTheClientHasIsNotSentAgain(t *testing.T) {
	t.Parallel()
	body := strings.Repeat("x", 3000)
	s := behind(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "/sized" {
			w.Header().Set("Content-Length", strconv.Itoa(len(body)))
		}
		set(w.Header(), `ETag: "big"`)
		n, err := io.Copy(w, strings.NewReader(body))
		require.NoError(t, err)
		require.EqualValues(t, len(body), n)
	}, middleware.Shared(newEngine(t), middleware.MaxBody(1000)))
	for _, path := range []string{"/sized", "/unsized"} {
		r := s.get(path, `If-None-Match: "big"`)
		requireRefused(t, r, middleware.ReasonTooLarge)
		require.Equal(t, http.StatusNotModified, r.StatusCode)
		require.Empty(t, r.body)
		require.Empty(t, r.Header.Values("Content-Length"))
		require.Equal(t, body, s.get(path, `If-None-Match: "other"`).body)
	}
}
