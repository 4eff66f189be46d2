package coherence

import (
	"context"

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
	Value  []byte
	Stamps Stamps // taken before the data was read
	Shared bool   // another caller's read answered
}

// flight is one read of the database that later callers may join.
type flight struct {
	stamps Stamps        // what the leader stamped before it read; written before the flight is visible
	done   chan struct{} // closed when the fields below are final
	value  []byte
	err    error
	failed bool // the leader panicked, or its own context ended: its end is no answer for others
}

// Load reads through: it calls read at most once for callers that miss the same key at the same time.
//
// A caller joins a read under way only under two conditions: its own stamps, taken now, are those the leader took before
// reading, and no word of them has a writer. So whoever starts after a write was published, or while one is under way,
// reads for itself and cannot be given what was read before. A caller waits no longer than its own context; a leader's
// panic or ended context is never handed on, and those who waited read for themselves.
func (c *Cache) Load(ctx context.Context, key string, tags []Tag, read func(context.Context) (Filled, error)) (Loaded, error) {
	for {
		if err := ctx.Err(); err != nil {
			return Loaded{}, err
		}
		stamps := c.engine.Stamp(make(Stamps, 0, 2*len(tags)+1), tags...)
		f, lead := c.join(key, stamps)
		if f == nil {
			filled, err := c.fill(ctx, key, stamps, read)
			return Loaded{Value: filled.Value, Stamps: stamps}, err
		}
		if lead {
			return c.lead(ctx, key, f, read)
		}
		select {
		case <-ctx.Done():
			return Loaded{}, ctx.Err()
		case <-f.done:
		}
		if f.failed {
			continue
		}
		c.counters.coalesced.Add(1)
		return Loaded{Value: f.value, Stamps: f.stamps, Shared: true}, f.err
	}
}

// join finds a read to wait for, or makes this caller the leader of one; nil means it must read alone.
func (c *Cache) join(key string, stamps Stamps) (f *flight, lead bool) {
	if switches.On(switches.CoalesceQuiet) && !c.engine.quiet(stamps) {
		return nil, false
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if f := c.flights[key]; f != nil {
		if f.stamps.Equal(stamps) || !switches.On(switches.CoalesceStamps) {
			return f, false
		}
		return nil, false
	}
	f = &flight{stamps: stamps, done: make(chan struct{})}
	c.flights[key] = f
	return f, true
}

// lead reads for all who joined. The flight leaves the map before it is done, so nobody joins a finished read.
func (c *Cache) lead(ctx context.Context, key string, f *flight, read func(context.Context) (Filled, error)) (Loaded, error) {
	f.failed = true
	defer func() {
		c.mu.Lock()
		delete(c.flights, key)
		c.mu.Unlock()
		close(f.done)
	}()
	filled, err := c.fill(ctx, key, f.stamps, read)
	f.value, f.err = filled.Value, err
	f.failed = err != nil && ctx.Err() != nil
	return Loaded{Value: filled.Value, Stamps: f.stamps}, err
}

func (c *Cache) fill(ctx context.Context, key string, stamps Stamps, read func(context.Context) (Filled, error)) (Filled, error) {
	filled, err := read(ctx)
	if err == nil && filled.Keep {
		_ = c.Put(ctx, key, filled.Value, stamps, filled.Life) // counted; the reader has its answer
	}
	return filled, err
}

// quiet reports whether no word of the stamps has a writer.
func (e *Engine) quiet(s Stamps) bool {
	for _, st := range s {
		if e.words[st.Word].Load()&writerMask != 0 {
			return false
		}
	}
	return true
}
