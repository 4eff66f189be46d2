// Package watch measures staleness from outside: it compares what an application serves with what its database holds.
//
// A look asks the database, then the application, then the database again. No two prices are alike, so if the database gave
// the same answer twice nothing was committed in between, and an application that says anything else is stale. Looks between
// which the row changed prove nothing and are counted apart.
package watch

import (
	"context"
	"database/sql"
	"fmt"
	"net/http"
	"sync"
	"time"

	"github.com/cachewright/cachewright/demoapp/internal/client"
)

const lookTimeout = 5 * time.Second

// Figures are what a Watcher saw.
type Figures struct {
	Looks    int64 // that prove something
	Stale    int64 // of these
	Moved    int64 // looks between which the row changed
	Failed   int64 // looks that had no answer
	LastSaid string
}

// Watcher looks at one application. Its methods may be called by any goroutine.
type Watcher struct {
	base func() string // its URL; "" while it does not run
	db   *sql.DB
	http *http.Client

	mu      sync.Mutex // guards figures
	figures Figures
}

// New returns a watcher of the application that answers at base, on the database it works on.
func New(base func() string, db *sql.DB) *Watcher {
	transport := http.DefaultTransport.(*http.Transport).Clone() //nolint:forcetypeassert // it is one, and documented to be
	transport.Proxy = nil                                        // it is our own address
	return &Watcher{base: base, db: db, http: &http.Client{Transport: transport, Timeout: lookTimeout}}
}

// Close gives its connections back.
func (w *Watcher) Close() { w.http.CloseIdleConnections() }

// Figures returns what was seen so far.
func (w *Watcher) Figures() Figures {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.figures
}

// Where is a place a product is shown at.
type Where int

// The places.
const (
	OnPage    Where = iota // its page, which a page cache may answer
	InRows                 // past the page cache: what is read from the rows
	InTheList              // the first products of its category, the way a visitor of the category sees them
)

// Look looks at a product.
func (w *Watcher) Look(ctx context.Context, product int, where Where) {
	before, err := w.stored(ctx, product)
	if err != nil {
		w.note(func(f *Figures) { f.Failed++ })
		return
	}
	served, err := w.served(ctx, product, where)
	if err != nil {
		w.note(func(f *Figures) { f.Failed++ })
		return
	}
	after, err := w.stored(ctx, product)
	switch {
	case err != nil:
		w.note(func(f *Figures) { f.Failed++ })
	case before != after:
		w.note(func(f *Figures) { f.Moved++ })
	case served != before:
		w.note(func(f *Figures) {
			f.Looks++
			f.Stale++
			f.LastSaid = fmt.Sprintf("product %d: served %d, stored %d", product, served, before)
		})
	default:
		w.note(func(f *Figures) { f.Looks++ })
	}
}

func (w *Watcher) note(f func(*Figures)) {
	w.mu.Lock()
	defer w.mu.Unlock()
	f(&w.figures)
}

func (w *Watcher) stored(ctx context.Context, product int) (price int64, _ error) {
	query := fmt.Sprintf("SELECT price_cents FROM products WHERE id = %d", product) // the databases write parameters differently
	if err := w.db.QueryRowContext(ctx, query).Scan(&price); err != nil {
		return 0, fmt.Errorf("look into the database: %w", err)
	}
	return price, nil
}

// item is a product as it is served.
type item struct {
	ID         int   `json:"id"`
	PriceCents int64 `json:"price_cents"`
}

func (w *Watcher) served(ctx context.Context, product int, where Where) (int64, error) {
	if where != InTheList {
		var p item
		err := w.get(ctx, fmt.Sprintf("/products/%d", product), where == InRows, &p)
		return p.PriceCents, err
	}
	// The shop's categories take turns: it is the list that loads read, too.
	var list struct{ Items []item }
	if err := w.get(ctx, "/products?category="+categories[product%len(categories)]+"&limit=10", false, &list); err != nil {
		return 0, err
	}
	for _, p := range list.Items {
		if p.ID == product {
			return p.PriceCents, nil
		}
	}
	return 0, fmt.Errorf("ask the application: product %d is not in the list of its category", product)
}

// categories are the shop's, those of products 12, 1, 2 and so on.
var categories = [...]string{
	"books", "tea", "coffee", "kitchen", "tableware", "garden", "lighting", "office", "travel", "textiles", "toys", "tools",
}

// get reads a JSON answer.
func (w *Watcher) get(ctx context.Context, path string, pastPages bool, into any) error {
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, w.base()+path, nil)
	if err != nil {
		return fmt.Errorf("make a request: %w", err)
	}
	request.Header.Set("Sec-Purpose", "prefetch") // nobody views it
	if pastPages {
		request.Header.Set("Cache-Control", "no-store")
	}
	status, err := client.Do(w.http, request, into)
	if err == nil && status != http.StatusOK {
		err = fmt.Errorf("ask the application: it answered %d", status)
	}
	return err
}
