package coherence

import "context"

// Invalidate makes everything that stands on the tags stale, for data that changed outside the plugin. A TableTag moves
// the table as a whole and every row of it, a RowTag its row and all that was made from the table, queries that stand on one
// value of a column included, for nobody says which value the row had. The versions have moved when it returns, whatever
// ctx says; the error is the context's, when it had ended before.
//
// Call it after the change is visible. It waits for nobody. With a backplane others are told soon after.
func (e *Engine) Invalidate(ctx context.Context, tags ...Tag) error {
	e.move(tags)
	e.outgoing.add(tags)
	return ctx.Err()
}

// InvalidateAll makes every entry stale, pages included, in one step.
func (e *Engine) InvalidateAll(ctx context.Context) error { return e.Invalidate(ctx, Everything()) }
