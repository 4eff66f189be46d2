package middleware

import "time"

// clock counts nanoseconds since 1970 by the monotonic clock: steps of the wall clock make no page immortal.
type clock struct{ start time.Time }

func (c clock) now() int64 { return c.start.UnixNano() + int64(time.Since(c.start)) }
