package coherence

import (
	"hash/maphash"
	"sync"
	"sync/atomic"
	"time"

	"github.com/cachewright/cachewright/store"
)

// front keeps copies of hot entries before the built-in store, which copies key and value at each look. What it holds is checked
// by its stamps like everything else, so it need not hear of writes; and it is never the only copy.
//
// It is a table of slots in small sets: the set follows from the key, looking takes no lock and allocates nothing. An entry gets in
// when it was asked for after it had been stored, and stays as long as it is asked for between two others that want into its set.
type front struct {
	engine *Engine
	store  store.Dated
	seed   maphash.Seed
	start  time.Time // deadlines are counted from here by the monotonic clock
	budget int64     // bytes
	slots  []atomic.Pointer[frontEntry]

	// Counts of drops, by key: what was read from the store before one must not be kept after it.
	dropped [64]atomic.Uint64

	mu   sync.Mutex // guards what follows, and every change of a slot
	used int64
	hand int
}

type frontEntry struct {
	key      string
	hit      Hit
	deadline time.Duration // age of the front; 0: none
	size     int64
	hot      atomic.Bool // asked for since another entry wanted its slot
}

const (
	frontWays      = 4         // slots of a set
	frontSlotBytes = 256       // of the budget, a slot
	frontLargest   = 32 << 10  // bytes an entry
	frontOverhead  = 112       // bytes of a frontEntry
	frontSmallest  = 16 * 1024 // budgets below this are not worth a table
)

// newFront returns a front of at most budget bytes, nil when that is too little to be of use.
func newFront(e *Engine, st store.Dated, budget int64) *front {
	if budget < frontSmallest {
		return nil
	}
	n := int64(1)
	for n*2*frontSlotBytes <= budget {
		n *= 2
	}
	return &front{
		engine: e, store: st, seed: maphash.MakeSeed(), start: time.Now(),
		budget: budget - 8*n, slots: make([]atomic.Pointer[frontEntry], n),
	}
}

// get returns the entry under the key if its stamps are valid and its life is not over.
func (f *front) get(key string) (Hit, bool) {
	e, _ := f.find(key)
	if e == nil || !e.hit.Valid() || e.deadline != 0 && time.Since(f.start) >= e.deadline {
		return Hit{}, false
	}
	if !e.hot.Load() {
		e.hot.Store(true)
	}
	return e.hit, true
}

// drops is what keep wants to know: take it before the entry is read from the store.
func (f *front) drops(key string) uint64 {
	if f == nil {
		return 0
	}
	return f.count(key).Load()
}

// keep takes a copy of an entry that was found in the store with that much life left, 0 for no end.
func (f *front) keep(key string, hit Hit, left time.Duration, drops uint64) {
	if f == nil {
		return
	}
	size := int64(frontOverhead + len(key) + stampSize*hit.stamps.len() + len(hit.Value))
	if size > min(frontLargest, f.budget) {
		return
	}
	slot := f.place(key)
	if slot == nil {
		return
	}
	e := &frontEntry{key: key, hit: hit, size: size}
	if left != 0 {
		e.deadline = time.Since(f.start) + left
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.count(key).Load() != drops {
		return
	}
	f.put(slot, e)
	for f.used > f.budget {
		f.sweep(slot)
	}
}

// drop forgets the entry under the key, also one that is being read from the store at this moment.
func (f *front) drop(key string) {
	if f == nil {
		return
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	f.count(key).Add(1)
	if _, slot := f.find(key); slot != nil {
		f.put(slot, nil)
	}
}

func (f *front) count(key string) *atomic.Uint64 {
	return &f.dropped[maphash.String(f.seed, key)>>32%uint64(len(f.dropped))]
}

// set is the slots that an entry under the key may take.
func (f *front) set(key string) []atomic.Pointer[frontEntry] {
	i := int(maphash.String(f.seed, key)&uint64(len(f.slots)-1)) &^ (frontWays - 1)
	return f.slots[i : i+frontWays]
}

func (f *front) find(key string) (*frontEntry, *atomic.Pointer[frontEntry]) {
	set := f.set(key)
	for i := range set {
		if e := set[i].Load(); e != nil && e.key == key {
			return e, &set[i]
		}
	}
	return nil, nil
}

// place is the slot for a new entry: the one of the key itself, a free one, or one of an entry that nobody asks for. Where there
// is none, those of the set have to be asked for again to be spared the next time.
func (f *front) place(key string) *atomic.Pointer[frontEntry] {
	var free *atomic.Pointer[frontEntry]
	set := f.set(key)
	for i := range set {
		e := set[i].Load()
		if e != nil && e.key == key {
			return &set[i]
		}
		if e == nil || !e.hot.Load() || !e.hit.Valid() {
			free = &set[i]
		}
	}
	if free == nil {
		for i := range set {
			if e := set[i].Load(); e != nil {
				e.hot.Store(false)
			}
		}
	}
	return free
}

// put changes a slot. Call with mu held.
func (f *front) put(slot *atomic.Pointer[frontEntry], e *frontEntry) {
	if old := slot.Swap(e); old != nil {
		f.used -= old.size
	}
	if e != nil {
		f.used += e.size
	}
}

// sweep moves the hand on by one slot and empties it, unless it was asked for since the hand last passed or is the one to
// spare. Call with mu held.
func (f *front) sweep(spare *atomic.Pointer[frontEntry]) {
	slot := &f.slots[f.hand]
	f.hand = (f.hand + 1) & (len(f.slots) - 1)
	if e := slot.Load(); e != nil && slot != spare && !e.hot.Swap(false) {
		f.put(slot, nil)
	}
}
