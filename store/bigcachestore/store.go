// Package bigcachestore keeps entries in the memory of this process, in a BigCache.
//
// What it adds to BigCache: a lifetime for each entry; a bound on memory in every case; entries that do not fit are refused
// before BigCache sees them, because it would empty a whole shard for them and then fail; keys of any length up to
// store.MaxKey; a hash seeded per store, so that nobody can choose keys that collide; no goroutine and nothing printed.
//
// Eviction is first in, first out, in each shard. Neither overwriting nor deleting an entry frees its place before eviction
// comes to it, and memory once reserved is kept until Close.
package bigcachestore

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log"
	"math"
	"sync"
	"sync/atomic"
	"time"

	"github.com/allegro/bigcache/v3"

	"github.com/cachewright/cachewright/store"
)

var (
	_ store.Store   = (*Store)(nil)
	_ store.Bounded = (*Store)(nil)
	_ store.Sized   = (*Store)(nil)
	_ store.Dated   = (*Store)(nil)
)

// keepBuffer is the capacity above which a Set buffer is left to the garbage collector instead of being used again.
const keepBuffer = 256 << 10

// Store is a store.Store in memory. Make one with New.
type Store struct {
	// cache becomes nil at Close, which also lets the memory go. A call under way keeps the pointer it loaded.
	cache atomic.Pointer[bigcache.BigCache]

	// Set once by New.
	layout layout
	start  time.Time // deadlines are counted from here by the monotonic clock

	buffers sync.Pool // of *[]byte: headers and values on their way into BigCache, which copies them
}

// New returns an empty store that keeps at most memoryBytes of entries: keys, values and about 40 bytes with each. It counts
// whole MiB; MinMemory and MaxMemory bound it, and an error names the bound. Only a few KiB are reserved at first.
//
// On top come an index of about 20 bytes an entry and, in each shard, one buffer as large as the largest entry it was given.
// Memory also decides what MaxEntry returns: a quarter of it up to 8 MiB, and at least 2 MiB above, less 128 bytes.
//
// Lifetimes follow the monotonic clock: the wall clock may jump. On systems where that clock stops while the machine is
// suspended, so does the life of entries.
func New(memoryBytes int64) (*Store, error) {
	return newStore(memoryBytes, newHash())
}

// Get implements store.Store.
func (s *Store) Get(ctx context.Context, key string) ([]byte, error) {
	value, _, err := s.GetDated(ctx, key)
	return value, err
}

// GetDated implements store.Dated.
func (s *Store) GetDated(ctx context.Context, key string) (value []byte, left time.Duration, err error) {
	cache, err := s.enter(ctx)
	if err != nil {
		return nil, 0, err
	}
	if len(key) > store.MaxKey {
		return nil, 0, store.ErrNotFound
	}
	stored, err := cache.Get(indexKey(key))
	if errors.Is(err, bigcache.ErrEntryNotFound) {
		return nil, 0, store.ErrNotFound
	}
	if err != nil {
		return nil, 0, fmt.Errorf("read entry: %w: %w", store.ErrUnavailable, err)
	}
	value, deadline, ok := decode(stored, key)
	if !ok {
		return nil, 0, store.ErrNotFound
	}
	if deadline == 0 {
		return value, 0, nil
	}
	if left = time.Duration(deadline - s.now()); left <= 0 {
		return nil, 0, store.ErrNotFound
	}
	return value, left, nil
}

// Set implements store.Store. The oldest entries of the key's shard make room for the new one.
func (s *Store) Set(ctx context.Context, key string, value []byte, ttl time.Duration) error {
	cache, err := s.enter(ctx)
	if err != nil {
		return err
	}
	if len(key) > store.MaxKey {
		return fmt.Errorf("key of %d bytes, at most %d: %w", len(key), store.MaxKey, store.ErrTooLarge)
	}
	// Before BigCache sees it: for an entry beyond its shard BigCache first removes every other one, the old value as well.
	if size := len(key) + len(value); size > s.layout.maxEntry {
		return fmt.Errorf("entry of %d bytes, at most %d: %w", size, s.layout.maxEntry, store.ErrTooLarge)
	}
	if ttl < 0 {
		return remove(cache, key)
	}

	buffer := s.buffers.Get().(*[]byte)
	*buffer = encode((*buffer)[:0], key, value, s.deadline(ttl))
	err = cache.Set(indexKey(key), *buffer)
	if cap(*buffer) <= keepBuffer {
		s.buffers.Put(buffer)
	}
	if err != nil {
		return fmt.Errorf("store entry of %d bytes: %w: %w", len(key)+len(value), store.ErrUnavailable, err)
	}
	return nil
}

// Delete implements store.Store.
func (s *Store) Delete(ctx context.Context, key string) error {
	cache, err := s.enter(ctx)
	if err != nil {
		return err
	}
	if len(key) > store.MaxKey {
		return nil
	}
	return remove(cache, key)
}

// Close implements store.Store. It returns nil.
func (s *Store) Close() error {
	if cache := s.cache.Swap(nil); cache != nil {
		return cache.Close()
	}
	return nil
}

// MaxEntry implements store.Bounded.
func (s *Store) MaxEntry() int { return s.layout.maxEntry }

// Stats implements store.Sized.
func (s *Store) Stats() store.Stats {
	cache := s.cache.Load()
	if cache == nil {
		return store.Stats{}
	}
	return store.Stats{
		Entries: int64(cache.Len()),
		Bytes:   int64(cache.Capacity()),
		Limit:   int64(s.layout.mebibytes) << 20,
	}
}

func newStore(memoryBytes int64, hash bigcache.Hasher) (*Store, error) {
	layout, err := layoutFor(memoryBytes)
	if err != nil {
		return nil, fmt.Errorf("bigcachestore: %w", err)
	}
	// The context never ends and CleanWindow is 0, so BigCache starts no goroutine and has no line to print.
	cache, err := bigcache.New(context.Background(), bigcache.Config{
		Shards:           layout.shards,
		HardMaxCacheSize: layout.mebibytes,
		LifeWindow:       math.MaxInt64, // lifetimes are ours, entry by entry
		MaxEntrySize:     firstEntrySize,
		Hasher:           hash,
		Logger:           log.New(io.Discard, "", 0),
	})
	if err != nil {
		return nil, fmt.Errorf("bigcachestore: create cache: %w", err)
	}
	s := &Store{layout: layout, start: time.Now()}
	s.buffers.New = func() any { return new([]byte) }
	s.cache.Store(cache)
	return s, nil
}

// enter returns the cache to work on, or the reason why the call must not do anything.
func (s *Store) enter(ctx context.Context) (*bigcache.BigCache, error) {
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	cache := s.cache.Load()
	if cache == nil {
		return nil, fmt.Errorf("bigcachestore is closed: %w", store.ErrUnavailable)
	}
	return cache, nil
}

// now is the age of the store. It starts at 1, because a deadline of 0 means none.
func (s *Store) now() int64 { return int64(time.Since(s.start)) + 1 }

// deadline is when an entry stored now with ttl >= 0 ends, 0 for never.
func (s *Store) deadline(ttl time.Duration) int64 {
	now := s.now()
	if ttl == 0 || int64(ttl) > math.MaxInt64-now {
		return 0
	}
	return now + int64(ttl)
}

func remove(cache *bigcache.BigCache, key string) error {
	err := cache.Delete(indexKey(key))
	if err != nil && !errors.Is(err, bigcache.ErrEntryNotFound) {
		return fmt.Errorf("delete entry: %w: %w", store.ErrUnavailable, err)
	}
	return nil
}
