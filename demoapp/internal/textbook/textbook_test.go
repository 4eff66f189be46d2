package textbook_test

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"sync/atomic"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/cachewright/cachewright/demoapp/internal/textbook"
)

func TestItServesWhatItHasAndForgetsWhatWasWritten(t *testing.T) {
	t.Parallel()
	var value atomic.Int64
	c := textbook.New(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Method != http.MethodGet {
			value.Add(1)
		}
		if r.URL.Path == "/missing" {
			w.WriteHeader(http.StatusNotFound)
		}
		w.Header().Set("Content-Type", "text/plain")
		fmt.Fprint(w, value.Load())
	}))
	ask := func(method, path, who string) string {
		w := httptest.NewRecorder()
		r := httptest.NewRequestWithContext(t.Context(), method, path, http.NoBody)
		r.Header.Set("Authorization", who)
		c.ServeHTTP(w, r)
		return w.Body.String()
	}
	require.Equal(t, "0", ask(http.MethodGet, "/products/7", "me"))
	require.Equal(t, "0", ask(http.MethodGet, "/products", "me"))
	value.Store(5)
	require.Equal(t, "0", ask(http.MethodGet, "/products/7", "me"), "from the cache")
	require.Equal(t, "5", ask(http.MethodGet, "/products/7", "you"))
	ask(http.MethodPost, "/products/7/price", "me")
	require.Equal(t, "6", ask(http.MethodGet, "/products/7", "me"), "the write dropped it")
	require.Equal(t, "0", ask(http.MethodGet, "/products", "me"), "but not the list it is on")
	ask(http.MethodGet, "/missing", "me")
	ask(http.MethodGet, "/missing", "me")
	require.Equal(t, textbook.Stats{Hits: 2, Misses: 6, Writes: 1}, c.Stats())
}

// TestAReaderWhoBeganBeforeAWriteLeavesTheOldAnswer is why the demo's staleness column is not zero for this cache.
func TestAReaderWhoBeganBeforeAWriteLeavesTheOldAnswer(t *testing.T) {
	t.Parallel()
	var value atomic.Int64
	read, goOn := make(chan struct{}), make(chan struct{})
	c := textbook.New(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Method != http.MethodGet {
			value.Store(1)
			return
		}
		seen := value.Load()
		if seen == 0 {
			close(read)
			<-goOn
		}
		fmt.Fprint(w, seen)
	}))
	ask := func(method string) string {
		w := httptest.NewRecorder()
		c.ServeHTTP(w, httptest.NewRequestWithContext(t.Context(), method, "/x", http.NoBody))
		return w.Body.String()
	}
	done := make(chan struct{})
	go func() {
		defer close(done)
		ask(http.MethodGet)
	}()
	<-read
	ask(http.MethodPut)
	close(goOn)
	<-done
	require.Equal(t, "0", ask(http.MethodGet), "long after the write returned")
}
