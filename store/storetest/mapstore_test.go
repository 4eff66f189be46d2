package storetest_test

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/cachewright/cachewright/store"
)

// mapStore is the simplest store that keeps the contract, but for the defects it is given.
type mapStore struct {
	defects []string
	now     func() time.Time

	mu      sync.Mutex
	entries map[string]mapEntry // guarded by mu; nil once closed
}

type mapEntry struct {
	value []byte
	ends  time.Time // zero: never
}

const mapStoreMaxEntry = 1 << 20

var (
	_ store.Store   = (*mapStore)(nil)
	_ store.Bounded = (*mapStore)(nil)
	_ store.Sized   = (*mapStore)(nil)
)

func newMapStore(defects ...string) *mapStore {
	return &mapStore{defects: defects, now: time.Now, entries: map[string]mapEntry{}}
}

func (m *mapStore) has(defect string) bool { return slices.Contains(m.defects, defect) }

func (m *mapStore) Get(ctx context.Context, key string) ([]byte, error) {
	if err := ctx.Err(); err != nil && !m.has("Get ignores its context") {
		return nil, err
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.entries == nil && !m.has("closed is a miss") {
		return nil, fmt.Errorf("map store is closed: %w", store.ErrUnavailable)
	}
	entry, ok := m.entries[m.fold(key)]
	switch {
	case !ok && m.has("absent is empty"):
		return nil, nil
	case !ok && m.has("absent has another error"):
		return nil, fmt.Errorf("no such key: %s", key)
	case !ok:
		return nil, store.ErrNotFound
	case !entry.ends.IsZero() && !m.now().Before(entry.ends) && !m.has("nothing expires"):
		return nil, store.ErrNotFound
	case len(entry.value) == 0 && m.has("empty is absent"):
		return nil, store.ErrNotFound
	}
	if m.has("reading prolongs") && !entry.ends.IsZero() {
		entry.ends = entry.ends.Add(time.Hour)
		m.entries[m.fold(key)] = entry
	}
	if m.has("Get shares its bytes") {
		return entry.value, nil
	}
	return slices.Clone(entry.value), nil
}

func (m *mapStore) Set(ctx context.Context, key string, value []byte, ttl time.Duration) error {
	if err := ctx.Err(); err != nil && !m.has("Set ignores its context") {
		return err
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.entries == nil {
		return fmt.Errorf("map store is closed: %w", store.ErrUnavailable)
	}
	if len(key) > store.MaxKey && !m.has("keys of any length") {
		return fmt.Errorf("key of %d bytes: %w", len(key), store.ErrTooLarge)
	}
	if len(key)+len(value) > mapStoreMaxEntry && !m.has("entries of any size") {
		if m.has("refusing removes the old value") {
			delete(m.entries, m.fold(key))
		}
		if m.has("refusing empties the store") {
			clear(m.entries)
		}
		return fmt.Errorf("entry of %d bytes: %w", len(key)+len(value), store.ErrTooLarge)
	}
	if ttl < 0 && !m.has("negative is endless") {
		delete(m.entries, m.fold(key))
		return nil
	}
	entry := mapEntry{value: slices.Clone(value)}
	if m.has("Set keeps its argument") {
		entry.value = value
	}
	if m.has("Set writes to its argument") {
		_ = append(value, '!')
	}
	if ttl > 0 {
		entry.ends = m.now().Add(ttl)
		if m.has("wraps around") {
			entry.ends = time.Unix(0, m.now().UnixNano()+int64(ttl))
		}
		if m.has("counts in seconds") {
			ttl = ttl.Truncate(time.Second)
			if entry.ends = m.now().Add(ttl); ttl == 0 {
				entry.ends = time.Time{}
			}
		}
	}
	if old, ok := m.entries[m.fold(key)]; ok && m.has("the first lifetime stays") {
		entry.ends = old.ends
	}
	m.entries[m.fold(key)] = entry
	return nil
}

func (m *mapStore) Delete(ctx context.Context, key string) error {
	if err := ctx.Err(); err != nil && !m.has("Delete ignores its context") {
		return err
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.entries == nil {
		return fmt.Errorf("map store is closed: %w", store.ErrUnavailable)
	}
	if _, ok := m.entries[m.fold(key)]; !ok && m.has("deleting nothing fails") {
		return store.ErrNotFound
	}
	if !m.has("Delete does nothing") {
		delete(m.entries, m.fold(key))
	}
	return nil
}

func (m *mapStore) Close() error {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.entries == nil && m.has("closing again fails") {
		return store.ErrUnavailable
	}
	m.entries = nil
	return nil
}

func (m *mapStore) MaxEntry() int { return mapStoreMaxEntry }

func (m *mapStore) Stats() store.Stats {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.entries == nil {
		return store.Stats{}
	}
	stats := store.Stats{Entries: int64(len(m.entries)), Limit: 1 << 40}
	for key, entry := range m.entries {
		stats.Bytes += int64(len(key) + len(entry.value))
	}
	return stats
}

// fold is the key under which an entry is kept.
func (m *mapStore) fold(key string) string {
	switch {
	case m.has("keys end at NUL"):
		key, _, _ = strings.Cut(key, "\x00")
	case m.has("keys are cut") && len(key) > 65535:
		key = key[:65535]
	case m.has("keys are trimmed"):
		key = strings.TrimSpace(key)
	}
	return key
}
