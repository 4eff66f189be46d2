package writeback

import "time"

// Steady makes every backoff as long as it may be.
func Steady(b *Buffer) { b.random = func(bound time.Duration) time.Duration { return bound - 1 } }
