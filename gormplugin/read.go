package cacheplugin

import (
	"context"

	"gorm.io/gorm"
	"gorm.io/gorm/callbacks"

	"github.com/cachewright/cachewright/coherence"
	"github.com/cachewright/cachewright/internal/sqltext"
)

// query stands in place of gorm:query. What it serves from the cache leaves the statement as GORM's own callback would:
// the destination filled, RowsAffected and ErrRecordNotFound set; preloads and hooks follow in their own callbacks.
func (p *Plugin) query(db *gorm.DB) {
	stmt := db.Statement
	if db.Error != nil || db.DryRun || !p.engine.Ready() {
		p.original.query(db)
		return
	}
	r := reader{plugin: p, db: db, ctx: stmt.Context, deps: p.engine.Deps(stmt.Context)}
	if r.deps == nil {
		p.engine.Stray()
	}
	if stmt.Schema != nil {
		m := p.modelOf(stmt.Schema)
		if m.err != nil {
			_ = db.AddError(m.err)
			return
		}
		r.model = m
	}
	if stmt.SQL.Len() > 0 {
		r.direct(coherence.ReasonRaw)
		return
	}
	if t, foreign := txOf(stmt.ConnPool); t != nil || foreign {
		r.direct(coherence.ReasonTransaction)
		return
	}
	switch {
	case r.model.off():
		if r.model != nil {
			r.model.usage.uncached.Add(1)
		}
		r.uncached(coherence.ReasonOff)
	case bypassed(r.ctx), p.fresh(r.ctx):
		r.uncached(coherence.ReasonBypass)
	default:
		r.cached()
	}
}

// cached serves the read through the cache, if it can be.
func (r *reader) cached() {
	stmt := r.db.Statement
	if pool := stmt.ConnPool; pool != r.plugin.pool {
		primary := r.primary()
		if primary == nil {
			r.direct(coherence.ReasonPool)
			return
		}
		stmt.ConnPool = primary
		defer func() { stmt.ConnPool = pool }()
	}
	switch {
	case r.byKey(), r.byKeys():
	case locks(stmt):
		r.direct(coherence.ReasonLocking)
	default:
		r.byQuery()
	}
}

// locks reports whether the statement asks for locks, also where the dialect has none and leaves the words out.
func locks(stmt *gorm.Statement) bool {
	_, ok := stmt.Clauses["FOR"]
	return ok
}

// reader is one read on its way.
type reader struct {
	plugin *Plugin
	db     *gorm.DB
	ctx    context.Context //nolint:containedctx // a reader lives as long as one callback
	deps   *coherence.Deps
	model  *model
	keyed  bool            // the destination holds a part of the key
	tables []coherence.Tag // what a query reads; nil for a read by key

	dirty    *dirtyTable // of a read by key of a write-back model, which has answered nothing
	dirtyKey string
}

// direct reads from the database what stamps cannot vouch for.
func (r *reader) direct(why coherence.Reason) {
	r.plugin.stats.refuse(why)
	if r.deps != nil {
		r.deps.Scoped(r.plugin.engine.Scope(r.ctx))
		r.deps.Refuse(why)
	}
	if !r.plugin.writeback.used() {
		r.plugin.through(r.db, opRaw, nil, r.plugin.original.query)
		return
	}
	r.executeFlushed()
}

// executeFlushed runs the statement when what it must see is in the database. Its stamps have been taken.
func (r *reader) executeFlushed() {
	if err := r.plugin.writeback.beforeStatement(r.ctx, r.db, r.model); err != nil {
		_ = r.db.AddError(err)
		return
	}
	if callbacks.BuildQuerySQL(r.db); r.db.Error == nil {
		r.execute()
	}
}

// uncached reads from the database what is not cached but can be vouched for: a page may stand on it.
func (r *reader) uncached(why coherence.Reason) {
	p := r.plugin
	if r.deps == nil && !p.writeback.used() {
		p.stats.refuse(why)
		p.through(r.db, opRaw, nil, p.original.query)
		return
	}
	if !p.watches(r.db.Statement.ConnPool) {
		r.direct(coherence.ReasonPool)
		return
	}
	callbacks.BuildQuerySQL(r.db)
	if r.db.Error != nil {
		return
	}
	p.stats.refuse(why)
	tags, reason := r.judge()
	if reason == "" {
		if r.deps != nil {
			r.stand(tags)
		}
		r.executeFlushed()
		return
	}
	if r.deps != nil {
		r.deps.Refuse(reason)
	}
	r.executeFlushed()
}

// stand makes the page stand on the tags. What is pending is flushed before, so that the flush does not make it stale at
// once; what comes after the stamps is flushed by the caller.
func (r *reader) stand(tags []coherence.Tag) {
	p := r.plugin
	if err := p.writeback.beforeTables(r.ctx, r.db.Statement.ConnPool, tags); err != nil {
		_ = r.db.AddError(err)
		return
	}
	r.deps.Read(p.engine.Stamp(nil, tags...))
}

// execute runs the statement whose SQL is built, as GORM's own callback does. What it calls may write: the stand-in sees
// that also before a pool of prepared statements, which the wrapped pool is behind.
func (r *reader) execute() {
	stmt := r.db.Statement
	rows, err := r.plugin.rawStatement(stmt.Context, stmt.ConnPool).QueryContext(stmt.Context, stmt.SQL.String(), stmt.Vars...)
	if err != nil {
		_ = r.db.AddError(err)
		return
	}
	defer func() { _ = r.db.AddError(rows.Close()) }()
	gorm.Scan(rows, r.db, 0)
	if stmt.Result != nil {
		stmt.Result.RowsAffected = r.db.RowsAffected
	}
}

// byQuery serves from the query cache.
func (r *reader) byQuery() {
	p, stmt := r.plugin, r.db.Statement
	callbacks.BuildQuerySQL(r.db)
	if r.db.Error != nil {
		return
	}
	tags, why := r.judge()
	if why == "" {
		why = r.keepable()
	}
	scope := p.engine.Scope(r.ctx)
	var key []byte
	if why == "" {
		var ok bool
		var room [256]byte
		if key, ok = p.queryKey(room[:0], scope, stmt.SQL.String(), stmt.Vars); !ok {
			why = coherence.ReasonArgument
		} else if p.preparedText(stmt) {
			key[0] = 'p'
		}
	}
	if why != "" {
		r.fallThrough(tags, why)
		return
	}
	r.deps.Scoped(scope)
	r.tables = tags
	if !r.serve(key) {
		r.load(string(key), tags, r.model.life, false, nil)
	}
}

// preparedText reports whether a text without arguments is sent to MySQL as a prepared statement, whose answer has other Go
// types, and more digits of a FLOAT, than that of the text.
func (p *Plugin) preparedText(stmt *gorm.Statement) bool {
	_, prepared := stmt.ConnPool.(*gorm.PreparedStmtDB)
	return prepared && len(stmt.Vars) == 0 && p.dialect == sqltext.MySQL
}

// fallThrough reads a built statement from the database. Its tables may be known although it cannot be cached.
func (r *reader) fallThrough(tags []coherence.Tag, why coherence.Reason) {
	p := r.plugin
	p.stats.refuse(why)
	if r.deps != nil {
		r.deps.Scoped(p.engine.Scope(r.ctx))
		if trackable(why) {
			r.stand(tags)
		} else {
			r.deps.Refuse(why)
		}
	}
	r.executeFlushed()
}
