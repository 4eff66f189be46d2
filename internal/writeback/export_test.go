package writeback

import "time"

// Ordered reports whether every order of the table has its oldest part at its head, all the way down.
func Ordered(t *Table) bool {
	t.mu.Lock()
	defer t.mu.Unlock()
	for _, o := range [...]order{t.lanes[writes], t.lanes[deletes], t.flying, t.suspects} {
		for i, p := range o {
			if p.index != i || o[(max(i, 1)-1)/2].first > p.first {
				return false
			}
		}
	}
	return true
}

// Steady makes every backoff as long as it may be.
func Steady(b *Buffer) { b.random = func(bound time.Duration) time.Duration { return bound - 1 } }
