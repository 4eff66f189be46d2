package middleware

import (
	"context"
	"sync"
	"time"

	"github.com/cachewright/cachewright/coherence"
)

const (
	storePatience = 50 * time.Millisecond // what a request waits for a store, its look-ups together
	breakerPause  = time.Second           // how long the store is left alone after that; doubled with each further time
	breakerMost   = 30 * time.Second
)

// breaker leaves a store alone that hangs: handlers answer then, and copies in the front.
type breaker struct {
	mu      sync.Mutex // guards what follows
	until   int64      // the store is left alone before it; 0: it works
	pause   time.Duration
	probing bool // one request tries whether it works again
}

// allow reports whether the store may be asked now. Whoever is allowed to says how it went.
func (b *breaker) allow(now int64) bool {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.until == 0 {
		return true
	}
	if now < b.until || b.probing {
		return false
	}
	b.probing = true
	return true
}

// went is told whether the store answered in time. It reports whether the breaker has opened by that.
func (b *breaker) went(well bool, now int64) (opened bool) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.probing = false
	if well {
		b.until, b.pause = 0, 0
		return false
	}
	opened = b.until == 0
	b.pause = min(max(2*b.pause, breakerPause), breakerMost)
	b.until = now + int64(b.pause)
	return opened
}

// open reports whether the store is left alone at the moment.
func (b *breaker) open() bool {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.until != 0
}

// peek asks the store for an entry. The engine's own store answers at once; any other one has what is left of the visit's
// patience. A call that takes longer goes on by itself, and its answer is for nobody.
func (d *door) peek(ctx context.Context, v *visit, key string) (coherence.Hit, bool) {
	pages := d.engine.Pages()
	if pages.Local() {
		hit, ok, err := pages.Peek(ctx, key)
		return hit, ok && err == nil
	}
	left := storePatience - v.waited
	if left <= 0 || !d.front.breaker.allow(d.clock.now()) {
		return coherence.Hit{}, false
	}
	type answer struct {
		hit coherence.Hit
		ok  bool
	}
	asked := time.Now()
	limited, cancel := context.WithTimeout(context.WithoutCancel(ctx), storePatience)
	answers := make(chan answer, 1)
	go func() {
		defer cancel()
		var a answer
		defer func() { answers <- a }() // a store that panics has not found it
		defer func() { _ = recover() }()
		hit, ok, err := pages.Peek(limited, key)
		a = answer{hit, ok && err == nil}
	}()
	timer := time.NewTimer(left)
	defer timer.Stop()
	var a answer
	well := true
	select {
	case a = <-answers:
		well = limited.Err() != context.DeadlineExceeded || a.ok
	case <-timer.C:
		well = false
	case <-ctx.Done():
	}
	v.waited += time.Since(asked)
	if d.front.breaker.went(well, d.clock.now()) {
		d.engine.Logger().WarnContext(ctx, "the store of pages does not answer; it is left alone for a while")
	}
	return a.hit, a.ok
}

// patiently runs a call that stores something. It reports false for one that fails, is not over after storePatience (it goes on by
// itself, as long as Wait says), or is not tried at all.
func (d *door) patiently(ctx context.Context, store func(context.Context) bool) bool {
	ctx = context.WithoutCancel(ctx) // the answer is complete: that its client leaves now is no reason to lose it
	if d.engine.Pages().Local() {
		return store(ctx)
	}
	if d.front.breaker.open() {
		return false
	}
	limited, cancel := context.WithTimeout(ctx, d.wait)
	done := make(chan bool, 1)
	go func() {
		defer cancel()
		ok := false
		defer func() { done <- ok }()
		defer func() { _ = recover() }() // a store that panics did not take it
		ok = store(limited)
	}()
	timer := time.NewTimer(storePatience)
	defer timer.Stop()
	select {
	case ok := <-done:
		return ok
	case <-timer.C:
		return false
	}
}
