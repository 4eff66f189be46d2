package middleware_test

import (
	"bytes"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"net/http/httptrace"
	"net/http/httputil"
	"net/textproto"
	"net/url"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/cachewright/cachewright/coherence"
	"github.com/cachewright/cachewright/middleware"
)

// A sequence is a conversation of one client with an origin, through a default Shared door around a reverse proxy. Each of its
// steps says what the client asks, what the origin would answer, and where the answer has to come from.
type sequence struct {
	name  string
	steps []step
}

func seq(name string, steps ...step) sequence { return sequence{name: name, steps: steps} }

type source uint8

const (
	fromOrigin source = iota
	fromCache
	fromEither
	confirmedByOrigin // from the cache, after the origin answered its question with 304
)

type step struct {
	pause   time.Duration
	method  string
	target  string
	ask     []string
	interim []interim
	fields  []string
	status  int
	body    string
	broken  bool // the origin closes the connection instead

	from  source
	sees  int
	shows string
	has   []string
	lacks []string
	told  []string // request fields the origin must have been sent
}

type interim struct {
	status int
	fields []string
}

// The origin's answer, with its fields; "@10s" stands for the date ten seconds from then. It must reach the client.
func miss(fields ...string) step { return step{from: fromOrigin, fields: fields} }

// The answer must come from the store.
func hit(fields ...string) step { return step{from: fromCache, has: fields} }

// The stored answer must be confirmed by the origin's 304 with these fields.
func confirmed(fields ...string) step { return step{from: confirmedByOrigin, fields: fields} }

func (s step) after(d time.Duration) step     { s.pause = d; return s }
func (s step) by(method string) step          { s.method = method; return s }
func (s step) at(target string) step          { s.target = target; return s }
func (s step) asking(fields ...string) step   { s.ask = fields; return s }
func (s step) code(status int) step           { s.status = status; return s }
func (s step) saying(body string) step        { s.body = body; return s }
func (s step) breaks() step                   { s.broken = true; return s }
func (s step) sends(fields ...string) step    { s.fields = fields; return s }
func (s step) having(fields ...string) step   { s.has = append(s.has, fields...); return s }
func (s step) without(fields ...string) step  { s.lacks = fields; return s }
func (s step) seen(status int) step           { s.sees = status; return s }
func (s step) showing(body string) step       { s.shows = body; return s }
func (s step) telling(fields ...string) step  { s.told = fields; return s }
func (s step) first(informed ...interim) step { s.interim = informed; return s }
func (s step) either() step                   { s.from = fromEither; return s }

// origin answers each request with what its step says.
type origin struct {
	t       *testing.T
	step    *step
	number  int
	reached bool
	got     http.Header
}

// RoundTrip is the connection of the proxy to the origin.
func (o *origin) RoundTrip(r *http.Request) (*http.Response, error) {
	s := o.step
	o.reached, o.got = true, r.Header.Clone()
	if r.Body != nil {
		_, _ = io.Copy(io.Discard, r.Body)
	}
	if s.broken {
		return nil, io.ErrUnexpectedEOF
	}
	for _, i := range s.interim {
		h := textproto.MIMEHeader{}
		for name, values := range dated(i.fields) {
			h[name] = values
		}
		if trace := httptrace.ContextClientTrace(r.Context()); trace != nil && trace.Got1xxResponse != nil {
			require.NoError(o.t, trace.Got1xxResponse(i.status, h))
		}
	}
	status, body := s.status, s.body
	if status == 0 {
		status = http.StatusOK
	}
	if body == "" {
		body = fmt.Sprintf("answer %d", o.number)
	}
	if s.from == confirmedByOrigin {
		status = http.StatusNotModified
	}
	h := dated(s.fields)
	if h.Get("Content-Type") == "" {
		h.Set("Content-Type", "text/plain")
	}
	if r.Method == http.MethodHead || status == http.StatusNoContent || status == http.StatusNotModified {
		body = ""
	}
	res := &http.Response{
		StatusCode: status, Proto: "HTTP/1.1", ProtoMajor: 1, ProtoMinor: 1, Header: h, Request: r,
		Body: io.NopCloser(strings.NewReader(body)), ContentLength: int64(len(body)),
	}
	if body != "" && h.Get("Content-Length") == "" {
		h.Set("Content-Length", fmt.Sprint(len(body)))
	}
	return res, nil
}

