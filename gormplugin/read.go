package cacheplugin

import (
	"context"
	"reflect"
	"strings"
	"time"

	"gorm.io/gorm"
	"gorm.io/gorm/callbacks"

	"github.com/cachewright/cachewright/coherence"
	"github.com/cachewright/cachewright/internal/rowset"
	"github.com/cachewright/cachewright/internal/sqltext"
	"github.com/cachewright/cachewright/policy"
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
		r.uncached(coherence.ReasonOff)
	case bypassed(r.ctx):
		r.uncached(coherence.ReasonBypass)
	case !p.watches(stmt.ConnPool):
		r.direct(coherence.ReasonPool)
	case r.byKey():
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

// watches reports whether the pool is the database the plugin was given: a replica may lag behind what is invalidated.
func (p *Plugin) watches(c gorm.ConnPool) bool {
	if c == p.pool {
		return true
	}
	if prepared, ok := c.(*gorm.PreparedStmtDB); ok {
		if own, ok := p.pool.(*gorm.PreparedStmtDB); ok {
			return prepared.ConnPool == own.ConnPool
		}
		return prepared.ConnPool == p.pool
	}
	own, ok := p.pool.(*gorm.PreparedStmtDB)
	return ok && own.ConnPool == c
}

// reader is one read on its way.
type reader struct {
	plugin *Plugin
	db     *gorm.DB
	ctx    context.Context //nolint:containedctx // a reader lives as long as one callback
	deps   *coherence.Deps
	model  *model
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
		r.plugin.original.query(r.db)
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
		p.original.query(r.db)
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

// execute runs the statement whose SQL is built, as GORM's own callback does.
func (r *reader) execute() {
	stmt := r.db.Statement
	rows, err := stmt.ConnPool.QueryContext(stmt.Context, stmt.SQL.String(), stmt.Vars...)
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
		if key, ok = p.queryKey(nil, scope, stmt.SQL.String(), stmt.Vars); !ok {
			why = coherence.ReasonArgument
		}
	}
	if why != "" {
		r.fallThrough(tags, why)
		return
	}
	r.deps.Scoped(scope)
	r.tables = tags
	r.serve(string(key), tags, r.model.life, false, nil)
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

// trackable reports whether a page may stand on the stamps of a read that is not cached for the reason.
func trackable(why coherence.Reason) bool {
	return why == coherence.ReasonArgument || why == coherence.ReasonOff
}

// keepable says why the result of a judged statement is not kept, "" if it is.
func (r *reader) keepable() coherence.Reason {
	if r.model.policy.Queries == policy.QueriesOff {
		return coherence.ReasonOff
	}
	v := r.plugin.texts.Read(r.plugin.dialect, r.db.Statement.SQL.String())
	for _, name := range v.Tables {
		if hidden, ok := r.plugin.hidden.Load(name.Folded()); ok && mentions(r.db.Statement.SQL.String(), hidden.([]string)) {
			return coherence.ReasonOff
		}
	}
	return ""
}

// mentions reports whether a text may ask for one of the columns: by name, or by a star that is not count(*).
func mentions(sql string, columns []string) bool {
	lower := strings.ToLower(sql)
	if strings.Contains(strings.ReplaceAll(lower, "count(*)", ""), "*") {
		return true
	}
	for _, c := range columns {
		if strings.Contains(lower, c) {
			return true
		}
	}
	return false
}

// judge reads the final SQL: the tags of all tables it reads, or the reason why stamps cannot vouch for it.
func (r *reader) judge() ([]coherence.Tag, coherence.Reason) {
	p, stmt := r.plugin, r.db.Statement
	v := p.texts.Read(p.dialect, stmt.SQL.String())
	if why := refusal(v); why != "" {
		return nil, why
	}
	for _, arg := range stmt.Vars {
		if text, ok := arg.(string); nearNow(arg) || ok && sqltext.ClockWord(text) {
			return nil, coherence.ReasonClock
		}
	}
	tags := make([]coherence.Tag, 0, len(v.Tables))
	for _, name := range v.Tables {
		rel, err := p.relation(r.ctx, stmt.ConnPool, name)
		switch {
		case err != nil || !rel.exists || !rel.ordinary:
			return nil, coherence.ReasonRelation
		case rel.rowSecurity && !p.settings.scoped:
			return nil, coherence.ReasonRLS
		}
		tags = append(tags, coherence.TableTag(name.Folded()))
	}
	return tags, ""
}

// clockWindow is how near to now a time argument makes an answer depend on the clock.
const clockWindow = 48 * time.Hour

func nearNow(arg any) bool {
	var t time.Time
	switch v := arg.(type) {
	case time.Time:
		t = v
	case *time.Time:
		if v == nil {
			return false
		}
		t = *v
	case int, int64, string, nil, bool:
		return false
	default:
		rv := reflect.ValueOf(arg)
		if !rv.IsValid() || !rv.Type().ConvertibleTo(reflect.TypeFor[time.Time]()) {
			return false
		}
		t = rv.Convert(reflect.TypeFor[time.Time]()).Interface().(time.Time)
	}
	d := time.Until(t)
	return -clockWindow < d && d < clockWindow
}

// refusal translates the lexer's verdict into the reason a reader of statistics sees.
func refusal(v *sqltext.Read) coherence.Reason {
	switch v.Refusal {
	case "":
		return ""
	case sqltext.ReasonLocking:
		return coherence.ReasonLocking
	case sqltext.ReasonClockLiteral:
		return coherence.ReasonClock
	case sqltext.ReasonVolatileFunction, sqltext.ReasonStableFunction, sqltext.ReasonSessionCast, sqltext.ReasonUnknownFunction,
		sqltext.ReasonTableFunction, sqltext.ReasonVariable, sqltext.ReasonSample:
		return coherence.ReasonVolatile
	default:
		return coherence.ReasonUnknown
	}
}

// serve answers from the cache or through it, and hands the answer to the destination.
func (r *reader) serve(key string, tags []coherence.Tag, life coherence.Life, byKey bool, fits func(rowset.View) bool) {
	p, db := r.plugin, r.db
	rows := p.engine.Rows()
	hit, ok, err := rows.Get(r.ctx, key)
	if err != nil {
		_ = db.AddError(err)
		return
	}
	if ok {
		if r.deps != nil {
			r.deps.Read(hit.Stamps(nil))
		}
		if r.deliver(hit.Value) {
			p.stats.hits.Add(1)
			return
		}
	}
	p.stats.misses.Add(1)
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
		r.deps.Read(loaded.Stamps)
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
