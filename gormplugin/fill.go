package cacheplugin

import (
	"context"

	"gorm.io/gorm"
	"gorm.io/gorm/callbacks"

	"github.com/cachewright/cachewright/coherence"
	"github.com/cachewright/cachewright/internal/rowset"
)

// serve hands an entry of the cache to the destination. It reports whether the read is done: answered, or failed. It does
// not keep the key.
func (r *reader) serve(key []byte) bool {
	hit, ok, err := r.plugin.engine.Rows().GetBytes(r.ctx, key)
	if err != nil {
		_ = r.db.AddError(err)
		return true
	}
	if ok {
		if r.deps != nil {
			r.stood(hit.Stamps(nil))
		}
		if r.deliver(hit.Value) {
			r.hit()
			return true
		}
	}
	r.missed()
	return false
}

// hit and missed count a read that was looked up.
func (r *reader) hit() {
	r.plugin.stats.hits.Add(1)
	r.model.usage.hits.Add(1)
}

func (r *reader) missed() {
	r.plugin.stats.misses.Add(1)
	r.model.usage.misses.Add(1)
}

// stood makes the page stand on what was read.
func (r *reader) stood(s coherence.Stamps) {
	if r.tables == nil { // by key
		r.deps.ReadRow(r.model.table, s)
	} else {
		r.deps.Read(s)
	}
}

// load reads through the cache after a miss, and hands the answer to the destination.
func (r *reader) load(key string, tags []coherence.Tag, life coherence.Life, byKey bool, fits func(rowset.View) bool) {
	p, db := r.plugin, r.db
	rows := p.engine.Rows()
	if r.dirty == nil {
		// What is pending is flushed twice: here, so that the flush does not move the stamps that Load takes, and under
		// those stamps, which vouch for a change that came in between.
		if _, err := r.flushed(r.ctx); err != nil {
			_ = db.AddError(err)
			return
		}
	}
	var own *rowset.Captured // what this call read itself, if it could not be kept
	loaded, err := rows.Load(r.ctx, key, tags, func(ctx context.Context) (coherence.Filled, error) {
		var filled coherence.Filled
		var err error
		filled, own, err = r.fill(ctx, life, byKey, fits)
		return filled, err
	})
	if r.deps != nil && len(loaded.Stamps) > 0 {
		r.stood(loaded.Stamps)
	}
	switch {
	case db.Error != nil: // GORM could not build the statement, and has said so
	case own != nil && (err == nil || brokeOff(own, err)):
		r.resume(own)
	case err != nil:
		_ = db.AddError(err)
		if own != nil {
			_ = own.Close() // the error comes first
		}
	case loaded.Value == nil:
		// Another call's answer could not be kept, so there is none to share.
		if callbacks.BuildQuerySQL(db); db.Error == nil {
			r.execute()
		}
	case !r.deliver(loaded.Value):
		_ = db.AddError(errEntry)
	}
}

// fill reads the answer from the database. An answer that cannot be kept is handed back as it was captured.
func (r *reader) fill(ctx context.Context, life coherence.Life, byKey bool, fits func(rowset.View) bool) (coherence.Filled, *rowset.Captured, error) {
	stmt := r.db.Statement
	if entry, err := r.flushed(ctx); err != nil || entry != nil {
		return coherence.Filled{Value: entry}, nil, err
	}
	if stmt.SQL.Len() == 0 {
		callbacks.BuildQuerySQL(r.db)
		if r.db.Error != nil {
			return coherence.Filled{}, nil, r.db.Error
		}
	}
	rows, err := stmt.ConnPool.QueryContext(ctx, stmt.SQL.String(), stmt.Vars...)
	if err != nil {
		return coherence.Filled{}, nil, err
	}
	captured := rowset.Capture(rows, maxAnswer)
	if err := captured.Err(); err != nil {
		return coherence.Filled{}, captured, err
	}
	data, err := captured.Bytes()
	if err != nil {
		r.plugin.stats.refuse(coherence.ReasonValue)
		return coherence.Filled{}, captured, nil //nolint:nilerr // the answer is handed on as it came
	}
	filled := coherence.Filled{Value: answerEntry(data), Life: life, Keep: true}
	if byKey {
		if captured.NumRows() == 0 {
			filled.Value, filled.Keep, filled.Life = absent, r.model.remember, r.model.negative
		} else {
			filled.Keep = fits(captured.View())
		}
	}
	return filled, nil, nil
}

// maxAnswer is the size past which an answer is handed on without being kept.
const maxAnswer = 1 << 20

// resume hands on an answer that was captured but cannot be kept.
func (r *reader) resume(c *rowset.Captured) {
	rows, err := r.plugin.replayer.Resume(r.ctx, c, 0, c.View().NumColumns())
	if err != nil {
		_ = r.db.AddError(err)
		return
	}
	defer func() { _ = r.db.AddError(rows.Close()) }()
	gorm.Scan(rows, r.db, 0)
	if r.db.Statement.Result != nil {
		r.db.Statement.Result.RowsAffected = r.db.RowsAffected
	}
}
