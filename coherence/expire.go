package coherence

import (
	"context"
	"sync"
	"sync/atomic"
)

// softWords is the second table: for each word the number of the last Expire that met it. It comes into being with the first
// Expire, for most applications never.
type softWords struct {
	clock atomic.Uint64 // the number of the last Expire
	table atomic.Pointer[[]atomic.Uint64]
	once  sync.Once
}

// Expire ends the freshness of the pages that stand on the tags and leaves their stamps alone: what it meets is not wrong, only
// due to be made again (a soft purge). It meets what [Engine.Invalidate] with the same tags would. Rows and query results,
// which have no freshness but their stamps, are not touched. It works at once; the error is the context's, when it had
// ended before.
func (e *Engine) Expire(ctx context.Context, tags ...Tag) error {
	s := &e.soft
	s.once.Do(func() {
		table := make([]atomic.Uint64, len(e.words))
		s.table.Store(&table)
	})
	now, table := s.clock.Add(1), *s.table.Load()
	for _, t := range tags {
		t.writes(func(hash uint64) { raise(&table[e.words.of(hash)], now) })
	}
	return ctx.Err()
}

// Moment is a mark for [Hit.Expired] and [Engine.Expired]: it lies after every Expire that has returned. Take it before the
// data of a page is read. It is worth nothing to another engine.
func (e *Engine) Moment() uint64 { return e.soft.clock.Load() }

// Expired reports whether an Expire has met one of the stamps' words since the moment. No lock, no allocation; one load as
// long as Expire was never called.
func (e *Engine) Expired(s Stamps, since uint64) bool {
	table := e.soft.table.Load()
	if table == nil {
		return false
	}
	for _, st := range s {
		if (*table)[st.Word].Load() > since {
			return true
		}
	}
	return false
}

// Expired is [Engine.Expired] for the stamps of the entry.
func (h Hit) Expired(since uint64) bool {
	table := h.engine.soft.table.Load()
	if table == nil {
		return false
	}
	for i := range h.stamps.len() {
		if (*table)[h.stamps.at(i).Word].Load() > since {
			return true
		}
	}
	return false
}

// raise makes the word at least n: two calls of Expire may come to it in any order.
func raise(word *atomic.Uint64, n uint64) {
	for {
		have := word.Load()
		if have >= n || word.CompareAndSwap(have, n) {
			return
		}
	}
}
