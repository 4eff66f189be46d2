package tour

import (
	"context"
	"fmt"
	"net/http"

	"github.com/cachewright/cachewright/demoapp/internal/meter"
)

// pages reads whole pages through the page cache.
func pages() chapter {
	return chapter{
		pattern: "pages",
		when:    "answers made from rows: each leaves the cache with the commit that changes one of its rows",
		tables:  []string{"products", "categories", "orders", "order_items", "customers"},
		pages:   true,
		play: func(ctx context.Context, v *visit) error {
			// Products nobody else in this tour has touched.
			list, err := read[listOf[product]](ctx, v, "/products?limit=30&after=200")
			if err != nil {
				return err
			}
			etags, err := readPages(ctx, v, list.Items)
			if err != nil {
				return err
			}
			if err := revalidate(ctx, v, list.Items, etags); err != nil {
				return err
			}
			if err := staleByCommit(ctx, v, list.Items); err != nil {
				return err
			}
			return readOwnPages(ctx, v)
		},
	}
}

// made is what it took to answer some requests.
type made struct {
	handlers   int64
	statements int64
	hits       int
}

// watch counts what it takes to answer the requests of f, which returns how many of them were hits.
func (v *visit) watch(f func() (hits int, err error)) (made, error) {
	var m made
	before := v.Handled()
	counts, err := v.counted(func() (err error) {
		m.hits, err = f()
		return err
	})
	m.handlers, m.statements = v.Handled()-before, reads(counts)
	return m, err
}

// reads counts the statements that a page may have needed. Views are counted meanwhile, in tables of their own.
func reads(c meter.Counts) int64 {
	return c.Reads("products", "categories", "orders", "order_items", "customers")
}

// readPages reads every product's page twice, and returns their entity tags.
func readPages(ctx context.Context, v *visit, products []product) ([]string, error) {
	etags := make([]string, len(products))
	round := func() (hits int, _ error) {
		for i, p := range products {
			got, err := v.get(ctx, productPath(p))
			if err != nil {
				return 0, err
			}
			etags[i] = got.header.Get("ETag")
			if got.hit() {
				hits++
			}
		}
		return hits, nil
	}
	if _, err := round(); err != nil {
		return nil, err
	}
	m, err := v.watch(round)
	if err != nil {
		return nil, err
	}
	v.claim("a page from the cache costs no handler and no statement",
		m.hits == len(products) && m.handlers == 0 && m.statements == 0,
		"%d pages read again: %d hits, %d handlers, %d statements", len(products), m.hits, m.handlers, m.statements)
	return etags, nil
}

// revalidate asks for every page the way a browser does that has it.
func revalidate(ctx context.Context, v *visit, products []product, etags []string) error {
	unmodified := 0
	m, err := v.watch(func() (hits int, _ error) {
		for i, p := range products {
			got, err := v.get(ctx, productPath(p), unless(etags[i]))
			if err != nil {
				return 0, err
			}
			if got.hit() {
				hits++
			}
			if got.status == http.StatusNotModified && len(got.body) == 0 {
				unmodified++
			}
		}
		return hits, nil
	})
	if err != nil {
		return err
	}
	v.claim("a 304 costs no handler", unmodified == len(products) && m.handlers == 0 && m.statements == 0,
		"%d pages asked for by their ETag: %d times 304, %d handlers", len(products), unmodified, m.handlers)
	return nil
}

// staleByCommit changes one product, and reads every page again.
func staleByCommit(ctx context.Context, v *visit, products []product) error {
	changed := products[len(products)/2]
	price := changed.PriceCents + 1
	if _, err := v.send(ctx, http.StatusOK, http.MethodPatch, productPath(changed), priceChange{price}); err != nil {
		return err
	}
	fresh := false
	m, err := v.watch(func() (hits int, _ error) {
		for _, p := range products {
			got, err := v.get(ctx, productPath(p))
			if err != nil {
				return 0, err
			}
			if got.hit() {
				hits++
			}
			if p.ID == changed.ID {
				seen, err := decoded[product](got, nil)
				if err != nil {
					return 0, err
				}
				fresh = !got.hit() && seen.PriceCents == price
			}
		}
		return hits, nil
	})
	if err != nil {
		return err
	}
	if !fresh {
		v.stale.Add(1)
	}
	v.claim("a commit makes exactly its pages stale", fresh && m.hits == len(products)-1 && m.handlers == 1,
		"1 of %d products changed: %d pages made again, %d from the cache", len(products), m.handlers, m.hits)
	return nil
}

// readOwnPages reads one customer's pages as two customers.
func readOwnPages(ctx context.Context, v *visit) error {
	lines, err := shelf(ctx, v, 1)
	if err != nil {
		return err
	}
	placed, err := place(ctx, v, lines)
	if err != nil {
		return err
	}
	if _, err := v.get(ctx, orderPath(placed), as(buyer)); err != nil {
		return err
	}
	own, err := v.get(ctx, orderPath(placed), as(buyer))
	if err != nil {
		return err
	}
	v.reads.Add(1)
	other, err := v.client.do(ctx, http.MethodGet, orderPath(placed), nil, as(stranger))
	if err != nil {
		return err
	}
	v.claim("a customer's page is never another's", own.hit() && !other.hit() && other.status == http.StatusNotFound,
		"the second read was a hit: %t; another customer was answered %d", own.hit(), other.status)

	before, err := read[customer](ctx, v, "/me", as(buyer))
	if err != nil {
		return err
	}
	again, err := v.get(ctx, "/me", as(buyer))
	if err != nil {
		return err
	}
	name := fmt.Sprintf("Tour %d", placed.ID)
	if _, err := v.send(ctx, http.StatusOK, http.MethodPatch, "/me", nameChange{name}, as(buyer)); err != nil {
		return err
	}
	after, err := read[customer](ctx, v, "/me", as(buyer))
	if err != nil {
		return err
	}
	if after.Name != name {
		v.stale.Add(1)
	}
	if _, err := v.send(ctx, http.StatusOK, http.MethodPatch, "/me", nameChange{before.Name}, as(buyer)); err != nil {
		return err
	}
	v.claim("a write counts although its model is not cached", again.hit() && after.Name == name,
		"a page of an uncached row: a hit: %t; renamed, then read as %q", again.hit(), after.Name)
	return nil
}
