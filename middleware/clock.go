package middleware

import "time"

// started is when the process began to count, by the wall and by the monotonic clock.
var started = time.Now()

// clock counts nanoseconds since 1970 by the monotonic clock, from one beginning for all doors: steps of the wall clock make
// no page immortal. A bubble of testing/synctest has a time of its own, so a door made in one counts from there.
type clock struct{ start time.Time }

func newClock() clock {
	if now := time.Now(); now.Before(started) {
		return clock{now}
	}
	return clock{started}
}

func (c clock) now() int64 { return c.start.UnixNano() + int64(time.Since(c.start)) }
