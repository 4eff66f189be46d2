package api_test

import (
	"fmt"
	"net/http"
	"sync"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/cachewright/cachewright/demoapp/internal/apptest"
	"github.com/cachewright/cachewright/demoapp/internal/shop"
)

func orderIsPlacedAndPaid(t *testing.T, s server) {
	shelf := value[shop.Product](t, s.get(t, "/products/5"))
	answer := s.send(t, http.MethodPost, "/orders", `{"items": [{"product_id": 9, "quantity": 1}, {"product_id": 5, "quantity": 2}], "note": "soon"}`)
	require.Equal(t, http.StatusCreated, answer.status)
	placed := value[shop.Order](t, answer)
	path := fmt.Sprintf("/orders/%d", placed.ID)
	require.Equal(t, path, answer.header.Get("Location"))
	require.Equal(t, shop.Placed, placed.Status)
	require.Len(t, placed.Items, 2)
	require.Equal(t, shelf.Stock-2, value[shop.Product](t, s.get(t, "/products/5")).Stock)

	read := s.get(t, path)
	require.Equal(t, placed.Items[0].ID, value[shop.Order](t, read).Items[0].ID)
	require.Contains(t, s.get(t, path).header.Get("Cache-Status"), ";hit")

	paid := value[shop.Order](t, s.send(t, http.MethodPost, path+"/pay", ""))
	require.Equal(t, shop.Paid, paid.Status)
	require.NotNil(t, paid.PaidAt)
	require.Equal(t, int64(2), paid.Revision)
	require.Equal(t, shop.Paid, value[shop.Order](t, s.get(t, path)).Status)
	again := requireProblem(t, s.send(t, http.MethodPost, path+"/pay", ""), http.StatusConflict)
	require.Contains(t, again.Detail, "it is paid")
	requireProblem(t, s.send(t, http.MethodPost, path+"/cancel", ""), http.StatusConflict)

	other := []string{"Authorization", "Bearer demo-2"}
	requireProblem(t, s.get(t, path, other...), http.StatusNotFound)
	requireProblem(t, s.send(t, http.MethodPatch, path, `{"note": "mine"}`, other...), http.StatusNotFound)
	requireProblem(t, s.send(t, http.MethodPost, path+"/cancel", "", other...), http.StatusNotFound)
	require.Equal(t, "soon", value[shop.Order](t, s.get(t, path)).Note)
}

func cancelledOrderGoesBack(t *testing.T, s server) {
	before := value[shop.Product](t, s.get(t, "/products/11")).Stock
	placed := value[shop.Order](t, s.send(t, http.MethodPost, "/orders", `{"items": [{"product_id": 11, "quantity": 3}]}`))
	require.Equal(t, before-3, value[shop.Product](t, s.get(t, "/products/11")).Stock)
	cancelled := value[shop.Order](t, s.send(t, http.MethodPost, fmt.Sprintf("/orders/%d/cancel", placed.ID), ""))
	require.Equal(t, shop.Cancelled, cancelled.Status)
	require.Equal(t, before, value[shop.Product](t, s.get(t, "/products/11")).Stock)
}

func orderOfTooMuch(t *testing.T, s server) {
	before := value[shop.Product](t, s.get(t, "/products/12")).Stock
	value[shop.Product](t, s.send(t, http.MethodPatch, "/products/13", `{"stock": 1}`))
	p := requireProblem(t, s.send(t, http.MethodPost, "/orders",
		`{"items": [{"product_id": 12, "quantity": 1}, {"product_id": 13, "quantity": 2}]}`), http.StatusConflict)
	require.Contains(t, p.Detail, "of which there are 1")
	requireProblem(t, s.send(t, http.MethodPost, "/orders",
		`{"items": [{"product_id": 12, "quantity": 1}, {"product_id": 999999, "quantity": 1}]}`), http.StatusNotFound)
	require.Equal(t, before, value[shop.Product](t, s.get(t, "/products/12")).Stock)
}

func TestWhoIsNobodySeesNoOrders(t *testing.T) {
	t.Parallel()
	s := start(t, apptest.SQLite(t))
	for _, token := range []string{"-", "Bearer", "Bearer 1", "Bearer demo-", "Bearer demo-x", "Bearer demo-0", "Bearer demo--1", "Basic demo-1"} {
		answer := s.get(t, "/orders", "Authorization", token)
		requireProblem(t, answer, http.StatusUnauthorized)
		require.Contains(t, answer.header.Get("WWW-Authenticate"), "Bearer")
	}
	own := value[listOf[shop.Order]](t, s.get(t, "/orders?limit=1"))
	require.Equal(t, int64(1), own.Items[0].CustomerID)
	other := value[listOf[shop.Order]](t, s.get(t, "/orders?limit=1", "Authorization", "bearer demo-2"))
	require.Equal(t, int64(2), other.Items[0].CustomerID)
	require.Equal(t, own, value[listOf[shop.Order]](t, s.get(t, "/orders?limit=1")))
}

func customerIsRenamed(t *testing.T, s server) {
	require.NotEqual(t, "Ada Byron", value[shop.Customer](t, s.get(t, "/me")).Name)
	require.Equal(t, "Ada Byron", value[shop.Customer](t, s.send(t, http.MethodPatch, "/me", `{"name": "Ada Byron"}`)).Name)
	require.Equal(t, "Ada Byron", value[shop.Customer](t, s.get(t, "/me")).Name)
	requireProblem(t, s.get(t, "/me", "Authorization", "Bearer demo-999999"), http.StatusNotFound)
	requireProblem(t, s.send(t, http.MethodPatch, "/me", `{"name": "Nobody"}`, "Authorization", "Bearer demo-999999"), http.StatusNotFound)
}

// stockIsNeverNegative lets many order the last of a product at once, and buyers of two products in both orders.
func stockIsNeverNegative(t *testing.T, s server) {
	const buyers, left = 24, 10
	require.Equal(t, http.StatusOK, s.send(t, http.MethodPatch, "/products/61", fmt.Sprintf(`{"stock": %d}`, left)).status)
	require.Equal(t, http.StatusOK, s.send(t, http.MethodPatch, "/products/62", `{"stock": 1000}`).status)
	statuses := make([]int, buyers)
	var group sync.WaitGroup
	for i := range buyers {
		group.Go(func() {
			items := `{"product_id": 61, "quantity": 1}, {"product_id": 62, "quantity": 2}`
			if i%2 == 0 {
				items = `{"product_id": 62, "quantity": 2}, {"product_id": 61, "quantity": 1}`
			}
			statuses[i] = s.send(t, http.MethodPost, "/orders", `{"items": [`+items+`]}`).status
		})
	}
	group.Wait()
	placed := 0
	for _, status := range statuses {
		if status == http.StatusCreated {
			placed++
			continue
		}
		require.Equal(t, http.StatusConflict, status)
	}
	require.Equal(t, left, placed, "all there was, and not one more")
	for id, want := range map[int]int64{61: 0, 62: 1000 - 2*left} {
		require.Equal(t, want, value[shop.Product](t, s.get(t, fmt.Sprintf("/products/%d", id))).Stock)
		var stored int64
		query := fmt.Sprintf("SELECT stock FROM products WHERE id = %d", id)
		require.NoError(t, s.Database.Outside.QueryRowContext(t.Context(), query).Scan(&stored))
		require.Equal(t, want, stored)
	}
}
