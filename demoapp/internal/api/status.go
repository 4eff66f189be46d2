package api

import (
	"context"
	"log/slog"
	"net/http"
	"time"
)

// readyTimeout is how long the database may take to answer.
const readyTimeout = 2 * time.Second

// index answers GET /: what else there is.
func (a *API) index(w http.ResponseWriter, _ *http.Request) error {
	return answer(w, http.StatusOK, map[string]any{
		"products":  "/products?category=tea&limit=20, /products/1, PATCH /products/1, /categories",
		"orders":    "/orders, /orders/1, POST /orders, PATCH /orders/1, POST /orders/1/pay, POST /orders/1/cancel",
		"you":       "/me, PATCH /me; customer 1 sends Authorization: Bearer demo-1",
		"counters":  "/pageviews, /pageviews?path=/products/1, /metrics/hall-1, POST /metrics",
		"people":    "/shop/products/1, /shop/account",
		"operation": "/stats, /healthz, /readyz, /openapi.json",
	})
}

// health answers GET /healthz: the process is alive.
func (a *API) health(w http.ResponseWriter, _ *http.Request) error {
	w.Header().Set("Cache-Control", "no-store")
	return answer(w, http.StatusOK, map[string]string{"status": "alive"})
}

// readiness answers GET /readyz: requests can be answered now.
func (a *API) readiness(w http.ResponseWriter, r *http.Request) error {
	ctx, cancel := context.WithTimeout(r.Context(), readyTimeout)
	defer cancel()
	if err := a.ready(ctx); err != nil {
		a.logger.WarnContext(ctx, "not ready", slog.Any("error", err))
		return newProblem(http.StatusServiceUnavailable, "not ready to answer requests")
	}
	w.Header().Set("Cache-Control", "no-store")
	return answer(w, http.StatusOK, map[string]string{"status": "ready"})
}
