package middleware

import (
	"sync"
	"sync/atomic"
)

// flights are the pages being made that other requests may wait for.
type flights struct {
	order atomic.Uint64 // counts arrivals and beginnings, to tell which came first

	mu sync.Mutex // guards m
	m  map[string]*flight
}

// flight is one run of a handler that others wait for.
type flight struct {
	key   string
	began uint64        // its place in the order; written before the flight is visible
	done  chan struct{} // closed when the fields below are final
	end   ending
	page  *page    // what those who wait may get, if it is one for them
	pick  selector // which of the URL's pages it is

	followers atomic.Int32 // who waits, or has waited
}

// ending is how a flight ended.
type ending uint8

const (
	endLost     ending = iota // panicked: all run at once
	endUnshared               // the answer is for nobody else: all run at once
	endGone                   // the leader's client left: one of those who wait leads next
	endShared                 // there is a page to hand over
)

// next is the following place in the order.
func (f *flights) next() uint64 { return f.order.Add(1) }

// join finds the flight to wait for, or makes the caller the leader of one.
func (f *flights) join(key string) (fl *flight, lead bool) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if fl := f.m[key]; fl != nil {
		fl.followers.Add(1)
		return fl, false
	}
	if f.m == nil {
		f.m = map[string]*flight{}
	}
	fl = &flight{key: key, began: f.next(), done: make(chan struct{})}
	f.m[key] = fl
	return fl, true
}

// land ends a flight: nobody can join it any more, and those who wait go on. Only the leader calls it; later calls, and a
// nil flight, do nothing.
func (f *flights) land(fl *flight, end ending, p *page, pick selector) {
	if fl == nil {
		return
	}
	f.mu.Lock()
	landed := f.m[fl.key] != fl
	if !landed {
		delete(f.m, fl.key)
	}
	f.mu.Unlock()
	if landed {
		return
	}
	fl.end, fl.page, fl.pick = end, p, pick
	close(fl.done)
}

// refusals remembers for a short while which requests get answers for nobody else, so that they do not queue behind one
// another. It holds digests only: a wrong match costs one coalescing.
type refusals struct {
	mu    sync.Mutex // guards until
	until map[uint64]int64
}

const (
	refusalMemory = 10e9 // nanoseconds
	maxRefusals   = 4096
)

// known reports whether the request's answers are for nobody else.
func (r *refusals) known(digest uint64, now int64) bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	until, ok := r.until[digest]
	if ok && until <= now {
		delete(r.until, digest)
		return false
	}
	return ok
}

// note remembers that an answer was for nobody else, or forgets it.
func (r *refusals) note(digest uint64, now int64, refused bool) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if !refused {
		delete(r.until, digest)
		return
	}
	if r.until == nil || len(r.until) >= maxRefusals {
		r.until = make(map[uint64]int64)
	}
	r.until[digest] = now + refusalMemory
}
