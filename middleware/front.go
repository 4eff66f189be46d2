package middleware

import (
	"sync"
	"sync/atomic"
)

// front keeps decoded copies of hot entries, so that a hit neither copies nor decodes. It is bounded, filled only by entries
// that were asked for after they had been stored (a flood of one-time keys never gets in), and its pages are checked by
// their stamps like all others. A nil front keeps nothing.
type front struct {
	change atomic.Uint64 // counts drops; what was read from the store before one must not be kept after it

	mu     sync.RWMutex // guards what follows; the marks of entries are atomic
	pages  map[string]*frontEntry
	ring   []*frontEntry // in the order the hand of the clock passes them
	hand   int
	budget int
	used   int
}

type frontEntry struct {
	key      string
	page     *page     // one of these two
	variants *variants //
	size     int
	place    int         // in ring
	hot      atomic.Bool // asked for since the hand passed
}

const (
	frontBudget  = 1 << 20  // bytes a door
	frontLargest = 64 << 10 // bytes an entry
)

func newFront() *front { return &front{pages: map[string]*frontEntry{}, budget: frontBudget} }

// page finds a decoded page; its stamps are the caller's to check.
func (f *front) page(key []byte) *page {
	if e := f.find(key); e != nil {
		return e.page
	}
	return nil
}

func (f *front) variants(key []byte) *variants {
	if e := f.find(key); e != nil {
		return e.variants
	}
	return nil
}

func (f *front) find(key []byte) *frontEntry {
	if f == nil {
		return nil
	}
	f.mu.RLock()
	e := f.pages[string(key)]
	f.mu.RUnlock()
	if e != nil && !e.hot.Load() {
		e.hot.Store(true)
	}
	return e
}

// changes is what keepPage and keepVariants want to know: take it before the entry is read from the store.
func (f *front) changes() uint64 {
	if f == nil {
		return 0
	}
	return f.change.Load()
}

func (f *front) keepPage(p *page, change uint64) {
	f.keep(&frontEntry{key: p.key, page: p, size: p.size()}, change)
}

func (f *front) keepVariants(key string, k *variants, change uint64) {
	f.keep(&frontEntry{key: key, variants: k, size: len(key) + 8*len(k.digests) + 512}, change)
}

func (f *front) keep(e *frontEntry, change uint64) {
	if f == nil || e.size > frontLargest {
		return
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.change.Load() != change {
		return
	}
	f.remove(f.pages[e.key])
	for f.used+e.size > f.budget {
		f.evict()
	}
	e.place = len(f.ring)
	f.ring = append(f.ring, e)
	f.pages[e.key] = e
	f.used += e.size
}

// drop forgets an entry, and everything that is being read from the store at this moment.
func (f *front) drop(key string) {
	if f == nil {
		return
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	f.change.Add(1)
	f.remove(f.pages[key])
}

// evict removes the first entry from the hand on that was not asked for since the hand last passed. Call with mu held.
func (f *front) evict() {
	for {
		if f.hand >= len(f.ring) {
			f.hand = 0
		}
		if e := f.ring[f.hand]; e.hot.Swap(false) {
			f.hand++
			continue
		}
		f.remove(f.ring[f.hand])
		return
	}
}

// remove takes the entry out; the last one of the ring moves to its place. Call with mu held.
func (f *front) remove(e *frontEntry) {
	if e == nil {
		return
	}
	last := len(f.ring) - 1
	f.ring[e.place] = f.ring[last]
	f.ring[e.place].place = e.place
	f.ring[last] = nil
	f.ring = f.ring[:last]
	delete(f.pages, e.key)
	f.used -= e.size
}
