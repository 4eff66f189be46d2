package middleware_test

import (
	"fmt"
	"io"
	"math/rand/v2"
	"net/http"
	"strings"
	"sync"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/cachewright/cachewright/coherence"
	"github.com/cachewright/cachewright/middleware"
)

// Sixty-four users ask for the same few URLs at once, each with credentials of its own, while rows are written all the time.
// Whoever is named in an answer is the one who asked, or the answer was public.
func TestNoPageEverReachesAnotherUser(t *testing.T) {
	t.Parallel()
	const users, rounds, urls = 64, 40, 4
	who := func(r *http.Request) string {
		for _, name := range []string{"Authorization", "X-Api-Key", "Cookie", "X-Session"} {
			if v := r.Header.Get(name); v != "" {
				return v
			}
		}
		return "nobody"
	}
	handler := func(w http.ResponseWriter, r *http.Request) {
		coherence.Depend(r.Context(), product)
		switch r.URL.Path {
		case "/0": // stands on its stamps alone
		case "/1":
			set(w.Header(), "Cache-Control: max-age=60")
		case "/2":
			set(w.Header(), "Cache-Control: private, max-age=60")
		case "/3":
			set(w.Header(), "Set-Cookie: "+who(r), "Cache-Control: public, max-age=60")
		}
		_, _ = io.WriteString(w, "<"+who(r)+">")
	}
	identify := func(r *http.Request) string { return who(r) }
	for name, door := range map[string]func(*coherence.Engine) middle{
		"shared":   func(e *coherence.Engine) middle { return middleware.Shared(e) },
		"per user": func(e *coherence.Engine) middle { return middleware.PerUser(e, identify) },
	} {
		for _, field := range []string{"Authorization", "X-Api-Key", "Cookie", "X-Session"} {
			if name == "shared" && field == "X-Session" {
				// A field nobody knows as a credential: on an explicitly fresh page that does not vary on it, the
				// handler has decided that it does not matter.
				continue
			}
			t.Run(name+" by "+field, func(t *testing.T) {
				t.Parallel()
				e := newEngine(t)
				s := behind(handler, door(e))
				var wg sync.WaitGroup
				for u := range users {
					wg.Go(func() {
						user := fmt.Sprintf("%s=user%d", strings.ToLower(field), u)
						for range rounds {
							url := fmt.Sprintf("/%d", rand.IntN(urls))
							if got := s.get(url, field+": "+user).body; got != "<"+user+">" {
								t.Errorf("%s got %s from %s", user, got, url)
								return
							}
							if u == 0 {
								w, err := e.Begin(t.Context(), product)
								if err != nil {
									t.Error(err)
									return
								}
								w.Publish(t.Context())
							}
						}
					})
				}
				wg.Wait()
				require.NotZero(t, s.runs.Load())
			})
		}
	}
}
