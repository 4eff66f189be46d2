package coherence

import (
	"context"
	"errors"

	"github.com/cachewright/cachewright/internal/switches"
)

// Filled is what a read function got from the database.
type Filled struct {
	Value []byte // must not change afterwards: others may be reading it
	Life  Life
	Keep  bool // whether the cache may store it
}

// Loaded is the answer of Load.
type Loaded struct {
	Value  []byte // must not be changed
	Stamps Stamps // taken before the data was read; the caller's own
	Shared bool   // another caller's read answered
}

// flight is one read of the database that later callers may join.
type flight struct {
	stamps Stamps        // what the leader stamped before it read; never changes while the flight is in the map
	number uint64        // of the flights of its cache, in the order in which they began
	done   chan struct{} // closed when the fields below are final
	value  []byte
	err    error
	failed bool // the leader panicked, or its own context ended: its end is no answer for others
}

// Load reads through: it calls read at most once for callers that miss the same key at the same time. It does not look into
// the cache first: [Cache.Get] does.
//
// A caller joins a read under way only under two conditions: its own stamps, taken now, are those the leader took before
// reading, and they are valid, so no word of them has a writer. So whoever starts after a write was published, or while one is
// under way, reads for itself and cannot be given what was read before. A caller waits no longer than its own context; a
// leader's panic or ended context is never handed on, and those who waited read for themselves.
//
// An error of read is returned as it is, to all who joined.
func (c *Cache) Load(ctx context.Context, key string, tags []Tag, read func(context.Context) (Filled, error)) (Loaded, error) {
	for {
		if !c.engine.current() {
			return c.loadLapsed(ctx, key, tags, read)
		}
		if err := ctx.Err(); err != nil {
			return Loaded{}, err
		}
		stamps := c.engine.Stamp(make(Stamps, 0, 2*len(tags)+1), tags...)
		f, lead := c.join(key, stamps)
		if lead {
			return c.lead(ctx, key, f, read)
		}
		if f == nil {
			filled, err := c.fill(ctx, key, stamps, read)
			return Loaded{Value: filled.Value, Stamps: stamps}, err
		}
		select {
		case <-ctx.Done():
			return Loaded{}, ctx.Err()
		case <-f.done:
		}
		if !f.failed {
			c.counters.coalesced.Add(1)
			return Loaded{Value: f.value, Stamps: stamps, Shared: true}, f.err
		}
	}
}

// join finds a read to wait for, or makes this caller the leader of one; nil means it must read alone.
//
// The stamps are checked here again, version and writers in one load of each word. To look for writers alone would not do: one
// that committed before this caller began may publish between the taking of the stamps and the look.
func (c *Cache) join(key string, stamps Stamps) (f *flight, lead bool) {
	if switches.On(switches.CoalesceQuiet) && !c.engine.words.hold(stamps) || !switches.On(switches.Coalesce) {
		return nil, false
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if f := c.flights[key]; f != nil && (f.stamps.Equal(stamps) || !switches.On(switches.CoalesceStamps)) {
		return f, false
	}
	// A read under other stamps is overtaken: nobody who comes from now on may join it.
	return c.begin(key, stamps), true
}

// begin puts a new flight into the map. Call with mu held.
func (c *Cache) begin(key string, stamps Stamps) *flight {
	c.began++
	f := &flight{stamps: stamps, number: c.began, done: make(chan struct{}), failed: true}
	c.flights[key] = f
	return f
}

// lead reads for all who joined. The flight leaves the map before it is done, so nobody joins a finished read. It does so on
// every way out: a panic and a runtime.Goexit of read leave it marked as failed.
func (c *Cache) lead(ctx context.Context, key string, f *flight, read func(context.Context) (Filled, error)) (Loaded, error) {
	defer func() {
		c.mu.Lock()
		if c.flights[key] == f {
			delete(c.flights, key)
		}
		c.mu.Unlock()
		close(f.done)
	}()
	filled, err := c.fill(ctx, key, f.stamps, read)
	f.value, f.err = filled.Value, err
	f.failed = err != nil && (ctx.Err() != nil || contextual(err))
	return Loaded{Value: filled.Value, Stamps: f.stamps}, err
}

// contextual tells an error that comes of a context: a driver may report the leader's deadline before the context itself does.
func contextual(err error) bool {
	var timeout interface{ Timeout() bool }
	return errors.Is(err, context.Canceled) || errors.As(err, &timeout) && timeout.Timeout()
}

func (c *Cache) fill(ctx context.Context, key string, stamps Stamps, read func(context.Context) (Filled, error)) (Filled, error) {
	filled, err := read(ctx)
	if err == nil && filled.Keep {
		_ = c.Put(ctx, key, filled.Value, stamps, filled.Life) // counted; the reader has its answer
	}
	return filled, err
}
