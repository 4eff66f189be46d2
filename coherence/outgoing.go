package coherence

import (
	"context"
	"log/slog"
	"math/rand/v2"
	"sync"
	"sync/atomic"
	"time"
)

// outgoing is what others are still to be told of: writes that no transaction tells of itself.
type outgoing struct {
	opened atomic.Bool // there is a backplane; without one a write takes no lock here
	wake   chan struct{}

	mu   sync.Mutex // guards tags
	tags []Tag
}

// maxOutgoing is how many tags wait; past it they become everything.
const maxOutgoing = 4096

// add has the tags told soon.
func (o *outgoing) add(tags []Tag) {
	if !o.opened.Load() {
		return
	}
	o.mu.Lock()
	defer o.mu.Unlock()
	if o.tags = append(o.tags, known(tags)...); len(o.tags) > maxOutgoing {
		o.tags = []Tag{Everything()}
	}
	select {
	case o.wake <- struct{}{}:
	default:
	}
}

func (o *outgoing) take() []Tag {
	o.mu.Lock()
	defer o.mu.Unlock()
	tags := o.tags
	o.tags = nil
	return tags
}

// run publishes until ctx ends, and what is left then once more.
func (o *outgoing) run(ctx context.Context, logger *slog.Logger, b Backplane) {
	const last = time.Second
	for failed := 0; ; {
		if failed == 0 {
			select {
			case <-o.wake:
			case <-ctx.Done():
			}
		} else {
			pause(ctx, failed)
		}
		if ctx.Err() != nil {
			break
		}
		if err := o.send(ctx, b); err != nil {
			failed++
			logger.Warn("cachewright: others could not be told of a write; it is tried again", "error", err)
			continue
		}
		failed = 0
	}
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), last)
	defer cancel()
	if err := o.send(ctx, b); err != nil {
		logger.Error("cachewright: others were not told of a write: their caches may keep what it changed", "error", err)
	}
}

// send publishes what waits. What could not be published waits on.
func (o *outgoing) send(ctx context.Context, b Backplane) error {
	tags := o.take()
	if len(tags) == 0 {
		return nil
	}
	err := b.Publish(ctx, tags)
	if err != nil {
		o.add(tags)
	}
	return err
}

// pause waits before the next try: longer after each, up to a second, and no two processes alike.
func pause(ctx context.Context, failed int) {
	longest := min(20*time.Millisecond<<min(failed, 6), time.Second)
	t := time.NewTimer(longest/2 + rand.N(longest/2)) //nolint:gosec // spreads retries, guards nothing
	defer t.Stop()
	select {
	case <-t.C:
	case <-ctx.Done():
	}
}