func dated(fields []string) http.Header {
	h := http.Header{}
	for _, f := range fields {
		name, value, _ := strings.Cut(f, ": ")
		if offset, ok := strings.CutPrefix(value, "@"); ok {
			d, err := time.ParseDuration(offset)
			if err != nil {
				panic(err)
			}
			value = time.Now().Add(d).UTC().Format(http.TimeFormat)
		}
		h.Add(name, value)
	}
	return h
}

// client notes interim answers, which httptest.ResponseRecorder does not.
type client struct {
	*httptest.ResponseRecorder
	interim []interim
}

func (c *client) WriteHeader(status int) {
	if status < 200 {
		i := interim{status: status}
		for name, values := range c.Header() {
			for _, v := range values {
				i.fields = append(i.fields, name+": "+v)
			}
		}
		c.interim = append(c.interim, i)
		return
	}
	c.ResponseRecorder.WriteHeader(status)
}

// conform plays the sequences of a group, each with a cache of its own. Pauses take no time.
func conform(t *testing.T, sequences ...sequence) {
	t.Helper()
	for _, q := range sequences {
		t.Run(q.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) { q.play(t) })
		})
	}
}

func (q sequence) play(t *testing.T) {
	o := &origin{t: t}
	proxy := httputil.NewSingleHostReverseProxy(&url.URL{Scheme: "http", Host: "origin.example"})
	proxy.Transport = o
	proxy.ErrorLog = nil
	proxy.ErrorHandler = func(w http.ResponseWriter, _ *http.Request, _ error) { w.WriteHeader(http.StatusBadGateway) }
	door := middleware.Shared(newEngine(t, coherence.WithMemory(8<<20)))(proxy)
	for i := range q.steps {
		s := &q.steps[i]
		time.Sleep(s.pause) // in the bubble: no time passes outside
		o.step, o.number, o.reached, o.got = s, i+1, false, nil
		method, target := s.method, s.target
		if method == "" {
			method = http.MethodGet
		}
		if target == "" {
			target = "/resource"
		}
		var body io.Reader
		if method != http.MethodGet && method != http.MethodHead {
			body = bytes.NewReader([]byte("abc"))
		}
		r := httptest.NewRequest(method, "http://cache.example"+target, body)
		for name, values := range dated(s.ask) {
			r.Header[name] = values
		}
		r.Header.Set("Req-Num", fmt.Sprint(i+1))
		c := &client{ResponseRecorder: httptest.NewRecorder()}
		door.ServeHTTP(c, r)
		synctest.Wait() // refreshes in the background
		s.check(t, o, c, i+1)
	}
}

func (s *step) check(t *testing.T, o *origin, c *client, number int) {
	t.Helper()
	at := fmt.Sprintf("step %d: %v", number, c.Header()["Cache-Status"])
	res := c.Result()
	switch s.from {
	case fromOrigin:
		require.True(t, o.reached, at)
	case fromCache:
		require.False(t, o.reached, at)
	case confirmedByOrigin:
		require.True(t, o.reached, at)
		require.NotEmpty(t, o.got.Get("If-None-Match")+o.got.Get("If-Modified-Since"), at)
	case fromEither:
	}
	want := s.sees
	if want == 0 && s.status != 0 && s.from == fromOrigin {
		want = s.status
	}
	if want == 0 {
		want = http.StatusOK
	}
	require.Equal(t, want, res.StatusCode, at)
	if s.shows != "" {
		require.Equal(t, s.shows, c.Body.String(), at)
	}
	if s.from == fromOrigin && want == s.status && len(s.fields) > 0 {
		for name, values := range dated(s.fields) {
			if name != "Connection" && name != "Age" && res.Header.Get(name) == "" {
				assert.Fail(t, "the origin's field is missing", "%s: %s %v", at, name, values)
			}
		}
	}
	for name, values := range dated(s.has) {
		require.Equal(t, strings.Join(values, ", "), strings.Join(res.Header[name], ", "), "%s: %s", at, name)
	}
	for _, name := range s.lacks {
		require.Empty(t, res.Header.Values(name), "%s: %s", at, name)
	}
	for _, f := range s.told {
		name, value, _ := strings.Cut(f, ": ")
		require.Equal(t, value, o.got.Get(name), "%s: %s", at, name)
	}
	if len(s.interim) > 0 {
		require.Len(t, c.interim, len(s.interim), at)
		for i := range s.interim {
			require.Equal(t, s.interim[i].status, c.interim[i].status, at)
			require.Subset(t, c.interim[i].fields, s.interim[i].fields, at)
		}
	}
}
