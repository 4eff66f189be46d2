package dashboard

import (
	"context"
	"fmt"
	"net/http"
	"strings"
	"sync"
	"time"

	"golang.org/x/sync/errgroup"
)

const (
	crashSamples = 200
	crashViews   = 200
	crashClients = 8
	crashPath    = "/products/1999" // nobody else looks at it
	restartTime  = 60 * time.Second
)

// crashReport is what became of acknowledged writes when the process was killed.
type crashReport struct {
	Samples, SamplesBack int64 // of a metric that is acknowledged in the journal
	Views, ViewsBack     int64 // of a counter that is acknowledged in memory
	Took                 time.Duration
}

func (r crashReport) String() string {
	return fmt.Sprintf("Killed and back after %s. Metrics, acknowledged in the journal: %d of %d came back, %d lost. "+
		"Page views, acknowledged in memory: %d of %d came back, %d lost.",
		r.Took.Round(10*time.Millisecond), r.SamplesBack, r.Samples, r.Samples-r.SamplesBack, r.ViewsBack, r.Views, r.Views-r.ViewsBack)
}

// crash writes metrics and views, kills the process as soon as they are acknowledged, and counts them in the next one.
func (d *Dashboard) crash(ctx context.Context) (crashReport, error) {
	d.crashes++
	sensor := fmt.Sprintf("crash-%d-%d", time.Now().Unix(), d.crashes)
	at := time.Now().UTC()
	minute := fmt.Sprintf("/metrics/%s/%d", sensor, at.Unix()/60)
	before, err := d.views(ctx)
	if err != nil {
		return crashReport{}, err
	}
	var (
		mu     sync.Mutex // guards report
		report crashReport
	)
	group, groupCtx := errgroup.WithContext(ctx)
	group.SetLimit(crashClients)
	for range crashSamples {
		group.Go(func() error {
			body := strings.NewReader(fmt.Sprintf(`{"sensor": %q, "at": %q, "samples": [1]}`, sensor, at.Format(time.RFC3339)))
			status, err := d.request(groupCtx, http.MethodPost, "/metrics", body, nil)
			if err == nil && status == http.StatusOK {
				mu.Lock()
				report.Samples++
				mu.Unlock()
			}
			return err
		})
	}
	for range crashViews {
		group.Go(func() error {
			_, err := d.request(groupCtx, http.MethodGet, crashPath, nil, nil)
			return err
		})
	}
	if err := group.Wait(); err != nil {
		return report, err
	}
	counted, err := d.views(ctx)
	if err != nil {
		return report, err
	}
	report.Views = counted - before
	begun := time.Now()
	if err := d.cfg.Kill(ctx); err != nil {
		return report, err
	}
	report.Took = time.Since(begun)
	var metric struct{ Samples int64 }
	if _, err := d.request(ctx, http.MethodGet, minute, nil, &metric); err != nil {
		return report, err
	}
	report.SamplesBack = metric.Samples
	counted, err = d.views(ctx)
	report.ViewsBack = max(0, counted-before)
	return report, err
}

// views is how often the shop says the page was viewed.
func (d *Dashboard) views(ctx context.Context) (int64, error) {
	var view struct{ Hits int64 }
	_, err := d.request(ctx, http.MethodGet, "/pageviews?path="+crashPath, nil, &view)
	return view.Hits, err
}
