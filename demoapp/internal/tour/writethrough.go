package tour

import (
	"context"
	"fmt"
	"net/http"
	"sync"
	"sync/atomic"
)

// The customers of the tour.
const (
	buyer    = 1
	stranger = 2
)

// orderCount is how many orders are placed, of the same products.
const orderCount = 20

// writeThrough places and changes orders, and reads each right after. Its requests go past the page cache, but for half
// of those that look for stale reads.
func writeThrough() chapter {
	return chapter{
		pattern: "writethrough",
		when:    "what is read right after it was written, and must be right: orders, accounts, settings",
		tables:  []string{"orders", "order_items"},
		play: func(ctx context.Context, v *visit) error {
			orders, err := readWhatWasWritten(ctx, v)
			if err != nil {
				return err
			}
			if err := refuse(ctx, v, orders[0]); err != nil {
				return err
			}
			return readAmongWriters(ctx, v, orders[:2])
		},
	}
}

func orderPath(o order) string { return fmt.Sprintf("/orders/%d", o.ID) }

// shelf finds some products that there are enough of.
func shelf(ctx context.Context, v *visit, products int) ([]line, error) {
	list, err := read[listOf[product]](ctx, v, "/products?limit=100", pastPages())
	if err != nil {
		return nil, err
	}
	var lines []line
	for _, p := range list.Items {
		if p.Stock >= orderCount && len(lines) < products {
			lines = append(lines, line{p.ID, 1})
		}
	}
	return lines, nil
}

// place orders what is on the lines.
func place(ctx context.Context, v *visit, lines []line) (order, error) {
	return write[order](ctx, v, http.StatusCreated, http.MethodPost, "/orders", purchase{lines, "from the tour"}, as(buyer))
}

// readWhatWasWritten places orders, writes on them and pays them, and reads the order after each step.
func readWhatWasWritten(ctx context.Context, v *visit) ([]order, error) {
	lines, err := shelf(ctx, v, 3)
	if err != nil {
		return nil, err
	}
	orders := make([]order, orderCount)
	check := func(i int, now order) error {
		orders[i] = now
		seen, err := read[order](ctx, v, orderPath(now), as(buyer), pastPages())
		if err == nil && seen != now {
			v.stale.Add(1)
		}
		return err
	}
	counts, err := v.counted(func() error {
		for i := range orders {
			placed, err := place(ctx, v, lines)
			if err == nil {
				err = check(i, placed)
			}
			if err != nil {
				return err
			}
			noted, err := write[order](ctx, v, http.StatusOK, http.MethodPatch, orderPath(placed), noteChange{"ring twice"}, as(buyer))
			if err == nil {
				err = check(i, noted)
			}
			if err != nil {
				return err
			}
			paid, err := write[order](ctx, v, http.StatusOK, http.MethodPost, orderPath(placed)+"/pay", nil, as(buyer))
			if err == nil {
				err = check(i, paid)
			}
			if err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		return nil, err
	}
	n, stale := counts.Reads("orders"), v.stale.Load()
	v.claim("the read after a write costs no statement", n == 0, "%d orders placed, changed and paid, each read after each step: %d statements read an order",
		orderCount, n)
	v.claim("the read after a write sees it", stale == 0, "%d reads, %d stale", 3*orderCount, stale)
	return orders, nil
}

// refuse pays an order a second time.
func refuse(ctx context.Context, v *visit, paid order) error {
	if _, err := v.send(ctx, http.StatusConflict, http.MethodPost, orderPath(paid)+"/pay", nil, as(buyer)); err != nil {
		return err
	}
	seen, err := read[order](ctx, v, orderPath(paid), as(buyer), pastPages())
	if err != nil {
		return err
	}
	v.claim("a refused change leaves the row as it was", seen == paid, "revision %d before, %d after", paid.Revision, seen.Revision)
	return nil
}

// watched is an order that several write and several read.
type watched struct {
	order
	confirmed atomic.Int64 // the greatest revision a writer was told of
}

// confirm raises what is confirmed.
func (w *watched) confirm(revision int64) {
	for now := w.confirmed.Load(); revision > now; now = w.confirmed.Load() {
		if w.confirmed.CompareAndSwap(now, revision) {
			return
		}
	}
}

// readAmongWriters lets writers race for a few orders while readers check that no revision that was confirmed before they
// asked is missing.
func readAmongWriters(ctx context.Context, v *visit, orders []order) error {
	const readers, changes = 4, 400
	all := make([]watched, len(orders))
	for i := range orders {
		all[i].order = orders[i]
		all[i].confirm(orders[i].Revision)
	}
	var stale, looks atomic.Int64
	writing, written := context.WithCancel(ctx)
	defer written()
	var watching sync.WaitGroup
	failed := make(chan error, readers)
	for r := range readers {
		watching.Go(func() {
			for i := r; writing.Err() == nil; i++ {
				w := &all[i%len(all)]
				least := w.confirmed.Load()
				fields := []field{as(buyer)}
				if i/len(all)%2 == 0 {
					fields = append(fields, pastPages())
				}
				seen, err := read[order](ctx, v, orderPath(w.order), fields...)
				if err != nil {
					failed <- err
					return
				}
				looks.Add(1)
				if seen.Revision < least {
					stale.Add(1)
				}
			}
		})
	}
	err := each(ctx, changes, func(ctx context.Context, i int) error {
		w := &all[i%len(all)]
		now, err := write[order](ctx, v, http.StatusOK, http.MethodPatch, orderPath(w.order), noteChange{fmt.Sprintf("change %d", i)}, as(buyer))
		if err == nil {
			w.confirm(now.Revision)
		}
		return err
	})
	written()
	watching.Wait()
	close(failed)
	if err == nil {
		err = <-failed // nil when none failed
	}
	if err != nil {
		return err
	}
	var lost int64
	for i := range all {
		lost += orders[i].Revision + changes/int64(len(all)) - all[i].confirmed.Load()
	}
	v.stale.Add(stale.Load())
	v.claim("no stale read under concurrent writers", stale.Load() == 0, "%d changes of %d orders by %d at a time, %d reads meanwhile, %d stale",
		changes, len(all), clients, looks.Load(), stale.Load())
	v.claim("no change is lost under concurrent writers", lost == 0, "%d confirmed changes missing", lost)
	return nil
}
