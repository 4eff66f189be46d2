package middleware_test

import (
	"bufio"
	"bytes"
	"io"
	"log"
	"net"
	"net/http"
	"net/http/httptest"
	"net/http/httptrace"
	"net/textproto"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/cachewright/cachewright/coherence"
	"github.com/cachewright/cachewright/middleware"
)

func TestLine65AFlushSendsWhatWasHeldBackAtOnce(t *testing.T) {
	t.Parallel()
	proceed := make(chan struct{})
	s := behind(func(w http.ResponseWriter, r *http.Request) {
		coherence.Depend(r.Context(), product)
		_, _ = io.WriteString(w, "first ")
		w.(http.Flusher).Flush()
		<-proceed
		_, _ = io.WriteString(w, "second")
	}, middleware.Shared(newEngine(t)))
	server := httptest.NewServer(s)
	defer server.Close()
	res, err := server.Client().Get(server.URL)
	require.NoError(t, err)
	head := make([]byte, 6)
	_, err = io.ReadFull(res.Body, head)
	require.NoError(t, err, "the first part is here while the handler still runs")
	require.Contains(t, res.Header.Get("Cache-Status"), "detail=streamed")
	close(proceed)
	rest, err := io.ReadAll(res.Body)
	require.NoError(t, err)
	require.NoError(t, res.Body.Close())
	require.Equal(t, "first second", string(head)+string(rest))
}

func TestLine65EventsAreNotHeldBack(t *testing.T) {
	t.Parallel()
	s := behind(saying("data: x\n\n", minute, "Content-Type: Text/Event-Stream; charset=utf-8"), middleware.Shared(newEngine(t)))
	requireRefused(t, s.get("/"), middleware.ReasonStreamed)
	requireMiss(t, s.get("/"))
}

func TestLine65AHijackedConnectionIsLeftAlone(t *testing.T) {
	t.Parallel()
	events := make(chan middleware.Event, 1)
	s := behind(func(w http.ResponseWriter, _ *http.Request) {
		conn, _, err := w.(http.Hijacker).Hijack()
		require.NoError(t, err)
		_, _ = io.WriteString(conn, "HTTP/1.1 299 Own\r\nContent-Length: 2\r\nConnection: close\r\n\r\nhi")
		_ = conn.Close()
	}, middleware.Shared(newEngine(t), middleware.WithRecorder(func(e middleware.Event) { events <- e })))
	server := httptest.NewServer(s)
	res, err := server.Client().Get(server.URL)
	require.NoError(t, err)
	require.NoError(t, res.Body.Close())
	server.Close()
	require.Equal(t, 299, res.StatusCode)
	require.Equal(t, middleware.ReasonHijacked, (<-events).Reason)
}

func TestLine65AnUpgradePassesTheCacheBy(t *testing.T) {
	t.Parallel()
	s := behind(func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Upgrade", "echo")
		w.WriteHeader(http.StatusSwitchingProtocols)
	}, middleware.Shared(newEngine(t)))
	server := httptest.NewServer(s)
	defer server.Close()
	conn, err := net.Dial("tcp", server.Listener.Addr().String())
	require.NoError(t, err)
	defer func() { _ = conn.Close() }()
	_, err = io.WriteString(conn, "GET / HTTP/1.1\r\nHost: x\r\nConnection: Upgrade\r\nUpgrade: echo\r\n\r\n")
	require.NoError(t, err)
	line, err := bufio.NewReader(conn).ReadString('\n')
	require.NoError(t, err)
	require.Contains(t, line, " 101 ")
}

