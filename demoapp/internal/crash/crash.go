// Package crash kills the shop as soon as it has acknowledged writes, and counts what came back.
package crash

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"strings"
	"sync/atomic"
	"time"

	"github.com/cachewright/cachewright/demoapp/internal/client"

	"golang.org/x/sync/errgroup"
)

// What is written before the crash.
const (
	samples = 200
	views   = 200
	clients = 8
	path    = "/products/1999" // nobody else looks at it
)

const askTimeout = 10 * time.Second

// Report is what became of acknowledged writes when the process was killed.
type Report struct {
	Samples, SamplesBack int64 // of a metric, which the journal acknowledges
	Views, ViewsBack     int64 // of a counter that is acknowledged in memory
	Took                 time.Duration
}

// String is the report in sentences.
func (r Report) String() string {
	return fmt.Sprintf("Killed and back after %s. Metrics, acknowledged in the journal: %d of %d came back, %d lost. "+
		"Page views, acknowledged in memory: %d of %d came back, %d lost.",
		r.Took.Round(10*time.Millisecond), r.SamplesBack, r.Samples, r.Samples-r.SamplesBack, r.ViewsBack, r.Views, r.Views-r.ViewsBack)
}

// shop is asked where it answers before each request: it is another process after the crash.
type shop struct {
	base func() string
	http *http.Client
}

// Run writes metrics and views, calls kill, which returns when the next process serves, and counts them there.
func Run(ctx context.Context, base func() string, kill func(context.Context) error) (Report, error) {
	transport := http.DefaultTransport.(*http.Transport).Clone() //nolint:forcetypeassert // it is one, and documented to be
	transport.Proxy = nil                                        // it is our own address
	defer transport.CloseIdleConnections()
	s := shop{base, &http.Client{Transport: transport, Timeout: askTimeout}}
	at := time.Now().UTC()
	sensor := fmt.Sprintf("crash-%d", at.UnixNano())
	before, err := s.views(ctx)
	if err != nil {
		return Report{}, err
	}
	var acknowledged atomic.Int64
	group, groupCtx := errgroup.WithContext(ctx)
	group.SetLimit(clients)
	for i := range samples + views {
		group.Go(func() error {
			if i%2 == 0 {
				_, err := s.ask(groupCtx, http.MethodGet, path, nil, nil)
				return err
			}
			body := strings.NewReader(fmt.Sprintf(`{"sensor": %q, "at": %q, "samples": [1]}`, sensor, at.Format(time.RFC3339)))
			status, err := s.ask(groupCtx, http.MethodPost, "/metrics", body, nil)
			if err == nil && status == http.StatusOK {
				acknowledged.Add(1)
			}
			return err
		})
	}
	if err := group.Wait(); err != nil {
		return Report{}, err
	}
	counted, err := s.views(ctx)
	if err != nil {
		return Report{}, err
	}
	r := Report{Samples: acknowledged.Load(), Views: counted - before}
	begun := time.Now()
	if err := kill(ctx); err != nil {
		return r, err
	}
	r.Took = time.Since(begun)
	var metric struct{ Samples int64 }
	if _, err := s.ask(ctx, http.MethodGet, fmt.Sprintf("/metrics/%s/%d", sensor, at.Unix()/60), nil, &metric); err != nil {
		return r, err
	}
	r.SamplesBack = metric.Samples
	counted, err = s.views(ctx)
	r.ViewsBack = max(0, counted-before)
	return r, err
}

// views is how often the shop says the page was viewed.
func (s shop) views(ctx context.Context) (int64, error) {
	var view struct{ Hits int64 }
	_, err := s.ask(ctx, http.MethodGet, "/pageviews?path="+path, nil, &view)
	return view.Hits, err
}

// ask sends a request and reads a JSON answer into a value if there is one and it was a success.
func (s shop) ask(ctx context.Context, method, path string, body io.Reader, into any) (status int, _ error) {
	r, err := http.NewRequestWithContext(ctx, method, s.base()+path, body)
	if err != nil {
		return 0, fmt.Errorf("make a request: %w", err)
	}
	if body != nil {
		r.Header.Set("Content-Type", "application/json")
	}
	status, err = client.Do(s.http, r, into)
	if err == nil && status >= http.StatusInternalServerError {
		err = fmt.Errorf("ask the shop for %s: it answered %d", path, status)
	}
	return status, err
}
