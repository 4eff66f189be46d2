package storetest

import (
	"context"
	"math"
	"sync"
	"time"

	"github.com/cachewright/cachewright/store"
)

var (
	_ store.Store   = (*Faulty)(nil)
	_ store.Bounded = (*Faulty)(nil)
)

// Faulty is a store that passes calls on to another one and breaks those it is told to break. What it does depends only on
// the order of calls, never on time or chance. All methods may be called by any number of goroutines at once.
//
// Of optional interfaces it implements store.Bounded only.
type Faulty struct {
	inner store.Store

	life context.Context
	end  context.CancelCauseFunc

	mu      sync.Mutex
	scripts [opCount][]Fault                // guarded by mu
	hooks   [opCount]func(key string) Fault // guarded by mu
	calls   [opCount]int                    // guarded by mu
	faults  [opCount]int                    // guarded by mu
	applied [opCount]int                    // guarded by mu
}

// NewFaulty returns a Faulty that breaks nothing yet. It closes inner when it is closed.
func NewFaulty(inner store.Store) *Faulty {
	life, end := context.WithCancelCause(context.Background())
	return &Faulty{inner: inner, life: life, end: end}
}

// Script breaks the next calls of op, one by one in the order of faults; a zero Fault among them lets one call pass. A second
// script follows the first.
func (f *Faulty) Script(op Op, faults ...Fault) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.scripts[op] = append(f.scripts[op], faults...)
}

// Always breaks all calls of op, until Repair, that no script has a say on.
func (f *Faulty) Always(op Op, fault Fault) {
	f.On(op, func(string) Fault { return fault })
}

// On asks choose what happens to each call of op, until Repair, that no script has a say on. It replaces an earlier On or
// Always of op; nil ends it. choose may be called by several goroutines at once.
func (f *Faulty) On(op Op, choose func(key string) Fault) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.hooks[op] = choose
}

// Repair lets all calls pass from now on. Calls that hang go on hanging.
func (f *Faulty) Repair() {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.scripts = [opCount][]Fault{}
	f.hooks = [opCount]func(string) Fault{}
}

// Calls returns how many calls of op have started.
func (f *Faulty) Calls(op Op) int { return f.read(&f.calls, op) }

// Faults returns how many calls of op were given a fault.
func (f *Faulty) Faults(op Op) int { return f.read(&f.faults, op) }

// Applied returns how many calls of op reached the store inside.
func (f *Faulty) Applied(op Op) int { return f.read(&f.applied, op) }

// Get implements store.Store.
func (f *Faulty) Get(ctx context.Context, key string) ([]byte, error) {
	var value []byte
	err := f.call(ctx, OpGet, key, func() (err error) {
		value, err = f.inner.Get(ctx, key)
		return err
	})
	if err != nil {
		return nil, err
	}
	return value, nil
}

// Set implements store.Store.
func (f *Faulty) Set(ctx context.Context, key string, value []byte, ttl time.Duration) error {
	return f.call(ctx, OpSet, key, func() error { return f.inner.Set(ctx, key, value, ttl) })
}

// Delete implements store.Store.
func (f *Faulty) Delete(ctx context.Context, key string) error {
	return f.call(ctx, OpDelete, key, func() error { return f.inner.Delete(ctx, key) })
}

// Close ends calls that hang and closes the store inside. It has no faults of its own.
func (f *Faulty) Close() error {
	f.end(errClosed)
	return f.inner.Close()
}

// MaxEntry implements store.Bounded: it is that of the store inside, or math.MaxInt.
func (f *Faulty) MaxEntry() int {
	if bounded, ok := f.inner.(store.Bounded); ok {
		return bounded.MaxEntry()
	}
	return math.MaxInt
}

// call counts a call, lets apply take place unless a fault prevents it, and returns the error of the first that had one.
func (f *Faulty) call(ctx context.Context, op Op, key string, apply func() error) error {
	fault := f.next(op, key)
	if fault.isZero() {
		f.count(&f.applied, op)
		return apply()
	}
	faultCtx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	defer context.AfterFunc(f.life, func() { cancel(context.Cause(f.life)) })()

	if err := fault.before(faultCtx); err != nil {
		return err
	}
	f.count(&f.applied, op)
	err := apply()
	if lost := fault.after(faultCtx); lost != nil {
		return lost
	}
	return err
}

// next returns the fault for a call that starts now.
func (f *Faulty) next(op Op, key string) Fault {
	f.mu.Lock()
	f.calls[op]++
	if script := f.scripts[op]; len(script) > 0 {
		defer f.mu.Unlock()
		f.scripts[op] = script[1:]
		return f.given(op, script[0])
	}
	choose := f.hooks[op]
	f.mu.Unlock()
	if choose == nil {
		return Fault{}
	}

	fault := choose(key) // without the lock: it is not ours
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.given(op, fault)
}

// given counts fault if it is one. The caller holds mu.
func (f *Faulty) given(op Op, fault Fault) Fault {
	if !fault.isZero() {
		f.faults[op]++
	}
	return fault
}

func (f *Faulty) count(counter *[opCount]int, op Op) {
	f.mu.Lock()
	defer f.mu.Unlock()
	counter[op]++
}

func (f *Faulty) read(counter *[opCount]int, op Op) int {
	f.mu.Lock()
	defer f.mu.Unlock()
	return counter[op]
}
