package coherence

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"
	"unsafe"

	"github.com/cachewright/cachewright/internal/switches"
	"github.com/cachewright/cachewright/store"
)

// Cache is one keyed room of an engine: rows and query results, or pages. Keys must be injective encodings of all that
// tells two values apart; the cache adds nothing to them. All methods may be called at once.
type Cache struct {
	engine   *Engine
	counters *cacheCounters

	// Set by Start; used only while the engine is ready.
	store     store.Store
	copyBytes int
	local     bool
	front     *front // nil: every look goes to the store

	copiesOnce sync.Once
	copies     any

	slots chan struct{} // taken by the reads of the database while the lease is over

	mu      sync.Mutex         // guards what follows
	flights map[string]*flight // reads under way that others may join
	began   uint64             // flights so far
}

func newCache(e *Engine, c *cacheCounters) *Cache {
	return &Cache{engine: e, counters: c, flights: map[string]*flight{}, slots: make(chan struct{}, lapsedReads)}
}

// Hit is an entry whose stamps were valid when it was found. Value must not be changed; it stays good after the entry is gone.
type Hit struct {
	Value  []byte
	engine *Engine
	stamps rawStamps
}

// Stamps appends the stamps of the entry to dst.
func (h Hit) Stamps(dst Stamps) Stamps { return h.stamps.appendTo(dst) }

// Valid checks the stamps once more, as a reader that joins several hits must. The zero Hit is not valid.
func (h Hit) Valid() bool {
	return h.engine != nil && h.engine.current() && h.engine.words.holdRaw(h.stamps)
}

// Peek returns the entry under the key whether its stamps are valid or not, for those who may serve what is known to be
// outdated: ask [Hit.Valid]. It counts as a hit or a miss by that. In all else it is Get.
func (c *Cache) Peek(ctx context.Context, key string) (Hit, bool, error) {
	if err := ctx.Err(); err != nil {
		return Hit{}, false, err
	}
	hit, valid, ok := c.peek(ctx, key)
	if valid {
		c.counters.hits.Add(1)
	} else {
		c.counters.misses.Add(1)
	}
	return hit, ok, ctx.Err()
}

func (c *Cache) peek(ctx context.Context, key string) (hit Hit, valid, ok bool) {
	if !c.engine.Ready() {
		return Hit{}, false, false
	}
	b, err := c.store.Get(ctx, key)
	if err != nil {
		c.failed(ctx, err)
		return Hit{}, false, false
	}
	return c.open(b)
}

// Get returns the entry under the key if its stamps are valid now. The error is the context's alone: a store that fails
// is a miss, counted. It takes no lock and allocates nothing but for the store's copies, and for a hot row not even those.
func (c *Cache) Get(ctx context.Context, key string) (Hit, bool, error) {
	if hit, ok, err := c.near(ctx, key); ok || err != nil {
		return hit, ok, err
	}
	return c.far(ctx, key)
}

// GetBytes is Get for a key in a buffer, which is the caller's again when it returns.
func (c *Cache) GetBytes(ctx context.Context, key []byte) (Hit, bool, error) {
	if hit, ok, err := c.near(ctx, unsafe.String(unsafe.SliceData(key), len(key))); ok || err != nil {
		return hit, ok, err
	}
	return c.far(ctx, string(key))
}

// Put stores a value with the stamps that were taken before its data was read. It does nothing without stamps, when one of
// them has moved already, and while the engine is not ready. The store's error is returned for those who must know; a
// reader ignores it.
func (c *Cache) Put(ctx context.Context, key string, value []byte, s Stamps, life Life) error {
	if len(s) == 0 || c.engine.Moved(s) && switches.On(switches.StampCheck) || !c.engine.Ready() {
		return nil
	}
	if err := c.set(ctx, key, value, s, life); err != nil {
		return err
	}
	c.counters.fills.Add(1)
	return nil
}

// Delete removes an entry. Correctness never needs it; it gives memory back.
func (c *Cache) Delete(ctx context.Context, key string) error {
	if !c.engine.Ready() {
		return nil
	}
	err := c.store.Delete(ctx, key)
	c.front.drop(key)
	if err != nil {
		c.failed(ctx, err)
		return fmt.Errorf("deleting an entry: %w", err)
	}
	return nil
}

