package middleware_test

import (
	"io"
	"net/http"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/cachewright/cachewright/coherence"
	"github.com/cachewright/cachewright/middleware"
)

func TestLine25ForwardingFieldsAreInEveryKeyAndNeverTrusted(t *testing.T) {
	t.Parallel()
	e := newEngine(t)
	s := behind(func(w http.ResponseWriter, r *http.Request) {
		set(w.Header(), "Cache-Control: public, max-age=60")
		_, _ = io.WriteString(w, "https://"+r.Header.Get("X-Forwarded-Host"))
	}, middleware.Shared(e))
	requireStored(t, s.get("http://a.example/"))
	for _, name := range []string{
		"X-Forwarded-Host", "X-Forwarded-Proto", "X-Forwarded-Prefix", "X-Original-URL", "X-Rewrite-URL", "X-HTTP-Method-Override",
	} {
		requireStored(t, s.get("http://a.example/", name+": evil"))
		requireHit(t, s.get("http://a.example/", name+": evil"))
	}
	requireHit(t, s.get("http://a.example/"))
	require.NoError(t, e.Invalidate(t.Context(), coherence.URLTag("http://evil/")))
	requireHit(t, s.get("http://a.example/", "X-Forwarded-Host: evil"))
	require.NoError(t, e.Invalidate(t.Context(), coherence.URLTag("http://a.example/")))
	requireMiss(t, s.get("http://a.example/", "X-Forwarded-Host: evil"))
	requireMiss(t, s.get("http://a.example/"))

	trusting := behind(saying("x", "Cache-Control: public, max-age=60"), middleware.Shared(e, middleware.WithoutForwarded()))
	requireStored(t, trusting.get("/"))
	requireHit(t, trusting.get("/", "X-Forwarded-Host: proxy"))
}

func TestLine25WhatForwardedSaysOfTheURLIsInEveryKey(t *testing.T) {
	t.Parallel()
	s := behind(func(w http.ResponseWriter, r *http.Request) {
		set(w.Header(), "Cache-Control: public, max-age=60")
		_, _ = io.WriteString(w, r.Header.Get("Forwarded"))
	}, middleware.Shared(newEngine(t)))
	requireStored(t, s.get("/", "Forwarded: for=10.0.0.1"))
	requireHit(t, s.get("/", "Forwarded: For=10.0.0.2;by=proxy, for=10.0.0.3"))
	requireHit(t, s.get("/"))
	for _, value := range []string{
		"host=evil", "for=10.0.0.1;proto=https", `for="x;host=evil"`, `host="a;b"`, `host="a;c"`, "for=a, for=b; host=c",
	} {
		requireStored(t, s.get("/", "Forwarded: "+value))
		requireHit(t, s.get("/", "Forwarded: "+value))
	}
}

func TestLine26TheKeyHoldsTheURLAsSentAndAsItArrives(t *testing.T) {
	t.Parallel()
	arm := "a"
	rewrite := func(next http.Handler) http.Handler {
		return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			r2 := r.Clone(r.Context())
			r2.URL.Path = "/" + arm
			next.ServeHTTP(w, r2)
		})
	}
	s := behind(echo, rewrite, middleware.Shared(newEngine(t)))
	requireStored(t, s.get("/"))
	arm = "b"
	second := s.get("/")
	requireStored(t, second)
	require.Contains(t, second.body, "/b")
	stripped := behind(echo, func(next http.Handler) http.Handler {
		return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			r2 := r.Clone(r.Context())
			r2.URL.Path = "/same"
			next.ServeHTTP(w, r2)
		})
	}, middleware.Shared(newEngine(t)))
	requireStored(t, stripped.get("/one"))
	requireStored(t, stripped.get("/two"))
	made := func(path string) *http.Request { // as a program makes it, without RequestURI
		r, err := http.NewRequestWithContext(t.Context(), http.MethodGet, "http://a.example"+path, nil)
		require.NoError(t, err)
		return r
	}
	plain := behind(echo, middleware.Shared(newEngine(t)))
	requireStored(t, plain.send(made("/one")))
	requireStored(t, plain.send(made("/two")))
}

func TestLine26TheKeyHoldsSchemeAndHostThatOuterMiddlewareWrote(t *testing.T) {
	t.Parallel()
	var scheme, host string
	s := behind(func(w http.ResponseWriter, r *http.Request) {
		coherence.Depend(r.Context(), product)
		_, _ = io.WriteString(w, r.URL.Scheme+"://"+r.URL.Host)
	}, func(next http.Handler) http.Handler {
		return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			r = r.Clone(r.Context())
			r.URL.Scheme, r.URL.Host = scheme, host
			next.ServeHTTP(w, r)
		})
	}, middleware.Shared(newEngine(t)))
	for _, u := range [][2]string{{"", ""}, {"https", ""}, {"https", "a.example"}, {"http", "a.example"}} {
		scheme, host = u[0], u[1]
		require.Equal(t, scheme+"://"+host, s.get("/").body)
		requireHit(t, s.get("/"))
	}
}

func TestLine26AStrippedURLInAbsoluteFormIsPurgedByTheURLTheClientSent(t *testing.T) {
	t.Parallel()
	e := newEngine(t)
	s := behind(tracked("x"), func(next http.Handler) http.Handler { return http.StripPrefix("/api", next) }, middleware.Shared(e))
	absolute := func() *http.Request { return request(http.MethodGet, "http://shop.example/api/x") }
	require.Equal(t, "http://shop.example/api/x", absolute().RequestURI)
	requireStored(t, s.send(absolute()))
	requireHit(t, s.send(absolute()))
	require.NoError(t, e.Invalidate(t.Context(), coherence.URLTag("http://shop.example/api/x")))
	requireMiss(t, s.send(absolute()))
}
