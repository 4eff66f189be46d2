package middleware_test

import (
	"io"
	"net/http"
	"strconv"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/cachewright/cachewright/coherence"
	"github.com/cachewright/cachewright/middleware"
)

func TestLine10FieldsOfOuterMiddlewareAreNotCaptured(t *testing.T) {
	t.Parallel()
	n := 0
	outer := func(next http.Handler) http.Handler {
		return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			n++
			id := strconv.Itoa(n)
			set(w.Header(), "X-Request-Id: "+id, "Vary: Origin", "Access-Control-Allow-Origin: https://"+id+".example",
				"Link: </outer"+id+">", "X-Frame-Options: DENY", "Content-Type: application/json", "X-Gone: "+id)
			next.ServeHTTP(w, r)
		})
	}
	s := behind(func(w http.ResponseWriter, r *http.Request) {
		coherence.Depend(r.Context(), product)
		h := w.Header()
		h.Add("Vary", "X-Theme")
		h.Add("Link", "</inner>")
		h.Set("Content-Type", "text/html")
		h.Del("X-Gone")
		_, _ = io.WriteString(w, "x")
	}, outer, middleware.Shared(newEngine(t)))
	for _, id := range []string{"1", "2"} {
		r := s.get("/")
		require.Equal(t, id == "2", r.hit(t))
		require.Equal(t, []string{id}, r.Header.Values("X-Request-Id"))
		require.Equal(t, []string{"https://" + id + ".example"}, r.Header.Values("Access-Control-Allow-Origin"))
		require.Equal(t, []string{"Origin", "X-Theme"}, r.Header.Values("Vary"))
		require.Equal(t, []string{"</outer" + id + ">", "</inner>"}, r.Header.Values("Link"))
		require.Equal(t, []string{"DENY"}, r.Header.Values("X-Frame-Options"))
		require.Equal(t, []string{"text/html"}, r.Header.Values("Content-Type"))
		require.Empty(t, r.Header.Values("X-Gone"))
	}
}

func TestLine10WhatOuterMiddlewareSetsStillDecides(t *testing.T) {
	t.Parallel()
	for field, why := range map[string]middleware.Reason{
		"Set-Cookie: a=b":         middleware.ReasonSetCookie,
		"Cache-Control: private":  middleware.ReasonPrivate,
		"Cache-Control: no-store": middleware.ReasonNoStore,
		"Vary: *":                 middleware.ReasonVaryStar,
		"Content-Security-Policy: script-src 'nonce-abc'": middleware.ReasonNonce,
	} {
		before := func(next http.Handler) http.Handler {
			return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				set(w.Header(), field)
				next.ServeHTTP(w, r)
			})
		}
		for name, outer := range map[string]middle{"before the handler": before, "at the first write": atFirstWrite(field)} {
			s := behind(tracked("x"), outer, middleware.Shared(newEngine(t)))
			s.get("/")
			second := s.get("/")
			requireMiss(t, second)
			if name == "before the handler" {
				require.Equal(t, why, second.detail(t), field)
			}
		}
	}
}

// atFirstWrite is middleware that sets a field when the header is written, as session managers do.
func atFirstWrite(field string) middle {
	return func(next http.Handler) http.Handler {
		return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			next.ServeHTTP(&lateWriter{ResponseWriter: w, field: field}, r)
		})
	}
}

type lateWriter struct {
	http.ResponseWriter
	field string
	done  bool
}

func (w *lateWriter) WriteHeader(status int) {
	if !w.done {
		w.done = true
		set(w.Header(), w.field)
	}
	w.ResponseWriter.WriteHeader(status)
}

func TestLine10VaryAddedAtTheFirstWriteSelects(t *testing.T) {
	t.Parallel()
	s := behind(saying("x", "Cache-Control: public, max-age=60"), atFirstWrite("Vary: X-Tenant"), middleware.Shared(newEngine(t)))
	requireStored(t, s.get("/", "X-Tenant: a"))
	requireStored(t, s.get("/", "X-Tenant: b"))
	requireHit(t, s.get("/", "X-Tenant: a"))
}

