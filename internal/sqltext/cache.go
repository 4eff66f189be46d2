package sqltext

import (
	"hash/maphash"
	"strings"
	"sync"
)

// Bounds of a [Cache].
const (
	cacheShards     = 16
	shardEntries    = 256       // of each sort and shard: 4,096 texts in all
	maxCachedLength = 16 * 1024 // bytes; a longer text is judged each time
)

// Cache remembers verdicts by dialect and text. It holds at most 4,096 reads and as many writes and drops one at random
// for each new one after that. A hit allocates nothing. It is safe for use by many goroutines; use [NewCache].
type Cache struct {
	seed   maphash.Seed
	shards [cacheShards]cacheShard
}

type cacheShard struct {
	mu     sync.RWMutex
	reads  map[cacheKey]*Read  // guarded by mu
	writes map[cacheKey]*Write // guarded by mu
}

type cacheKey struct {
	d   Dialect
	sql string
}

// NewCache returns an empty cache.
func NewCache() *Cache {
	c := &Cache{seed: maphash.MakeSeed()}
	for i := range c.shards {
		c.shards[i].reads = make(map[cacheKey]*Read)
		c.shards[i].writes = make(map[cacheKey]*Write)
	}
	return c
}

// Read is [JudgeRead], remembered. The verdict is shared and is not to be changed.
func (c *Cache) Read(d Dialect, sql string) *Read {
	s := c.shard(sql)
	return remembered(&s.mu, s.reads, d, sql, JudgeRead)
}

// Write is [JudgeWrite], remembered. The verdict is shared and is not to be changed.
func (c *Cache) Write(d Dialect, sql string) *Write {
	s := c.shard(sql)
	return remembered(&s.mu, s.writes, d, sql, JudgeWrite)
}

// Len returns how many verdicts are held, reads and writes together.
func (c *Cache) Len() int {
	n := 0
	for i := range c.shards {
		s := &c.shards[i]
		s.mu.RLock()
		n += len(s.reads) + len(s.writes)
		s.mu.RUnlock()
	}
	return n
}

func (c *Cache) shard(sql string) *cacheShard {
	return &c.shards[maphash.String(c.seed, sql)%cacheShards]
}

func remembered[V any](mu *sync.RWMutex, m map[cacheKey]*V, d Dialect, sql string, judge func(Dialect, string) V) *V {
	mu.RLock()
	v, ok := m[cacheKey{d, sql}]
	mu.RUnlock()
	if ok {
		return v
	}
	if len(sql) > maxCachedLength {
		verdict := judge(d, sql)
		return &verdict
	}
	sql = strings.Clone(sql) // the caller's may be a part of something larger, and the verdict's names are parts of it
	verdict := judge(d, sql)
	mu.Lock()
	defer mu.Unlock()
	if v, ok = m[cacheKey{d, sql}]; ok {
		return v
	}
	if len(m) >= shardEntries {
		for old := range m { // the order of a map is random enough
			delete(m, old)
			break
		}
	}
	m[cacheKey{d, sql}] = &verdict
	return &verdict
}
