package watch_test

import (
	"database/sql"
	"fmt"
	"net/http"
	"net/http/httptest"
	"testing"

	_ "github.com/glebarez/go-sqlite"
	"github.com/stretchr/testify/require"

	"github.com/cachewright/cachewright/demoapp/internal/watch"
	"github.com/cachewright/cachewright/internal/testkit"
)

func TestMain(m *testing.M) { testkit.Main(m) }

func TestALookTellsFreshFromStaleAndFromWhatMovedMeanwhile(t *testing.T) {
	t.Parallel()
	db, err := sql.Open("sqlite", t.TempDir()+"/x.db")
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, db.Close()) })
	exec := func(text string) {
		_, err := db.ExecContext(t.Context(), text)
		require.NoError(t, err)
	}
	exec("CREATE TABLE products (id INTEGER PRIMARY KEY, price_cents INTEGER)")
	exec("INSERT INTO products VALUES (1, 100)")
	says, during := 100, func() {}
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		during()
		if says == 0 {
			w.WriteHeader(http.StatusInternalServerError)
			return
		}
		if r.URL.Path == "/products" && r.URL.Query().Get("category") == "tea" {
			fmt.Fprintf(w, `{"items": [{"id": 13, "price_cents": 5}, {"id": 1, "price_cents": %d}]}`, says)
			return
		}
		fmt.Fprintf(w, `{"id": 1, "price_cents": %d}`, says)
	}))
	t.Cleanup(server.Close)
	w := watch.New(func() string { return server.URL }, db)
	t.Cleanup(w.Close)
	w.Look(t.Context(), 1, watch.OnPage)
	require.Equal(t, watch.Figures{Looks: 1}, w.Figures())
	says = 99
	w.Look(t.Context(), 1, watch.InRows)
	require.Equal(t, watch.Figures{Looks: 2, Stale: 1, LastSaid: "product 1: served 99, stored 100"}, w.Figures())
	w.Look(t.Context(), 1, watch.InTheList)
	require.Equal(t, int64(2), w.Figures().Stale)
	says = 100
	w.Look(t.Context(), 1, watch.InTheList)
	require.Equal(t, int64(4), w.Figures().Looks)
	during = func() { exec("UPDATE products SET price_cents = price_cents + 1") }
	w.Look(t.Context(), 1, watch.InRows)
	require.Equal(t, int64(1), w.Figures().Moved)
	during, says = func() {}, 0
	w.Look(t.Context(), 1, watch.InRows)
	w.Look(t.Context(), 2, watch.InRows)
	require.Equal(t, int64(2), w.Figures().Failed)
	require.Equal(t, int64(2), w.Figures().Stale)
}
