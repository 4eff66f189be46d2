package tour

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"sync/atomic"

	"golang.org/x/sync/errgroup"

	"github.com/cachewright/cachewright/demoapp/internal/meter"
)

// clients is how many requests are under way at a time, where many are.
const clients = 8

// visit is one chapter being played. Requests may be sent by many goroutines, claims are made by one.
type visit struct {
	Stage
	client   *client
	progress *progress
	chapter  Chapter

	reads, writes, stale, pageHits atomic.Int64
}

// claim notes whether a sentence about the chapter's pattern held, and what was seen.
func (v *visit) claim(name string, held bool, saw string, args ...any) {
	c := Claim{Name: v.chapter.Pattern + ": " + name, Held: held, Saw: fmt.Sprintf(saw, args...)}
	v.chapter.Claims = append(v.chapter.Claims, c)
	v.progress.claim(c)
}

// settle brings what was counted so far to the database: a list of the counters is always up to date.
func (v *visit) settle(ctx context.Context) error {
	got, err := v.client.do(ctx, http.MethodGet, "/pageviews?limit=1", nil)
	if err == nil && got.status != http.StatusOK {
		err = got.refusal()
	}
	return err
}

// get reads a page, through the page cache. Any status but OK and Not Modified is an error.
func (v *visit) get(ctx context.Context, path string, fields ...field) (answer, error) {
	v.reads.Add(1)
	v.progress.step()
	got, err := v.client.do(ctx, http.MethodGet, path, nil, fields...)
	if got.hit() {
		v.pageHits.Add(1)
	}
	if err == nil && got.status != http.StatusOK && got.status != http.StatusNotModified {
		err = got.refusal()
	}
	return got, err
}

// send writes. The answer must have the status that is wanted.
func (v *visit) send(ctx context.Context, want int, method, path string, body any, fields ...field) (answer, error) {
	v.writes.Add(1)
	v.progress.step()
	got, err := v.client.do(ctx, method, path, body, fields...)
	if err == nil && got.status != want {
		err = got.refusal()
	}
	return got, err
}

// counted runs f and returns what reached the database meanwhile, whoever sent it.
func (v *visit) counted(f func() error) (meter.Counts, error) {
	before := v.Meter.Counts()
	err := f()
	return v.Meter.Counts().Since(before), err
}

// each calls f for the numbers below n, a few at a time, until one fails.
func each(ctx context.Context, n int, f func(ctx context.Context, i int) error) error {
	group, ctx := errgroup.WithContext(ctx)
	group.SetLimit(clients)
	for i := range n {
		group.Go(func() error { return f(ctx, i) })
	}
	return group.Wait()
}

// read gets a JSON answer as a value.
func read[T any](ctx context.Context, v *visit, path string, fields ...field) (T, error) {
	got, err := v.get(ctx, path, fields...)
	return decoded[T](got, err)
}

// write sends a JSON body, and returns the answer as a value.
func write[T any](ctx context.Context, v *visit, want int, method, path string, body any, fields ...field) (T, error) {
	got, err := v.send(ctx, want, method, path, body, fields...)
	return decoded[T](got, err)
}

func decoded[T any](got answer, err error) (T, error) {
	var value T
	if err != nil {
		return value, err
	}
	if err := json.Unmarshal(got.body, &value); err != nil {
		return value, fmt.Errorf("read the answer of %s: %w", got.request, err)
	}
	return value, nil
}
