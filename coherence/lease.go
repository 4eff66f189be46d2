package coherence

import (
	"sync/atomic"
	"time"
)

// DefaultLease is how long an engine with a backplane goes on serving from its cache without having caught up.
const DefaultLease = 2 * time.Second

// lapsedReads is how many reads of the database run at once, in each cache of an engine, while its lease is over.
const lapsedReads = 32

// lease bounds how long entries are served on the word of the last catch-up. It is checked on each hit: a timer would be
// late in a process that was stopped or a machine that was suspended.
type lease struct {
	length time.Duration
	start  time.Time // what monotonic readings are counted from

	// Until when it holds, by both clocks: the monotonic one, which a wall clock that is set back does not move, and the wall
	// clock, which goes on while a machine is suspended. Nanoseconds since start, and since 1970; both only grow.
	monotonic, wall atomic.Int64
}

func newLease(length time.Duration) *lease { return &lease{length: length, start: time.Now()} }

// holds reports whether the lease is not over, by either clock.
func (l *lease) holds() bool {
	now := time.Now()
	return int64(now.Sub(l.start)) < l.monotonic.Load() && now.UnixNano() < l.wall.Load()
}

// renew counts the lease from the moment, which must come from time.Now.
func (l *lease) renew(asOf time.Time) {
	later(&l.monotonic, int64(asOf.Sub(l.start)+l.length))
	later(&l.wall, asOf.UnixNano()+int64(l.length))
}

// lag is how long ago the moment was that the lease counts from; false while there was none.
func (l *lease) lag() (time.Duration, bool) {
	until := l.monotonic.Load()
	if until == 0 {
		return 0, false
	}
	now := time.Now()
	behind := int64(now.Sub(l.start)) - until
	return time.Duration(max(behind, now.UnixNano()-l.wall.Load())) + l.length, true
}

// later makes the value at least n.
func later(value *atomic.Int64, n int64) {
	for {
		have := value.Load()
		if have >= n || value.CompareAndSwap(have, n) {
			return
		}
	}
}

// current reports whether the engine may serve from its cache: it has no backplane, or has heard from it within the lease.
//
// It must be asked before the words are looked at. What was committed before the moment the lease counts from has moved its
// words by then; asked afterwards, a process that was stopped in between would serve what it had found valid before.
func (e *Engine) current() bool {
	l := e.lease.Load()
	return l == nil || l.holds()
}
