package middleware

import (
	"maps"
	"sync"
	"sync/atomic"
	"time"

	"github.com/cachewright/cachewright/coherence"
)

// RouteStats are the figures of one route since its engine was made.
type RouteStats struct {
	Hits      uint64 // answered from the store, those confirmed by the handler not counted
	Misses    uint64 // the handler ran, and its answer was looked at
	Collapsed uint64 // answered by the handler another request ran
	Bypassed  uint64 // the handler ran, and the cache had no part in it
	Refused   uint64 // 504 to only-if-cached
	Stored    uint64 // answers that went into the store
	Bytes     uint64 // of bodies handed over
	Fill      time.Duration
	// Reasons counts why answers were not stored, and why requests passed the cache by.
	Reasons map[Reason]uint64
}

// Stats are the figures of all doors of the engine by route: the pattern of the router where it is known, else "". Routes beyond
// the first thousand are counted together as "*".
func Stats(engine *coherence.Engine) map[string]RouteStats {
	if engine == nil {
		return nil
	}
	routes := map[string]RouteStats{}
	t := &frontOf(engine.Pages()).tallies
	t.mu.Lock()
	defer t.mu.Unlock()
	for route, c := range t.routes {
		routes[route] = c.stats()
	}
	return routes
}

// tallies are the counts of an engine's routes.
type tallies struct {
	mu     sync.Mutex // guards routes
	routes map[string]*tally
}

const maxRoutes = 1000

// tally counts one route.
type tally struct {
	hits, misses, collapsed, bypassed, refused, stored, bytes, fill atomic.Uint64

	mu      sync.Mutex // guards reasons
	reasons map[Reason]uint64
}

// of finds the counts of a route.
func (t *tallies) of(route string) *tally {
	t.mu.Lock()
	defer t.mu.Unlock()
	if c := t.routes[route]; c != nil {
		return c
	}
	if t.routes == nil {
		t.routes = map[string]*tally{}
	}
	if len(t.routes) >= maxRoutes {
		route = "*"
	}
	if t.routes[route] == nil {
		t.routes[route] = &tally{}
	}
	return t.routes[route]
}

func (c *tally) stats() RouteStats {
	c.mu.Lock()
	defer c.mu.Unlock()
	return RouteStats{
		Hits: c.hits.Load(), Misses: c.misses.Load(), Collapsed: c.collapsed.Load(), Bypassed: c.bypassed.Load(),
		Refused: c.refused.Load(), Stored: c.stored.Load(), Bytes: c.bytes.Load(), Fill: time.Duration(c.fill.Load()),
		Reasons: maps.Clone(c.reasons),
	}
}

// count adds what an event says.
func (c *tally) count(e *Event) {
	switch e.Outcome {
	case Hit:
		c.hits.Add(1)
	case Miss:
		c.misses.Add(1)
	case Collapsed:
		c.collapsed.Add(1)
	case Bypass:
		c.bypassed.Add(1)
	case Refused:
		c.refused.Add(1)
	case Late:
	}
	if e.Stored {
		c.stored.Add(1)
	}
	if e.Bytes > 0 {
		c.bytes.Add(uint64(e.Bytes))
	}
	if e.Fill > 0 {
		c.fill.Add(uint64(e.Fill))
	}
	if e.Reason == "" {
		return
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.reasons == nil {
		c.reasons = map[Reason]uint64{}
	}
	c.reasons[e.Reason]++
}

// hit counts a hit of the page, whose route it remembers.
func (d *door) tallyHit(p *page, sent int64) {
	c := p.tally.Load()
	if c == nil {
		c = d.front.tallies.of(p.route)
		p.tally.Store(c)
	}
	c.hits.Add(1)
	c.bytes.Add(uint64(sent))
}
