package cacheplugin

import (
	"errors"
	"fmt"

	"gorm.io/gorm"
	"gorm.io/gorm/callbacks"

	"github.com/cachewright/cachewright/coherence"
)

// originals are GORM's own callbacks, which ours stand in place of under the same names.
type originals struct {
	query, row, raw, create, update, del func(*gorm.DB)

	beginCreate, beginUpdate, beginDelete func(*gorm.DB)
	endCreate, endUpdate, endDelete       func(*gorm.DB)
}

// beginTransaction is the callback that begins GORM's default transaction.
const beginTransaction = "gorm:begin_transaction"

// endTransaction is the one that ends it.
const endTransaction = "gorm:commit_or_rollback_transaction"

// register puts our callbacks in place of GORM's. The names stay, so other plugins' Before and After still find them.
func (p *Plugin) register(db *gorm.DB) error {
	o := &p.original
	cb := db.Callback()
	slots := []struct {
		name    string
		get     func(string) func(*gorm.DB)
		replace func(string, func(*gorm.DB)) error
		keep    *func(*gorm.DB)
		with    func(*gorm.DB)
	}{
		{"gorm:query", cb.Query().Get, cb.Query().Replace, &o.query, p.query},
		{"gorm:row", cb.Row().Get, cb.Row().Replace, &o.row, p.row},
		{"gorm:raw", cb.Raw().Get, cb.Raw().Replace, &o.raw, p.raw},
		{"gorm:create", cb.Create().Get, cb.Create().Replace, &o.create, p.write(opCreate, &o.create)},
		{"gorm:update", cb.Update().Get, cb.Update().Replace, &o.update, p.write(opUpdate, &o.update)},
		{"gorm:delete", cb.Delete().Get, cb.Delete().Replace, &o.del, p.write(opDelete, &o.del)},
		{beginTransaction, cb.Create().Get, cb.Create().Replace, &o.beginCreate, p.beginTransaction(&o.beginCreate, opCreate)},
		{beginTransaction, cb.Update().Get, cb.Update().Replace, &o.beginUpdate, p.beginTransaction(&o.beginUpdate, opUpdate)},
		{beginTransaction, cb.Delete().Get, cb.Delete().Replace, &o.beginDelete, p.beginTransaction(&o.beginDelete, opDelete)},
		{endTransaction, cb.Create().Get, cb.Create().Replace, &o.endCreate, p.endTransaction(&o.endCreate)},
		{endTransaction, cb.Update().Get, cb.Update().Replace, &o.endUpdate, p.endTransaction(&o.endUpdate)},
		{endTransaction, cb.Delete().Get, cb.Delete().Replace, &o.endDelete, p.endTransaction(&o.endDelete)},
	}
	var errs []error
	for _, s := range slots {
		*s.keep = s.get(s.name)
		if *s.keep == nil && (s.name == beginTransaction || s.name == endTransaction) {
			continue // GORM leaves it out under SkipDefaultTransaction
		}
		if *s.keep == nil {
			errs = append(errs, fmt.Errorf("%s: GORM has no such callback", s.name))
			continue
		}
		if err := s.replace(s.name, s.with); err != nil {
			errs = append(errs, fmt.Errorf("%s: %w", s.name, err))
		}
	}
	return errors.Join(errs...)
}

// write stands in place of gorm:create, gorm:update and gorm:delete: GORM builds and runs its statement on a stand-in
// for the pool, which sees what it does.
func (p *Plugin) write(op operation, original *func(*gorm.DB)) func(*gorm.DB) {
	return func(db *gorm.DB) {
		if db.Error != nil || db.DryRun {
			(*original)(db)
			return
		}
		m := p.modelOfStatement(db)
		if m != nil && m.err != nil {
			_ = db.AddError(m.err)
			return
		}
		arithmetic := isArithmetic(db.Statement, op)
		_, set := db.Statement.Clauses["SET"]
		if !p.writeback.write(db, op, m) {
			if !set { // the write-back side may have left its translation, which is this statement's only
				defer delete(db.Statement.Clauses, "SET")
			}
			p.through(db, op, m, *original)
		}
		if m != nil && db.Error == nil {
			m.usage.wrote(op, arithmetic)
		}
	}
}

// through runs the original callback with the stand-in, and takes it away again even if the callback panics.
func (p *Plugin) through(db *gorm.DB, op operation, m *model, original func(*gorm.DB)) {
	stmt := db.Statement
	pool := stmt.ConnPool
	inner := outside(pool)
	if lazy, ok := inner.(*lazyTx); ok {
		if err := lazy.begin(); err != nil {
			_ = db.AddError(err)
			return
		}
	}
	if m == nil {
		op = opRaw
	}
	stmt.ConnPool = &statement{plugin: p, inner: p.wrap(inner), op: op, db: db, model: m}
	defer func() { stmt.ConnPool = pool }()
	original(db)
}

// outside is the pool behind a stand-in, which a statement finds that is made while another one is built: by a GormValue method,
// say.
func outside(c gorm.ConnPool) gorm.ConnPool {
	for {
		s, ok := c.(*statement)
		if !ok {
			return c
		}
		c = s.inner
	}
}

func (p *Plugin) modelOfStatement(db *gorm.DB) *model {
	if db.Statement.Schema == nil {
		return nil
	}
	return p.modelOf(db.Statement.Schema)
}

// raw stands in place of gorm:raw, which runs db.Exec.
func (p *Plugin) raw(db *gorm.DB) {
	if db.Error != nil || db.DryRun {
		p.original.raw(db)
		return
	}
	p.through(db, opRaw, nil, p.original.raw)
}

// row stands in place of gorm:row, which runs Row, Rows, Scan and db.Raw(…).Scan. Its rows are handed out open and are not
// cached; a page may stand on them if their tables are known.
func (p *Plugin) row(db *gorm.DB) {
	if db.Error != nil || db.DryRun {
		p.original.row(db)
		return
	}
	m := p.modelOfStatement(db)
	if m != nil && m.err != nil {
		_ = db.AddError(m.err)
	} else {
		p.trackRow(db, m)
	}
	if db.Error == nil {
		_ = db.AddError(p.writeback.beforeStatement(db.Statement.Context, db, m))
	}
	if db.Error == nil {
		p.through(db, opRaw, nil, p.original.row)
		return
	}
	if rows, ok := db.Get("rows"); !ok || rows != true {
		db.Statement.Dest = p.replayer.Row(db.Statement.Context, nil, db.Error) // Row has no other way to tell
	}
}

// trackRow notes, for the page being made, what the rows will be read from.
func (p *Plugin) trackRow(db *gorm.DB, m *model) {
	stmt := db.Statement
	r := reader{plugin: p, db: db, ctx: stmt.Context, deps: p.engine.Deps(stmt.Context), model: m}
	if r.deps == nil {
		p.engine.Stray()
		return
	}
	r.deps.Scoped(p.engine.Scope(r.ctx))
	t, foreign := txOf(stmt.ConnPool)
	switch {
	case stmt.SQL.Len() > 0:
		r.deps.Refuse(coherence.ReasonRaw)
	case t != nil || foreign:
		r.deps.Refuse(coherence.ReasonTransaction)
	case !p.watches(stmt.ConnPool):
		r.deps.Refuse(coherence.ReasonPool)
	default:
		callbacks.BuildQuerySQL(db)
		if db.Error != nil {
			return
		}
		tags, why := r.judge()
		if why != "" {
			r.deps.Refuse(why)
			return
		}
		r.stand(tags)
	}
}
