package coherence

import (
	"math"
	"math/rand/v2"
	"time"
)

// Life bounds an entry's stay in the store. The zero value bounds nothing: stamps alone decide.
type Life struct {
	TTL    time.Duration // 0 or less: none
	Jitter float64       // fraction of TTL, 0 to 1, by which each entry's own life may be shorter
}

// draw is the life of one entry, 0 for none.
func (l Life) draw() time.Duration {
	if l.TTL <= 0 {
		return 0
	}
	if !(l.Jitter > 0) { // not a number, too
		return l.TTL
	}
	cut := time.Duration(float64(l.TTL) * math.Min(l.Jitter, 1) * rand.Float64()) //nolint:gosec // spreads expiry, guards nothing
	return max(l.TTL-cut, 1)
}
