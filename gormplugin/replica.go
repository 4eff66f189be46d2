package cacheplugin

import (
	"gorm.io/gorm"
)

// resolverCallback is the name under which dbresolver chooses the pool of a statement, and resolverRead the setting by which
// an application asks it for a replica.
const (
	resolverCallback = "gorm:db_resolver"
	resolverRead     = "gorm:db_resolver:read"
)

// base is the pool inside the plugin's wrapper and that of prepared statements.
func base(c gorm.ConnPool) gorm.ConnPool {
	for {
		switch inner := c.(type) {
		case *pool:
			c = inner.inner
		case *gorm.PreparedStmtDB:
			c = inner.ConnPool
		default:
			return c
		}
	}
}

// watches reports whether the pool is the database the plugin was given: a replica may lag behind what is invalidated, and a
// database of another name knows nothing of it.
func (p *Plugin) watches(c gorm.ConnPool) bool { return c == p.pool || base(c) == p.base }

// primary is the pool to fill the cache from: the statement's own if it is the plugin's database; if dbresolver has sent the
// statement to a replica, the pool it sends writes of the table to, if that is the plugin's database; else nil. An
// application that asks for a replica in so many words gets one.
func (r *reader) primary() gorm.ConnPool {
	p, stmt := r.plugin, r.db.Statement
	if p.watches(stmt.ConnPool) {
		return p.wrap(stmt.ConnPool)
	}
	resolve := r.db.Callback().Create().Get(resolverCallback)
	if resolve == nil {
		return nil
	}
	if _, asked := stmt.Settings.Load(resolverRead); asked {
		return nil
	}
	// It is asked with a statement of its own, for it leaves marks.
	db := &gorm.DB{Config: r.db.Config}
	db.Statement = &gorm.Statement{
		DB: db, Table: stmt.Table, Model: stmt.Model, Schema: stmt.Schema, Clauses: stmt.Clauses,
		ConnPool: stmt.ConnPool, Context: r.ctx,
	}
	if resolve(db); db.Error != nil || !p.watches(db.Statement.ConnPool) {
		return nil
	}
	return p.wrap(db.Statement.ConnPool)
}
