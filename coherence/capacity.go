package coherence

import "github.com/cachewright/cachewright/store"

// Fits reports whether the store can take an entry with a key and a value of these lengths, as far as the store tells: one
// that names no bound takes everything. It is false while the engine is not ready.
func (c *Cache) Fits(key, value int, s Stamps) bool {
	if !c.engine.Ready() {
		return false
	}
	bounded, ok := c.store.(store.Bounded)
	return !ok || key+entrySize(s, value) <= bounded.MaxEntry()
}