func TestLine10AnOuterCookieDoesNotDecidePerUser(t *testing.T) {
	t.Parallel()
	s := behind(tracked("x"), atFirstWrite("Set-Cookie: session=renewed"),
		middleware.PerUser(newEngine(t), func(*http.Request) string { return "alice" }))
	requireStored(t, s.get("/"))
	requireHit(t, s.get("/"))
}

func TestLine11LaterChangesOfHeaderAndBufferDoNotReachThePage(t *testing.T) {
	t.Parallel()
	s := behind(func(w http.ResponseWriter, _ *http.Request) {
		set(w.Header(), minute, "X-List: a")
		w.WriteHeader(http.StatusOK)
		w.Header()["X-List"][0] = "changed"
		w.Header().Set("X-Late", "1")
		buf := []byte("good")
		_, _ = w.Write(buf)
		copy(buf, "evil")
	}, middleware.Shared(newEngine(t)))
	for _, hit := range []bool{false, true} {
		r := s.get("/")
		require.Equal(t, hit, r.hit(t))
		require.Equal(t, "good", r.body)
		require.Equal(t, "a", r.Header.Get("X-List"))
		require.Empty(t, r.Header.Get("X-Late"))
	}
}

func TestLine11NobodyWhoChangesTheHeaderOfAHitChangesThePage(t *testing.T) {
	t.Parallel()
	s := behind(saying("x", minute, "X-List: a"), func(next http.Handler) http.Handler {
		return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			next.ServeHTTP(w, r)
			for _, values := range w.Header() {
				for i := range values {
					values[i] = "spoilt"
				}
			}
		})
	}, middleware.Shared(newEngine(t)))
	for range 4 {
		require.Equal(t, "a", s.get("/").Header.Get("X-List"))
	}
}

func TestLine10ACookieTheHandlerPutsInPlaceOfAnOuterOneIsItsOwn(t *testing.T) {
	t.Parallel()
	s := behind(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Set-Cookie", "mine=1")
		tracked("x")(w, r)
	}, func(next http.Handler) http.Handler {
		return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			set(w.Header(), "Set-Cookie: outer=1")
			next.ServeHTTP(w, r)
		})
	}, middleware.PerUser(newEngine(t), func(*http.Request) string { return "alice" }))
	for range 2 {
		r := s.get("/")
		requireRefused(t, r, middleware.ReasonSetCookie)
		require.Equal(t, []string{"mine=1"}, r.Header.Values("Set-Cookie"))
	}
}

// replacing is middleware that puts a field in the place of the handler's when the header is written.
func replacing(name, value string) middle {
	return func(next http.Handler) http.Handler {
		return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			next.ServeHTTP(&replacingWriter{w, name, value}, r)
		})
	}
}

type replacingWriter struct {
	http.ResponseWriter
	name, value string
}

func (w *replacingWriter) WriteHeader(status int) {
	w.Header().Set(w.name, w.value)
	w.ResponseWriter.WriteHeader(status)
}

func TestLine10WhatIsSaidOfFreshnessAtTheFirstWriteTakesBackAndGrantsNothing(t *testing.T) {
	t.Parallel()
	said := func(late string) *site {
		return behind(saying("x", "Cache-Control: public, max-age=60"), replacing("Cache-Control", late), middleware.Shared(newEngine(t)))
	}
	s := said("public, max-age=0")
	s.get("/")
	requireMiss(t, s.get("/"))
	s = said("max-age=60")
	s.get("/")
	requireHit(t, s.get("/"))
	requireMiss(t, s.get("/", "Cookie: a=b"))
	requireMiss(t, s.get("/", "Authorization: Bearer x"))

	s = behind(saying("x", "Cache-Control: max-age=60"), replacing("Cache-Control", "public, max-age=600"), middleware.Shared(newEngine(t)))
	s.get("/")
	require.EqualValues(t, 59, s.get("/").param(t, "ttl"))
	requireMiss(t, s.get("/", "Authorization: Bearer x"))
}
