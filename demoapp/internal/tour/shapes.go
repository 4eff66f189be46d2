package tour

import "time"

// The answers of the API, as far as the tour reads them. They are written down here a second time on purpose: the tour
// is a client, and would notice if the API changed under it.
type (
	product struct {
		ID         int64 `json:"id"`
		PriceCents int64 `json:"price_cents"`
		Stock      int64 `json:"stock"`
	}
	order struct {
		ID       int64  `json:"id"`
		Status   string `json:"status"`
		Note     string `json:"note"`
		Revision int64  `json:"revision"`
	}
	customer struct {
		ID   int64  `json:"id"`
		Name string `json:"name"`
	}
	pageView struct {
		Hits int64 `json:"hits"`
	}
	metric struct {
		Sensor  string `json:"sensor"`
		Minute  int64  `json:"minute"`
		Samples int64  `json:"samples"`
		Total   int64  `json:"total"`
	}
	listOf[T any] struct {
		Items []T `json:"items"`
	}
)

// What the tour sends.
type (
	priceChange struct {
		PriceCents int64 `json:"price_cents"`
	}
	stockChange struct {
		Stock int64 `json:"stock"`
	}
	noteChange struct {
		Note string `json:"note"`
	}
	nameChange struct {
		Name string `json:"name"`
	}
	line struct {
		ProductID int64 `json:"product_id"`
		Quantity  int64 `json:"quantity"`
	}
	purchase struct {
		Items []line `json:"items"`
		Note  string `json:"note"`
	}
	samples struct {
		Sensor  string    `json:"sensor"`
		At      time.Time `json:"at"`
		Samples []int64   `json:"samples"`
	}
)