func TestLine66InformationalAnswersPassThroughAndAreNotFinal(t *testing.T) {
	t.Parallel()
	s := behind(func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Link", "</early.css>; rel=preload")
		w.WriteHeader(http.StatusEarlyHints)
		w.Header().Del("Link")
		set(w.Header(), minute)
		w.WriteHeader(http.StatusCreated)
		_, _ = io.WriteString(w, "made")
	}, middleware.Shared(newEngine(t)))
	server := httptest.NewServer(s)
	defer server.Close()
	for _, hit := range []bool{false, true} {
		var hints []string
		trace := &httptrace.ClientTrace{Got1xxResponse: func(_ int, h textproto.MIMEHeader) error {
			hints = append(hints, h.Get("Link"))
			return nil
		}}
		req, err := http.NewRequestWithContext(httptrace.WithClientTrace(t.Context(), trace), http.MethodGet, server.URL, nil)
		require.NoError(t, err)
		res, err := server.Client().Do(req)
		require.NoError(t, err)
		body, err := io.ReadAll(res.Body)
		require.NoError(t, err)
		require.NoError(t, res.Body.Close())
		require.Equal(t, http.StatusCreated, res.StatusCode)
		require.Equal(t, "made", string(body))
		require.Empty(t, res.Header.Get("Link"))
		if !hit {
			require.Equal(t, []string{"</early.css>; rel=preload"}, hints)
		}
		require.Equal(t, hit, strings.Contains(res.Header.Get("Cache-Status"), ";hit"))
	}
}

func TestLine67OddWritesHaveTheResultsTheyHaveWithoutTheCache(t *testing.T) {
	t.Parallel()
	for name, h := range map[string]http.HandlerFunc{
		"header twice": func(w http.ResponseWriter, _ *http.Request) {
			w.WriteHeader(http.StatusCreated)
			w.WriteHeader(http.StatusTeapot)
			_, _ = io.WriteString(w, "x")
		},
		"write before header": func(w http.ResponseWriter, _ *http.Request) {
			_, _ = io.WriteString(w, "x")
			w.WriteHeader(http.StatusTeapot)
		},
		"body with 204": func(w http.ResponseWriter, _ *http.Request) {
			w.WriteHeader(http.StatusNoContent)
			_, err := io.WriteString(w, "x")
			if err != http.ErrBodyNotAllowed {
				panic(err)
			}
		},
		"sniffed type": func(w http.ResponseWriter, _ *http.Request) {
			_, _ = io.WriteString(w, "<!DOCTYPE")
			_, _ = io.WriteString(w, " html><p>x")
		},
		"no sniffing": func(w http.ResponseWriter, _ *http.Request) {
			w.Header()["Content-Type"] = nil
			_, _ = io.WriteString(w, "<html>")
		},
		"empty write": func(w http.ResponseWriter, _ *http.Request) { _, _ = w.Write(nil) },
		"nothing":     func(http.ResponseWriter, *http.Request) {},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			var logs [2]lockedBuffer
			fetch := func(i int, h http.Handler) (int, string, string, int64) {
				server := httptest.NewUnstartedServer(h)
				server.Config.ErrorLog = log.New(&logs[i], "", 0)
				server.Start()
				defer server.Close()
				var res *http.Response
				for range 2 { // the second answer is a hit
					var err error
					res, err = server.Client().Get(server.URL)
					require.NoError(t, err)
					body, err := io.ReadAll(res.Body)
					require.NoError(t, err)
					require.NoError(t, res.Body.Close())
					res.Body = io.NopCloser(bytes.NewReader(body))
				}
				body, _ := io.ReadAll(res.Body)
				return res.StatusCode, string(body), res.Header.Get("Content-Type"), res.ContentLength
			}
			explicit := func(w http.ResponseWriter, r *http.Request) {
				set(w.Header(), minute)
				h(w, r)
			}
			s := behind(explicit, middleware.Shared(newEngine(t)))
			wantStatus, wantBody, wantType, wantLength := fetch(0, http.HandlerFunc(explicit))
			status, body, contentType, length := fetch(1, s)
			require.Equal(t, wantStatus, status)
			require.Equal(t, wantBody, body)
			require.Equal(t, wantType, contentType)
			require.Equal(t, wantLength, length)
			require.EqualValues(t, 1, s.runs.Load())
			require.Equal(t, strings.Contains(logs[0].String(), "superfluous"), strings.Contains(logs[1].String(), "superfluous"))
		})
	}
}

