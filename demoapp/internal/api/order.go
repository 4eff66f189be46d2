package api

import (
	"context"
	"fmt"
	"net/http"

	"github.com/cachewright/cachewright/demoapp/internal/shop"
)

const (
	maxNote     = 500 // characters
	maxLines    = 50  // of an order
	maxQuantity = 1000
)

// listOrders answers GET /orders?after=40&limit=20: the customer's own.
func (a *API) listOrders(w http.ResponseWriter, r *http.Request) error {
	q := newQuery(r)
	span := q.span()
	if err := q.err(); err != nil {
		return err
	}
	orders, more, err := a.shop.Orders(r.Context(), customer(r), span)
	if err != nil {
		return err
	}
	return answer(w, http.StatusOK, newList(r, orders, more, func(o shop.Order) int64 { return o.ID }))
}

// showOrder answers GET /orders/7.
func (a *API) showOrder(w http.ResponseWriter, r *http.Request) error {
	return a.withOrder(w, r, a.shop.Order)
}

// placeOrder answers POST /orders {"items": [{"product_id": 7, "quantity": 2}], "note": "ring twice"}.
func (a *API) placeOrder(w http.ResponseWriter, r *http.Request) error {
	var in struct {
		Note  string `json:"note"`
		Items []struct {
			ProductID int64 `json:"product_id"`
			Quantity  int64 `json:"quantity"`
		} `json:"items"`
	}
	if err := decode(w, r, &in); err != nil {
		return err
	}
	var c checks
	c.require(isText(in.Note, 0, maxNote), "note", "must have at most 500 characters")
	c.require(len(in.Items) >= 1 && len(in.Items) <= maxLines, "items", "must be 1 to 50")
	lines, seen := make([]shop.Line, len(in.Items)), make(map[int64]bool)
	for i, item := range in.Items {
		field := fmt.Sprintf("items[%d]", i)
		c.require(item.ProductID > 0, field+".product_id", "must be a product")
		c.require(!seen[item.ProductID], field+".product_id", "must not be there twice")
		c.require(item.Quantity >= 1 && item.Quantity <= maxQuantity, field+".quantity", "must be from 1 to 1000")
		seen[item.ProductID] = true
		lines[i] = shop.Line{ProductID: item.ProductID, Quantity: item.Quantity}
	}
	if err := c.err(); err != nil {
		return err
	}
	order, err := a.shop.Place(r.Context(), customer(r), in.Note, lines)
	if err != nil {
		return err
	}
	w.Header().Set("Location", fmt.Sprintf("/orders/%d", order.ID))
	return answer(w, http.StatusCreated, order)
}

// noteOrder answers PATCH /orders/7 {"note": "leave it at the door"}.
func (a *API) noteOrder(w http.ResponseWriter, r *http.Request) error {
	var in struct {
		Note string `json:"note"`
	}
	if err := decode(w, r, &in); err != nil {
		return err
	}
	var c checks
	c.require(isText(in.Note, 0, maxNote), "note", "must have at most 500 characters")
	if err := c.err(); err != nil {
		return err
	}
	return a.withOrder(w, r, func(ctx context.Context, customer, id int64) (shop.Order, error) {
		return a.shop.Note(ctx, customer, id, in.Note)
	})
}

// payOrder answers POST /orders/7/pay.
func (a *API) payOrder(w http.ResponseWriter, r *http.Request) error {
	return a.withOrder(w, r, a.shop.Pay)
}

// cancelOrder answers POST /orders/7/cancel.
func (a *API) cancelOrder(w http.ResponseWriter, r *http.Request) error {
	return a.withOrder(w, r, a.shop.Cancel)
}

// withOrder answers with what is done to the order in the path.
func (a *API) withOrder(w http.ResponseWriter, r *http.Request, do func(ctx context.Context, customer, id int64) (shop.Order, error)) error {
	id, err := pathID(r)
	if err != nil {
		return err
	}
	order, err := do(r.Context(), customer(r), id)
	if err != nil {
		return err
	}
	return answer(w, http.StatusOK, order)
}
