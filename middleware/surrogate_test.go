package middleware_test

import (
	"io"
	"net/http"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/cachewright/cachewright/coherence"
	"github.com/cachewright/cachewright/middleware"
)

func TestACDNIsPurgedByTheKeysOfWhatACommitChanged(t *testing.T) {
	t.Parallel()
	e := newEngine(t)
	cdn := map[string][]string{} // URL: keys
	cancel := e.OnCommit(func(tags []coherence.Tag) {
		purged := e.SurrogateKeys(tags...)
		for url, keys := range cdn {
			if slices.ContainsFunc(keys, func(key string) bool { return slices.Contains(purged, key) }) {
				delete(cdn, url)
			}
		}
	})
	defer cancel()
	s := behind(func(w http.ResponseWriter, r *http.Request) {
		set(w.Header(), "Surrogate-Key: shop front")
		switch r.URL.Path {
		case "/row":
			coherence.Depend(r.Context(), product)
		case "/list":
			coherence.Depend(r.Context(), coherence.TableTag("products"))
		case "/other":
			coherence.Depend(r.Context(), coherence.RowTag("accounts", 1))
		}
		_, _ = io.WriteString(w, "x")
	}, middleware.Shared(e, middleware.SurrogateKeys("surrogate-key", "Cache-Tag")))
	fill := func() {
		for _, path := range []string{"/row", "/list", "/other"} {
			s.get(path)
			r := s.get(path)
			requireHit(t, r)
			keys := strings.Split(r.Header.Get("Surrogate-Key"), " ")
			require.Equal(t, []string{"shop", "front"}, keys[:2], "the handler's own stay")
			require.Equal(t, keys[2:], strings.Split(r.Header.Get("Cache-Tag"), ","))
			require.NotContains(t, r.Header.Get("Cache-Tag"), "products")
			cdn[path] = keys[2:]
		}
	}
	for _, c := range []struct {
		write coherence.Tag
		stay  []string
	}{
		{product, []string{"/other"}},
		{coherence.RowTag("products", 2), []string{"/other", "/row"}},
		{coherence.TableTag("products"), []string{"/other"}},
		{coherence.RowTag("accounts", 1), []string{"/list", "/row"}},
		{coherence.Everything(), nil},
	} {
		fill()
		write(t, e, c.write)
		var stay []string
		for path := range cdn {
			stay = append(stay, path)
			requireHit(t, s.get(path))
		}
		slices.Sort(stay)
		require.Equal(t, c.stay, stay)
	}
	require.NotContains(t, behind(tracked("x"), middleware.Shared(e)).get("/").Header, "Surrogate-Key")
}

func TestAPageOfTooManyKeysIsNotKeptByCachesOutside(t *testing.T) {
	t.Parallel()
	s := behind(func(w http.ResponseWriter, r *http.Request) {
		for i := range 200 {
			coherence.Depend(r.Context(), coherence.RowTag("items", i))
		}
		_, _ = io.WriteString(w, "x")
	}, middleware.Shared(newEngine(t), middleware.SurrogateKeys("Surrogate-Key")))
	requireStored(t, s.get("/"))
	r := s.get("/")
	requireHit(t, r)
	require.Empty(t, r.Header.Values("Surrogate-Key"))
	require.Equal(t, "no-store", r.Header.Get("Cdn-Cache-Control"))
}

func TestAConfirmedPageCarriesTheKeysOfWhatItStandsOnNow(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		s := behind(func(w http.ResponseWriter, r *http.Request) {
			coherence.Depend(r.Context(), product)
			set(w.Header(), "Cache-Control: max-age=10", `ETag: "a"`)
			if r.Header.Get("If-None-Match") != "" {
				w.WriteHeader(http.StatusNotModified)
				return
			}
			_, _ = io.WriteString(w, "x")
		}, middleware.Shared(newEngine(t), middleware.SurrogateKeys("Surrogate-Key")))
		keys := s.get("/").Header.Get("Surrogate-Key")
		require.NotEmpty(t, keys)
		for range 3 {
			time.Sleep(15 * time.Second)
			require.Equal(t, keys, s.get("/").Header.Get("Surrogate-Key"))
		}
	})
}
