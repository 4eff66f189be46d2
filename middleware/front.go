package middleware

import (
	"hash/maphash"
	"sync"
	"sync/atomic"

	"github.com/cachewright/cachewright/coherence"
)

// front keeps decoded copies of hot entries, so that a hit neither copies nor decodes. All doors of an engine share it, and
// its bytes are part of the budget of pages. It is filled only by entries that were asked for after they had been stored (a
// flood of one-time keys never gets in), and its pages are checked by their stamps like all others.
type front struct {
	budget func() int // bytes

	tallies tallies // counts of routes, which have nothing to do with copies but belong to the same doors
	breaker breaker // of the store the copies are made from

	// Counts of drops, by key: what was read from the store before one must not be kept after it.
	changed [64]atomic.Uint64

	mu    sync.RWMutex // guards what follows; the marks of entries are atomic
	pages map[string]*frontEntry
	ring  []*frontEntry // in the order the hand of the clock passes them
	hand  int
	used  int
}

type frontEntry struct {
	key      string
	page     *page     // one of these two
	variants *variants //
	size     int
	place    int         // in ring
	hot      atomic.Bool // asked for since the hand passed

	last atomic.Pointer[frontEntry] // of variants: the page last found by way of them
	gone atomic.Bool                // no longer in the front
}

// touch marks the entry as asked for.
func (e *frontEntry) touch() {
	if !e.hot.Load() {
		e.hot.Store(true)
	}
}

// frontShare is the part of the front that one entry may take.
const frontShare = 8

// frontOf is the front of the engine's pages.
func frontOf(pages *coherence.Cache) *front {
	return pages.Copies(func() any {
		return &front{pages: map[string]*frontEntry{}, budget: pages.CopyBytes}
	}).(*front)
}

// find looks for a decoded entry; the stamps of a page are the caller's to check.
func (f *front) find(key []byte) *frontEntry {
	f.mu.RLock()
	e := f.pages[string(key)]
	f.mu.RUnlock()
	if e != nil {
		e.touch()
	}
	return e
}

// changes is what keepPage and keepVariants want to know: take it before the entry is read from the store.
func (f *front) changes(key string) uint64 { return f.change(key).Load() }

func (f *front) change(key string) *atomic.Uint64 {
	return &f.changed[maphash.String(digestSeed, key)%uint64(len(f.changed))]
}

func (f *front) keepPage(p *page, change uint64) {
	f.keep(&frontEntry{key: p.key, page: p, size: p.size()}, change)
}

func (f *front) keepVariants(key string, k *variants, change uint64) {
	f.keep(&frontEntry{key: key, variants: k, size: len(key) + 8*len(k.digests) + 512}, change)
}

func (f *front) keep(e *frontEntry, change uint64) {
	budget := f.budget()
	if e.size > budget/frontShare {
		return
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.changes(e.key) != change {
		return
	}
	f.remove(f.pages[e.key])
	for f.used+e.size > budget {
		f.evict()
	}
	e.place = len(f.ring)
	f.ring = append(f.ring, e)
	f.pages[e.key] = e
	f.used += e.size
}

// drop forgets an entry, also one that is being read from the store at this moment.
func (f *front) drop(key string) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.change(key).Add(1)
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
	e.gone.Store(true)
	last := len(f.ring) - 1
	f.ring[e.place] = f.ring[last]
	f.ring[e.place].place = e.place
	f.ring[last] = nil
	f.ring = f.ring[:last]
	delete(f.pages, e.key)
	f.used -= e.size
}
