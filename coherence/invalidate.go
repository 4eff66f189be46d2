package coherence

import (
	"context"

	"github.com/cachewright/cachewright/internal/switches"
)

// Invalidate makes everything that stands on the tags stale, for data that changed outside the plugin. A TableTag moves
// the table as a whole and every row of it, a RowTag its row and all that was made from the table, queries that stand on one
// value of a column included, for nobody says which value the row had. The versions have moved when it returns, whatever
// ctx says; the error is the context's, when it had ended before.
//
// Call it after the change is visible. It waits for nobody and takes no lock.
func (e *Engine) Invalidate(ctx context.Context, tags ...Tag) error {
	if switches.On(switches.PublishBump) {
		for _, t := range tags {
			t.writes(func(hash uint64) { e.words[e.words.of(hash)].Add(versionStep) })
		}
	}
	e.counters.publishes.Add(1)
	e.listeners.announce(tags)
	return ctx.Err()
}

// InvalidateAll makes every entry stale, pages included, in one step.
func (e *Engine) InvalidateAll(ctx context.Context) error { return e.Invalidate(ctx, Everything()) }
