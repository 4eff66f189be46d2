package coherence

import (
	"context"
)

// loadLapsed is Load while the engine's lease is over, when stamps say nothing of the writes of others. A caller joins only a
// read that began after the caller did; it waits for one that began before, so that the next read answers all who came
// meanwhile. At most lapsedReads run at once.
func (c *Cache) loadLapsed(ctx context.Context, key string, tags []Tag, read func(context.Context) (Filled, error)) (Loaded, error) {
	stamps := c.engine.Stamp(make(Stamps, 0, 2*len(tags)+1), tags...)
	arrived := c.flightNumber() // after the stamps: what a later flight reads, it reads after them
	for {
		if err := ctx.Err(); err != nil {
			return Loaded{}, err
		}
		f, lead := c.joinLapsed(key, stamps)
		if lead {
			return c.lead(ctx, key, f, func(ctx context.Context) (Filled, error) {
				select {
				case c.slots <- struct{}{}:
				case <-ctx.Done():
					return Filled{}, ctx.Err()
				}
				defer func() { <-c.slots }()
				return read(ctx)
			})
		}
		select {
		case <-ctx.Done():
			return Loaded{}, ctx.Err()
		case <-f.done:
		}
		if f.number > arrived && !f.failed {
			c.counters.coalesced.Add(1)
			return Loaded{Value: f.value, Stamps: stamps, Shared: true}, f.err
		}
	}
}

// flightNumber is the number of the last flight that began.
func (c *Cache) flightNumber() uint64 {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.began
}

// joinLapsed finds a read to wait for, or makes this caller the leader of one.
func (c *Cache) joinLapsed(key string, stamps Stamps) (f *flight, lead bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if f := c.flights[key]; f != nil {
		return f, false
	}
	return c.begin(key, stamps), true
}
