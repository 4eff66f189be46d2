package rowset

import (
	"context"
	"database/sql"
)

// Row plays back an answer read to its end as the *sql.Row that a query for
// one row gives. With an err, or one the answer ended with, the row reports it.
func (r *Replayer) Row(ctx context.Context, c *Captured, err error) *sql.Row {
	if err == nil && len(c.sets) == 0 {
		err = c.failure
	}
	if err != nil {
		return r.row(failing{context.WithoutCancel(ctx), err})
	}
	s := &resumed{captured: c, memo: &r.names}
	s.enter(ctx, c.sets[0].view)
	return r.row((*carrier)(&s.replay))
}

// failing carries the error its query is to end with, as a carrier does rows.
type failing struct {
	context.Context //nolint:containedctx // this is a context
	err             error
}

func (f failing) Value(key any) any {
	if key == (carrierKey{}) {
		return f.err
	}
	return f.Context.Value(key)
}