// Copies is where all who use the cache find the decoded copies of its entries: what build returned at the first call. Together
// they may take [Cache.CopyBytes].
func (c *Cache) Copies(build func() any) any {
	c.copiesOnce.Do(func() { c.copies = build() })
	return c.copies
}

// CopyBytes is how much memory decoded copies may take, out of the budget of the cache; 0 while the engine is not ready.
func (c *Cache) CopyBytes() int {
	if !c.engine.Ready() {
		return 0
	}
	return c.copyBytes
}

// Local reports whether the entries lie in a store that the engine made itself, in this process: one that cannot hang.
// It is false while the engine is not ready.
func (c *Cache) Local() bool { return c.engine.Ready() && c.local }

// Served counts a hit that was answered from a decoded copy of an entry, whose stamps the caller found valid.
func (c *Cache) Served() { c.counters.hits.Add(1) }

// near looks into the front. It does not keep the key.
func (c *Cache) near(ctx context.Context, key string) (Hit, bool, error) {
	if err := ctx.Err(); err != nil {
		return Hit{}, false, err
	}
	if !c.engine.Ready() || c.front == nil {
		return Hit{}, false, nil
	}
	hit, ok := c.front.get(key)
	if ok {
		c.counters.hits.Add(1)
	}
	return hit, ok, nil
}

// far looks into the store.
func (c *Cache) far(ctx context.Context, key string) (Hit, bool, error) {
	if !c.engine.Ready() {
		c.counters.misses.Add(1)
		return Hit{}, false, nil
	}
	drops := c.front.drops(key)
	stored, left, err := c.fetch(ctx, key)
	if err != nil {
		c.failed(ctx, err)
		c.counters.misses.Add(1)
		return Hit{}, false, ctx.Err()
	}
	hit, valid, _ := c.open(stored)
	if !valid {
		c.counters.misses.Add(1)
		return Hit{}, false, nil
	}
	c.front.keep(key, hit, left, drops)
	c.counters.hits.Add(1)
	return hit, true, nil
}

// fetch asks the store, and how long the entry has still to live if the front will need to know.
func (c *Cache) fetch(ctx context.Context, key string) (value []byte, left time.Duration, err error) {
	if c.front != nil {
		return c.front.store.GetDated(ctx, key)
	}
	value, err = c.store.Get(ctx, key)
	return value, 0, err
}

// open finds the parts of a stored entry and checks its epoch and stamps. It is not ok if the entry is none of this engine's; it is
// valid if it may be served.
func (c *Cache) open(b []byte) (hit Hit, valid, ok bool) {
	e := c.engine
	stamps, payload, ours, err := splitEntry(b, &e.epoch)
	if !ours && err == nil && !switches.On(switches.EpochCheck) {
		foreign := [epochSize]byte(b[1:entryFixed])
		stamps, payload, ours, err = splitEntry(b, &foreign)
	}
	if err != nil {
		c.counters.corrupt.Add(1)
	}
	if err != nil || !ours {
		return Hit{}, false, false
	}
	hit = Hit{Value: payload, engine: e, stamps: stamps}
	if valid = hit.Valid(); !valid {
		c.counters.stale.Add(1)
	}
	return hit, valid, true
}

func (c *Cache) set(ctx context.Context, key string, value []byte, s Stamps, life Life) error {
	entry := appendEntry(make([]byte, 0, entrySize(s, len(value))), &c.engine.epoch, s, value)
	if err := c.store.Set(ctx, key, entry, life.draw()); err != nil {
		c.failed(ctx, err)
		return fmt.Errorf("storing an entry: %w", err)
	}
	c.front.drop(key) // after it: a copy kept from now on is of the new entry
	return nil
}

// failed counts an error of the store. That a caller's context ended is no failure of the store.
func (c *Cache) failed(ctx context.Context, err error) {
	switch {
	case errors.Is(err, store.ErrNotFound):
	case errors.Is(err, store.ErrTooLarge):
		c.counters.tooLarge.Add(1)
	case ctx.Err() == nil:
		c.counters.storeErrors.Add(1)
	}
}