type lockedBuffer struct {
	mu sync.Mutex
	b  bytes.Buffer // guarded by mu
}

func (l *lockedBuffer) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.Write(p)
}

func (l *lockedBuffer) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.String()
}

func TestLine68ABodyBeyondTheBoundGoesOnWithoutACut(t *testing.T) {
	t.Parallel()
	text := strings.Repeat("0123456789", 100)
	for name, h := range map[string]http.HandlerFunc{
		"in pieces": func(w http.ResponseWriter, _ *http.Request) {
			for part := range strings.SplitSeq(text, "5") {
				_, _ = io.WriteString(w, part+"5")
			}
		},
		"announced": func(w http.ResponseWriter, _ *http.Request) {
			set(w.Header(), "Content-Length: 1000")
			_, _ = io.WriteString(w, text)
		},
		"copied": func(w http.ResponseWriter, _ *http.Request) { _, _ = io.Copy(w, strings.NewReader(text)) },
		"read from": func(w http.ResponseWriter, _ *http.Request) {
			_, _ = io.Copy(w, struct{ io.Reader }{strings.NewReader(text)})
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := behind(func(w http.ResponseWriter, r *http.Request) { set(w.Header(), minute); h(w, r) },
				middleware.Shared(newEngine(t), middleware.MaxBody(500)))
			server := httptest.NewServer(s)
			defer server.Close()
			for range 2 {
				res, err := server.Client().Get(server.URL)
				require.NoError(t, err)
				body, err := io.ReadAll(res.Body)
				require.NoError(t, err)
				require.NoError(t, res.Body.Close())
				require.True(t, strings.HasPrefix(string(body), text))
				require.Contains(t, res.Header.Get("Cache-Status"), "detail=too-large")
				require.Empty(t, res.Header.Get("Etag"))
			}
			require.EqualValues(t, 2, s.runs.Load())
		})
	}
}

func TestLine71AnswersBeyondTheMemoryInFlightPassThrough(t *testing.T) {
	t.Parallel()
	var s *site
	depth := 0
	s = behind(func(w http.ResponseWriter, r *http.Request) {
		set(w.Header(), minute)
		_, _ = io.WriteString(w, strings.Repeat("a", 600))
		if depth++; depth == 1 { // a second answer while the first one is held
			other := s.get("/other")
			requireRefused(t, other, middleware.ReasonMemory)
			require.Len(t, other.body, 600)
		}
	}, middleware.Shared(newEngine(t), middleware.MaxInFlight(1000)))
	requireStored(t, s.get("/"))
	requireStored(t, s.get("/other")) // the memory came back
}

func TestLine72ALargeFileIsSentAsItWouldBeWithoutTheCache(t *testing.T) {
	t.Parallel()
	content := strings.NewReader(strings.Repeat("a", 2<<20))
	s := behind(func(w http.ResponseWriter, r *http.Request) {
		set(w.Header(), minute)
		http.ServeContent(w, r, "file.txt", time.Time{}, content)
	}, middleware.Shared(newEngine(t)))
	w := &readerFrom{ResponseRecorder: httptest.NewRecorder()}
	s.ServeHTTP(w, request(http.MethodGet, "/"))
	require.True(t, w.used, "the client's own ReadFrom does the copying")
	require.Equal(t, 2<<20, w.Body.Len())

	small := behind(func(w http.ResponseWriter, r *http.Request) {
		set(w.Header(), minute)
		http.ServeContent(w, r, "file.txt", time.Time{}, strings.NewReader("small"))
	}, middleware.Shared(newEngine(t)))
	requireStored(t, small.get("/"))
	require.Equal(t, "small", small.get("/").body)
}

type readerFrom struct {
	*httptest.ResponseRecorder
	used bool
}

func (w *readerFrom) ReadFrom(src io.Reader) (int64, error) {
	w.used = true
	return io.Copy(struct{ io.Writer }{w.ResponseRecorder}, src)
}
