package api_test

import (
	"net/http"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/cachewright/cachewright/demoapp/internal/apptest"
	"github.com/cachewright/cachewright/demoapp/internal/seed"
	"github.com/cachewright/cachewright/demoapp/internal/shop"
)

// listOf is a page of a list.
type listOf[T any] struct {
	Items []T
	Next  string
}

func listIsReadToItsEnd(t *testing.T, s server) {
	seen := map[int64]bool{}
	pages := 0
	for next := "/products?limit=100"; next != ""; pages++ {
		list := value[listOf[shop.Product]](t, s.get(t, next))
		for _, p := range list.Items {
			require.False(t, seen[p.ID])
			seen[p.ID] = true
		}
		next = list.Next
	}
	require.Len(t, seen, seed.Products)
	require.Equal(t, seed.Products/100, pages, "the last page is full and says so")

	tea := value[listOf[shop.Product]](t, s.get(t, "/products?category=tea&limit=3"))
	require.Len(t, tea.Items, 3)
	for _, p := range tea.Items {
		require.True(t, strings.HasPrefix(p.SKU, "TEA-"))
	}
	require.Contains(t, tea.Next, "category=tea")
	require.Len(t, value[listOf[shop.Category]](t, s.get(t, "/categories")).Items, 12)
	beyond := s.get(t, "/products?after=1000000")
	require.Equal(t, `{"items":[]}`, beyond.body)
}

func productIsChangedInPart(t *testing.T, s server) {
	before := value[shop.Product](t, s.get(t, "/products/7"))
	require.NotNil(t, before.Category)
	changed := value[shop.Product](t, s.send(t, http.MethodPatch, "/products/7", `{"price_cents": 4200}`))
	require.Equal(t, int64(4200), changed.PriceCents)
	require.Equal(t, before.Name, changed.Name)
	require.Equal(t, before.Stock, changed.Stock)
	require.True(t, changed.UpdatedAt.After(before.UpdatedAt))

	page := s.get(t, "/products/7")
	require.Equal(t, changed, value[shop.Product](t, page), "the page knows of it")
	require.NotContains(t, page.header.Get("Cache-Status"), ";hit")
	require.Contains(t, s.get(t, "/products/7").header.Get("Cache-Status"), ";hit")
	require.Equal(t, http.StatusNotModified, s.get(t, "/products/7", "If-None-Match", page.header.Get("ETag")).status)

	require.Equal(t, changed, value[shop.Product](t, s.send(t, http.MethodPatch, "/products/7", `{}`)), "nothing is a change of nothing")
}

func whatIsNotThere(t *testing.T, s server) {
	for _, path := range []string{
		"/products/999999", "/products/0", "/products/-1", "/products/x", "/products/99999999999999999999",
		"/products?category=nothing", "/orders/999999", "/metrics/hall-1/1", "/metrics/hall-1/x", "/nowhere",
		"/pageviews?path=/nowhere",
	} {
		requireProblem(t, s.get(t, path), http.StatusNotFound)
	}
	requireProblem(t, s.send(t, http.MethodPatch, "/products/999999", `{"stock": 1}`), http.StatusNotFound)
	requireProblem(t, s.send(t, http.MethodPatch, "/products/999999", `{}`), http.StatusNotFound)
	requireProblem(t, s.send(t, http.MethodPost, "/orders/999999/pay", ""), http.StatusNotFound)
	requireProblem(t, s.send(t, http.MethodDelete, "/products/1", ""), http.StatusMethodNotAllowed)
}

func TestInputIsCheckedBeforeAnythingIsDone(t *testing.T) {
	t.Parallel()
	s := start(t, apptest.SQLite(t))
	before := s.Database.Meter.Counts()
	patch := func(body string, fields ...string) reply {
		return s.send(t, http.MethodPatch, "/products/1", body, fields...)
	}
	requireProblem(t, patch(`{"price_cents": -1, "stock": -1, "name": ""}`), http.StatusUnprocessableEntity, "price_cents", "stock", "name")
	requireProblem(t, patch(`{"name": "`+strings.Repeat("é", 201)+`"}`), http.StatusUnprocessableEntity, "name")
	requireProblem(t, patch(`{"name": "nothing\u0000"}`), http.StatusUnprocessableEntity, "name")
	requireProblem(t, patch(`{"colour": "blue"}`), http.StatusBadRequest)
	requireProblem(t, patch(`{"stock": "many"}`), http.StatusBadRequest)
	requireProblem(t, patch(`{"stock": 1} {"stock": 2}`), http.StatusBadRequest)
	requireProblem(t, patch(`{`), http.StatusBadRequest)
	requireProblem(t, patch(``, "Content-Type", "application/json"), http.StatusBadRequest)
	requireProblem(t, patch(`{"stock": 1}`, "Content-Type", "text/plain"), http.StatusUnsupportedMediaType)
	requireProblem(t, patch(`{"name": "`+strings.Repeat("x", 70_000)+`"}`), http.StatusRequestEntityTooLarge)

	for query, field := range map[string]string{
		"limit=0": "limit", "limit=101": "limit", "limit=x": "limit", "after=-1": "after", "sort=price": "sort", "limit=1&limit=2": "limit",
	} {
		requireProblem(t, s.get(t, "/products?"+query), http.StatusUnprocessableEntity, field)
		requireProblem(t, s.get(t, "/orders?"+query), http.StatusUnprocessableEntity, field)
	}

	order := func(body string, fields ...string) {
		t.Helper()
		requireProblem(t, s.send(t, http.MethodPost, "/orders", body), http.StatusUnprocessableEntity, fields...)
	}
	order(`{"items": []}`, "items")
	order(`{"items": [{"product_id": 1, "quantity": 0}]}`, "items[0].quantity")
	order(`{"items": [{"product_id": 1, "quantity": 1}, {"product_id": 1, "quantity": 1}]}`, "items[1].product_id")
	order(`{"note": "`+strings.Repeat("x", 501)+`", "items": [{"product_id": 0, "quantity": 1001}]}`,
		"note", "items[0].product_id", "items[0].quantity")

	metric := func(body string, fields ...string) {
		t.Helper()
		requireProblem(t, s.send(t, http.MethodPost, "/metrics", body), http.StatusUnprocessableEntity, fields...)
	}
	metric(`{"sensor": "Hall 1", "samples": []}`, "sensor", "samples")
	metric(`{"sensor": "hall-1", "samples": [1000000001], "at": "1969-12-31T23:59:00Z"}`, "samples", "at")
	requireProblem(t, s.send(t, http.MethodPatch, "/me", `{"name": ""}`), http.StatusUnprocessableEntity, "name")
	require.Zero(t, s.Database.Meter.Counts().Since(before).Statements(), "the database saw none of it")
}
