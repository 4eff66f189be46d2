// Package api is the demo's JSON API: chi routes, with the two doors of the page cache where they belong.
//
// Products are the same for everybody and stand behind [pagecache.Shared]; orders are their customer's alone and stand
// behind [pagecache.PerUser], inside the middleware that tells customers apart. No handler knows of either: what a page
// was made from is seen where the data is read, which is why every read gets the request's context.
//
// Errors are problem details (RFC 9457).
package api

import (
	"context"
	"log/slog"
	"net/http"
	"sync"
	"sync/atomic"

	"github.com/go-chi/chi/v5"
	"github.com/go-chi/chi/v5/middleware"

	"github.com/cachewright/cachewright/coherence"
	"github.com/cachewright/cachewright/demoapp/internal/meter"
	"github.com/cachewright/cachewright/demoapp/internal/shop"
	"github.com/cachewright/cachewright/demoapp/internal/storefront"
	cacheplugin "github.com/cachewright/cachewright/gormplugin"
	pagecache "github.com/cachewright/cachewright/middleware"
)

// Config is what the API stands on. All fields are needed.
type Config struct {
	Shop   *shop.Shop
	Engine *coherence.Engine
	Stats  func() cacheplugin.Stats
	Advise func() []cacheplugin.Advice
	Meter  *meter.Meter
	Ready  func(context.Context) error // nil when requests can be answered
	Logger *slog.Logger
}

// API answers HTTP requests.
type API struct {
	shop   *shop.Shop
	stats  func() cacheplugin.Stats
	advise func() []cacheplugin.Advice
	meter  *meter.Meter
	ready  func(context.Context) error
	logger *slog.Logger
	router chi.Router
	// handled counts how often the handler of a page behind a door ran.
	handled atomic.Int64

	mu          sync.Mutex // guards the two below
	outcomes    map[pagecache.Outcome]int64
	notModified int64
}

var _ http.Handler = (*API)(nil)

// New returns the API.
func New(cfg Config) *API {
	a := &API{shop: cfg.Shop, stats: cfg.Stats, advise: cfg.Advise, meter: cfg.Meter, ready: cfg.Ready, logger: cfg.Logger, outcomes: map[pagecache.Outcome]int64{}}
	a.router = a.routes(cfg.Engine)
	return a
}

// ServeHTTP answers one request.
func (a *API) ServeHTTP(w http.ResponseWriter, r *http.Request) { a.router.ServeHTTP(w, r) }

// Routes are all the paths there are.
func (a *API) Routes() chi.Routes { return a.router }

// Handled is how often a handler behind one of the page cache's doors has run. A page from the cache does not count.
func (a *API) Handled() int64 { return a.handled.Load() }

func (a *API) routes(engine *coherence.Engine) chi.Router {
	// The API reads no cookies, so no page can depend on one.
	options := []pagecache.Option{pagecache.Cookies(), pagecache.WithRecorder(a.record)}
	shared := chi.Chain(pagecache.Shared(engine, options...), a.countHandled)
	perUser := chi.Chain(pagecache.PerUser(engine, identity, options...), a.countHandled)

	r := chi.NewRouter()
	r.Use(middleware.RequestID, a.logRequests, a.recoverPanics)
	r.NotFound(a.handle(func(http.ResponseWriter, *http.Request) error { return shop.ErrNotFound }))
	r.MethodNotAllowed(methodNotAllowed)

	r.Get("/", a.handle(a.index))
	r.Get("/healthz", a.handle(a.health))
	r.Get("/readyz", a.handle(a.readiness))
	r.Get("/stats", a.handle(a.showStats))
	r.Get("/openapi.json", a.handle(a.describe))
	storefront.Register(r, storefront.Config{
		Shop: a.shop, Engine: engine, Logger: a.logger, Record: a.record, Around: a.countHandled,
	})

	// Views are counted outside the door: a page from the cache is a view, too.
	r.With(a.countViews).With(shared...).Get("/products", a.handle(a.listProducts))
	r.With(a.countViews).With(shared...).Get("/products/{id}", a.handle(a.showProduct))
	r.With(shared...).Get("/categories", a.handle(a.listCategories))
	r.Patch("/products/{id}", a.handle(a.changeProduct))

	r.Group(func(r chi.Router) {
		r.Use(a.identify)
		r.With(perUser...).Get("/me", a.handle(a.showCustomer))
		r.With(perUser...).Get("/orders", a.handle(a.listOrders))
		r.With(perUser...).Get("/orders/{id}", a.handle(a.showOrder))
		r.Patch("/me", a.handle(a.renameCustomer))
		r.Post("/orders", a.handle(a.placeOrder))
		r.Patch("/orders/{id}", a.handle(a.noteOrder))
		r.Post("/orders/{id}/pay", a.handle(a.payOrder))
		r.Post("/orders/{id}/cancel", a.handle(a.cancelOrder))
	})

	r.Get("/pageviews", a.handle(a.listViews))
	r.Get("/metrics/{sensor}", a.handle(a.listMetrics))
	r.Get("/metrics/{sensor}/{minute}", a.handle(a.showMetric))
	r.Post("/metrics", a.handle(a.recordMetric))
	return r
}
