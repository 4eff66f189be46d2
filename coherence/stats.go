package coherence

import (
	"sync/atomic"
	"time"
)

// Stats are an engine's figures since it was made. Each is read for itself: together they are no snapshot.
type Stats struct {
	Rows  CacheStats // rows and query results
	Pages CacheStats

	Publishes       uint64 // writes that moved versions, invalidations included
	Installs        uint64 // values a write put into the cache
	InstallsSkipped uint64 // values not installed because another writer met the row

	Backplane BackplaneStats // zero without one
}

// BackplaneStats are the figures of the news from other processes.
type BackplaneStats struct {
	Attached bool
	Current  bool          // the lease holds: entries are served
	Lag      time.Duration // how long ago everything there was had been applied; negative: never yet
	Lease    time.Duration
	Received uint64 // tags of writes of others
	Dropped  uint64 // times the whole cache was dropped because writes may have been missed; the start is one
}

// CacheStats are the figures of one cache.
type CacheStats struct {
	Hits        uint64
	Misses      uint64 // entries not there, and those counted in Stale and Corrupt
	Stale       uint64 // entries there whose stamps had moved
	Fills       uint64 // entries stored by readers
	Coalesced   uint64 // reads answered by another caller's read
	TooLarge    uint64 // entries the store refused for their size
	StoreErrors uint64 // calls the store failed
	Corrupt     uint64 // entries that could not be read
}

type counters struct {
	rows, pages     cacheCounters
	publishes       atomic.Uint64
	installs        atomic.Uint64
	installsSkipped atomic.Uint64
	received        atomic.Uint64
	dropped         atomic.Uint64
}

type cacheCounters struct {
	hits, misses, stale, fills, coalesced, tooLarge, storeErrors, corrupt atomic.Uint64
}

// Stats returns the figures as they are now.
func (e *Engine) Stats() Stats {
	c := &e.counters
	return Stats{
		Rows: c.rows.stats(), Pages: c.pages.stats(),
		Publishes: c.publishes.Load(), Installs: c.installs.Load(), InstallsSkipped: c.installsSkipped.Load(),
		Backplane: e.backplaneStats(),
	}
}

func (e *Engine) backplaneStats() BackplaneStats {
	l := e.lease.Load()
	if l == nil {
		return BackplaneStats{}
	}
	lag, ever := l.lag()
	if !ever {
		lag = -1
	}
	return BackplaneStats{
		Attached: true, Current: l.holds(), Lag: lag, Lease: l.length,
		Received: e.counters.received.Load(), Dropped: e.counters.dropped.Load(),
	}
}

func (c *cacheCounters) stats() CacheStats {
	return CacheStats{
		Hits: c.hits.Load(), Misses: c.misses.Load(), Stale: c.stale.Load(), Fills: c.fills.Load(),
		Coalesced: c.coalesced.Load(), TooLarge: c.tooLarge.Load(), StoreErrors: c.storeErrors.Load(), Corrupt: c.corrupt.Load(),
	}
}
