package tour

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"strconv"
	"time"

	"github.com/cachewright/cachewright/demoapp/internal/meter"
)

const (
	increments = 100
	// flushTime is how long a change may wait: flush=1s of the models' tags.
	flushTime = time.Second
	// flushWait is how long the tour waits for the database to have it, on a machine that is busy.
	flushWait = 15 * time.Second
	// lookEvery is how often it looks.
	lookEvery = 20 * time.Millisecond
)

var errTooLong = errors.New("it took too long")

// writeBack counts page views and sensor samples. The views come from the page cache: they are counted outside it.
func writeBack() chapter {
	return chapter{
		pattern: "writeback",
		when:    "counters, metrics, last-seen times: many small writes, of which a crash may cost the last second",
		tables:  []string{"page_views", "sensor_metrics"},
		play: func(ctx context.Context, v *visit) error {
			if err := countViews(ctx, v); err != nil {
				return err
			}
			if err := addUp(ctx, v); err != nil {
				return err
			}
			return surviveCrash(ctx, v)
		},
	}
}

// countViews views one page many times within one flush interval.
func countViews(ctx context.Context, v *visit) error {
	list, err := read[listOf[product]](ctx, v, "/products?limit=1", pastPages())
	if err != nil {
		return err
	}
	if len(list.Items) == 0 {
		return errors.New("the shop has no product")
	}
	path := productPath(list.Items[0])
	if _, err := v.get(ctx, path); err != nil { // its counter is there from now on
		return err
	}
	b, err := burst(ctx, v, path)
	if err != nil {
		return err
	}
	v.claim("what is counted can be read at once", b.readBack == b.before+increments && b.early < b.readBack,
		"%d views: %d counted, while the database still said %d", increments, b.readBack-b.before, b.early)
	v.claim("100 increments flush as one row", b.flush.Statements == 1 && b.flush.Rows <= 1,
		"views %d, statements %d, rows %d", increments, b.flush.Statements, b.flush.Rows)
	v.claim("the database has every view after the flush", b.flushed == b.before+increments,
		"%d before, %d after, %s later", b.before, b.flushed, b.took.Round(10*time.Millisecond))
	return nil
}

// views is what became of a burst of page views.
type views struct {
	before   int64 // in the database
	readBack int64 // by the API, before the flush
	early    int64 // in the database at that time
	flushed  int64 // in the database at the end
	flush    meter.Count
	took     time.Duration // from the first view to the flush
}

// burst makes the views. A machine so slow that the flush came before the last view is given another try: then there is
// more than one flush, and nothing to say about one.
func burst(ctx context.Context, v *visit, path string) (views, error) {
	const tries = 5
	var b views
	for range tries {
		if err := v.settle(ctx); err != nil {
			return b, err
		}
		var err error
		if b.before, err = viewsInDatabase(ctx, v, path); err != nil {
			return b, err
		}
		begun, counts := time.Now(), v.Meter.Counts()
		err = each(ctx, increments, func(ctx context.Context, _ int) error {
			v.writes.Add(1) // to read the page is to count a view
			_, err := v.get(ctx, path)
			return err
		})
		if err != nil {
			return b, err
		}
		counted, err := read[pageView](ctx, v, "/pageviews?path="+path)
		if err != nil {
			return b, err
		}
		b.readBack = counted.Hits
		if b.early, err = viewsInDatabase(ctx, v, path); err != nil {
			return b, err
		}
		inTime := time.Since(begun) < flushTime
		if err := await(ctx, v, "page_views"); err != nil {
			return b, err
		}
		if b.flushed, err = viewsInDatabase(ctx, v, path); err != nil {
			return b, err
		}
		b.took, b.flush = time.Since(begun), v.Meter.Counts().Since(counts).Writes("page_views")
		if inTime {
			break
		}
	}
	return b, nil
}

func viewsInDatabase(ctx context.Context, v *visit, path string) (hits int64, _ error) {
	query := "SELECT coalesce(max(hits), 0) FROM page_views WHERE path = '" + path + "'" // our own path: digits and slashes
	if err := v.Outside.QueryRowContext(ctx, query).Scan(&hits); err != nil {
		return 0, fmt.Errorf("look into the database: %w", err)
	}
	return hits, nil
}

// await waits until nothing of a table is pending any more: then the database has all there will be. On a machine that is
// very busy it gives up in the end, and what the database has by then is what it has.
func await(ctx context.Context, v *visit, table string) error {
	ctx, cancel := context.WithTimeoutCause(ctx, flushWait, errTooLong)
	defer cancel()
	tick := time.NewTicker(lookEvery)
	defer tick.Stop()
	for v.Stats().WriteBack[table].Rows > 0 {
		v.progress.wait()
		select {
		case <-ctx.Done():
			return fmt.Errorf("wait for the flush of %s: %w", table, context.Cause(ctx))
		case <-tick.C:
		}
	}
	return nil
}

// addUp records samples of one sensor from many goroutines, all for one minute.
func addUp(ctx context.Context, v *visit) error {
	const batch, sensor = 10, "tour"
	at := time.Now().UTC()
	minute := at.Unix() / 60
	path := fmt.Sprintf("/metrics/%s/%d", sensor, minute)
	post := func(ctx context.Context, values []int64) (metric, error) {
		return write[metric](ctx, v, http.StatusOK, http.MethodPost, "/metrics", samples{sensor, at, values})
	}
	first, err := post(ctx, []int64{0}) // an earlier tour may have been here in the same minute
	if err != nil {
		return err
	}
	var values []int64
	var sum int64
	for i := range int64(batch) {
		values, sum = append(values, 20_000+i), sum+20_000+i
	}
	err = each(ctx, increments, func(ctx context.Context, _ int) error {
		_, err := post(ctx, values)
		return err
	})
	if err != nil {
		return err
	}
	want := metric{sensor, minute, first.Samples + increments*batch, first.Total + increments*sum}
	seen, err := read[metric](ctx, v, path)
	if err != nil {
		return err
	}
	if err := await(ctx, v, "sensor_metrics"); err != nil {
		return err
	}
	var stored metric
	query := "SELECT coalesce(max(samples), 0), coalesce(max(total), 0) FROM sensor_metrics WHERE sensor = '" + sensor +
		"' AND minute = " + strconv.FormatInt(minute, 10) // our own sensor; the databases write parameters differently
	if err := v.Outside.QueryRowContext(ctx, query).Scan(&stored.Samples, &stored.Total); err != nil {
		return fmt.Errorf("look into the database: %w", err)
	}
	stored.Sensor, stored.Minute = sensor, minute
	v.claim("concurrent sums add up", seen == want && stored == want, "%d samples of %d wanted in the cache, %d in the database",
		seen.Samples, want.Samples, stored.Samples)
	return nil
}

// surviveCrash kills a process that has acknowledged metrics in its journal, and page views in memory.
func surviveCrash(ctx context.Context, v *visit) error {
	v.progress.wait()
	report, err := v.Crash(ctx)
	if err != nil {
		return err
	}
	v.claim("what the journal acknowledged survives a crash", report.Samples > 0 && report.SamplesBack == report.Samples,
		"process killed: %d of %d samples came back; of %d views acknowledged in memory %d",
		report.SamplesBack, report.Samples, report.Views, report.ViewsBack)
	return nil
}
