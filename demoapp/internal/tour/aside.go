package tour

import (
	"context"
	"fmt"
	"net/http"
	"time"
)

// aside reads products far more often than it changes them. All of its requests go past the page cache: this is about
// rows.
func aside() chapter {
	return chapter{
		pattern: "aside",
		when:    "what is read often and changed now and then; the safe default",
		tables:  []string{"products", "categories"},
		play: func(ctx context.Context, v *visit) error {
			list, err := read[listOf[product]](ctx, v, "/products?limit=100", pastPages())
			if err != nil {
				return err
			}
			for _, act := range []func(context.Context, *visit, []product) error{
				readAgain, readTogether, readAfterWrites, readAfterRollback, readBesideTextbook,
			} {
				if err := act(ctx, v, list.Items); err != nil {
					return err
				}
			}
			return nil
		},
	}
}

func productPath(p product) string { return fmt.Sprintf("/products/%d", p.ID) }

// readAgain reads every product once, and then again and again.
func readAgain(ctx context.Context, v *visit, products []product) error {
	rounds := func(n int) func() error {
		return func() error {
			return each(ctx, n*len(products), func(ctx context.Context, i int) error {
				_, err := v.get(ctx, productPath(products[i%len(products)]), pastPages())
				return err
			})
		}
	}
	first, err := v.counted(rounds(1))
	if err != nil {
		return err
	}
	const again = 4
	later, err := v.counted(rounds(again))
	if err != nil {
		return err
	}
	n := later.Statements("products", "categories")
	v.claim("repeated reads cost no statement", n == 0, "%d products read once with %d statements, then %d times more with %d",
		len(products), first.Statements("products", "categories"), again, n)
	return nil
}

// readTogether lets many ask at the same moment for a row that nobody has read. The database is made slow for it, or the first
// would have its answer before the second asks, and there would be nothing to share.
func readTogether(ctx context.Context, v *visit, products []product) error {
	const rows, slow = 10, 150 * time.Millisecond
	last := products[len(products)-1]
	cold, err := read[listOf[product]](ctx, v, fmt.Sprintf("/products?limit=%d&after=%d", rows, last.ID), pastPages())
	if err != nil {
		return err
	}
	counts, err := v.counted(func() error {
		for _, p := range cold.Items {
			v.Meter.Pause(slow)
			err := each(ctx, clients, func(ctx context.Context, _ int) error {
				_, err := v.get(ctx, productPath(p), pastPages())
				return err
			})
			if err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		return err
	}
	// Who misses just before another one's read is over, and asks just after, reads for itself.
	sent, most := counts.Reads("products"), int64(2*len(cold.Items))
	v.claim("readers of a cold row share its statement", sent <= most, "%d rows, each asked for by %d at once: %d statements",
		len(cold.Items), clients, sent)
	return nil
}

// readAfterWrites changes prices, and looks at each product right after its change was confirmed.
func readAfterWrites(ctx context.Context, v *visit, products []product) error {
	const changes = 100
	err := each(ctx, changes, func(ctx context.Context, i int) error {
		p := products[i] // each has one writer, so what it must cost is known
		price := p.PriceCents + 1
		if _, err := v.send(ctx, http.StatusOK, http.MethodPatch, productPath(p), priceChange{price}); err != nil {
			return err
		}
		seen, err := read[product](ctx, v, productPath(p), pastPages())
		if err == nil && seen.PriceCents != price {
			v.stale.Add(1)
		}
		return err
	})
	if err != nil {
		return err
	}
	stale := v.stale.Load()
	v.claim("a committed write is seen by the next read", stale == 0, "%d prices changed, %d reads after it stale", changes, stale)
	return nil
}

// readAfterRollback orders one product there is and one there is not: the first was taken off the shelf already when the
// order fails.
func readAfterRollback(ctx context.Context, v *visit, products []product) error {
	there, gone := products[0], products[1]
	if _, err := v.send(ctx, http.StatusOK, http.MethodPatch, productPath(gone), stockChange{0}); err != nil {
		return err
	}
	before, err := read[product](ctx, v, productPath(there), pastPages())
	if err != nil {
		return err
	}
	const attempts = 10
	var seen int64
	for range attempts {
		want := purchase{Items: []line{{there.ID, 1}, {gone.ID, 1}}}
		if _, err := v.send(ctx, http.StatusConflict, http.MethodPost, "/orders", want, as(buyer)); err != nil {
			return err
		}
		after, err := read[product](ctx, v, productPath(there), pastPages())
		if err != nil {
			return err
		}
		if after.Stock != before.Stock {
			seen++
		}
	}
	if _, err := v.send(ctx, http.StatusOK, http.MethodPatch, productPath(gone), stockChange{gone.Stock}); err != nil {
		return err
	}
	v.claim("rolled-back work is never seen", seen == 0, "%d orders failed half-way, %d of them seen", attempts, seen)
	return nil
}

// readBesideTextbook changes products one after the other and looks at the list they are on: through the cache, and through a
// textbook cache before the same shop on a database of its own.
func readBesideTextbook(ctx context.Context, v *visit, _ []product) error {
	const list, changes = "/products?category=tea&limit=10", 10
	stale := func(prefix string) (n int, _ error) {
		for i := range changes {
			before, err := read[listOf[product]](ctx, v, prefix+list)
			if err != nil {
				return 0, err
			}
			p := before.Items[i%len(before.Items)]
			changed, err := write[product](ctx, v, http.StatusOK, http.MethodPatch, prefix+productPath(p), priceChange{p.PriceCents + 7})
			if err != nil {
				return 0, err
			}
			after, err := read[listOf[product]](ctx, v, prefix+list)
			if err != nil {
				return 0, err
			}
			if after.Items[i%len(after.Items)].PriceCents != changed.PriceCents {
				n++
			}
		}
		return n, nil
	}
	ours, err := stale("")
	if err != nil {
		return err
	}
	textbooks, err := stale("/textbook")
	if err != nil {
		return err
	}
	v.stale.Add(int64(ours))
	v.claim("a list changes with its rows, and a textbook cache's does not", ours == 0 && textbooks > 0,
		"%d prices changed, each looked for on its list: %d stale here, %d from a textbook cache", changes, ours, textbooks)
	return nil
}
