package api

import (
	"net/http"
	"unicode/utf8"

	"github.com/cachewright/cachewright/demoapp/internal/shop"
)

const (
	maxName  = 200         // characters
	maxCents = 100_000_000 // a million
	maxStock = 1_000_000
)

// listProducts answers GET /products?category=tea&after=40&limit=20.
func (a *API) listProducts(w http.ResponseWriter, r *http.Request) error {
	q := newQuery(r)
	category, span := q.text("category"), q.span()
	if err := q.err(); err != nil {
		return err
	}
	products, more, err := a.shop.Products(r.Context(), category, span)
	if err != nil {
		return err
	}
	return answer(w, http.StatusOK, newList(r, products, more, func(p shop.Product) int64 { return p.ID }))
}

// showProduct answers GET /products/7.
func (a *API) showProduct(w http.ResponseWriter, r *http.Request) error {
	id, err := pathID(r)
	if err != nil {
		return err
	}
	product, err := a.shop.Product(r.Context(), id)
	if err != nil {
		return err
	}
	return answer(w, http.StatusOK, product)
}

// listCategories answers GET /categories.
func (a *API) listCategories(w http.ResponseWriter, r *http.Request) error {
	q := newQuery(r)
	if err := q.err(); err != nil {
		return err
	}
	categories, err := a.shop.Categories(r.Context())
	if err != nil {
		return err
	}
	return answer(w, http.StatusOK, newList(r, categories, false, func(c shop.Category) int64 { return c.ID }))
}

// changeProduct answers PATCH /products/7 {"price_cents": 1290}. A field that is not there stays as it is. A real shop
// would ask who is changing its prices.
func (a *API) changeProduct(w http.ResponseWriter, r *http.Request) error {
	id, err := pathID(r)
	if err != nil {
		return err
	}
	var in struct {
		Name       *string `json:"name"`
		PriceCents *int64  `json:"price_cents"`
		Stock      *int64  `json:"stock"`
	}
	if err := decode(w, r, &in); err != nil {
		return err
	}
	var c checks
	c.require(in.Name == nil || isText(*in.Name, 1, maxName), "name", "must have 1 to 200 characters")
	c.require(in.PriceCents == nil || *in.PriceCents >= 0 && *in.PriceCents <= maxCents, "price_cents", "must be from 0 to 100000000")
	c.require(in.Stock == nil || *in.Stock >= 0 && *in.Stock <= maxStock, "stock", "must be from 0 to 1000000")
	if err := c.err(); err != nil {
		return err
	}
	product, err := a.shop.ChangeProduct(r.Context(), id, shop.ProductChange{
		Name: in.Name, PriceCents: in.PriceCents, Stock: in.Stock,
	})
	if err != nil {
		return err
	}
	return answer(w, http.StatusOK, product)
}

// isText reports whether a text can be stored, and has that many characters.
func isText(s string, least, most int) bool {
	n := utf8.RuneCountInString(s)
	for _, r := range s {
		if r == 0 {
			return false // PostgreSQL has no way to store it
		}
	}
	return utf8.ValidString(s) && n >= least && n <= most
}
