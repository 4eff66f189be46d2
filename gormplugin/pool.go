package cacheplugin

import (
	"context"
	"database/sql"
	"errors"

	"gorm.io/gorm"
)

// pool stands in front of a database's connection pool, so that BEGIN and with it COMMIT and ROLLBACK are seen. GORM has
// no callback for them. A statement run on it directly, outside GORM's callbacks, is judged by its text.
type pool struct {
	plugin *Plugin
	inner  gorm.ConnPool
}

var (
	_ gorm.ConnPool         = (*pool)(nil)
	_ gorm.ConnPoolBeginner = (*pool)(nil)
	_ gorm.GetDBConnector   = (*pool)(nil)
)

// wrapPools puts the wrapper into both places GORM takes its pool from: sessions copy the statement's, the end of a
// default transaction goes back to the configuration's.
func (p *Plugin) wrapPools(db *gorm.DB) {
	wrapped := p.wrap(db.ConnPool)
	if db.Statement != nil && db.Statement.ConnPool != nil {
		if db.Statement.ConnPool == db.ConnPool {
			db.Statement.ConnPool = wrapped
		} else {
			db.Statement.ConnPool = p.wrap(db.Statement.ConnPool)
		}
	}
	db.ConnPool = wrapped
}

// wrap returns the pool as the plugin wants to see it. A pool of prepared statements keeps its place outside.
func (p *Plugin) wrap(c gorm.ConnPool) gorm.ConnPool {
	switch c := c.(type) {
	case nil, *pool, *tx, *statement, *lazyTx:
		return c
	case *gorm.PreparedStmtDB:
		switch c.ConnPool.(type) {
		case *pool, *tx: // it is shared by all goroutines, and written to only by Initialize or before it is
		default:
			c.ConnPool = p.wrap(c.ConnPool)
		}
		return c
	case *gorm.PreparedStmtTX, gorm.TxCommitter:
		return c // a transaction begun where the plugin was not: see txOf
	default:
		return &pool{plugin: p, inner: c}
	}
}

// underlying is the pool to send a statement to whose effects are known already.
func underlying(c gorm.ConnPool) gorm.ConnPool {
	switch c := c.(type) {
	case *pool:
		return c.inner
	case *tx:
		return c.inner
	case *statement:
		return underlying(c.inner)
	case *lazyTx:
		if c.inner != nil {
			return underlying(c.inner)
		}
		return c
	default:
		return c
	}
}

// txOf is the plugin's transaction the pool stands for. foreign is true for a transaction whose end the plugin will not see.
func txOf(c gorm.ConnPool) (t *tx, foreign bool) {
	switch c := c.(type) {
	case *tx:
		return c, false
	case *statement:
		return txOf(c.inner)
	case *lazyTx:
		if c.inner == nil {
			return nil, false
		}
		return txOf(c.inner)
	case *gorm.PreparedStmtTX:
		return txOf(c.Tx)
	case gorm.TxCommitter:
		return nil, true
	default:
		return nil, false
	}
}

func (c *pool) BeginTx(ctx context.Context, opts *sql.TxOptions) (gorm.ConnPool, error) {
	var (
		inner gorm.ConnPool
		err   error
	)
	if err := c.plugin.writeback.beforeBegin(ctx, opts); err != nil {
		return nil, err
	}
	switch b := c.inner.(type) {
	case gorm.TxBeginner:
		inner, err = b.BeginTx(ctx, opts)
	case gorm.ConnPoolBeginner:
		inner, err = b.BeginTx(ctx, opts)
	default:
		return nil, gorm.ErrInvalidTransaction
	}
	if err != nil {
		return nil, err
	}
	full, ok := inner.(gorm.Tx)
	if !ok {
		return nil, errors.New("cacheplugin: the pool's transactions do not satisfy gorm.Tx")
	}
	return &tx{plugin: c.plugin, pool: c, inner: full, ctx: ctx}, nil
}

// GetDBConn lets db.DB() find the *sql.DB.
func (c *pool) GetDBConn() (*sql.DB, error) {
	switch inner := c.inner.(type) {
	case *sql.DB:
		return inner, nil
	case gorm.GetDBConnector:
		return inner.GetDBConn()
	default:
		return nil, gorm.ErrInvalidDB
	}
}

// Ping is what gorm.Open asks of a pool.
func (c *pool) Ping() error {
	if p, ok := c.inner.(interface{ Ping() error }); ok {
		return p.Ping()
	}
	return nil
}

func (c *pool) PrepareContext(ctx context.Context, query string) (*sql.Stmt, error) {
	return c.inner.PrepareContext(ctx, query)
}

func (c *pool) ExecContext(ctx context.Context, query string, args ...any) (sql.Result, error) {
	return c.plugin.rawStatement(ctx, c).ExecContext(ctx, query, args...)
}

func (c *pool) QueryContext(ctx context.Context, query string, args ...any) (*sql.Rows, error) {
	return c.plugin.rawStatement(ctx, c).QueryContext(ctx, query, args...)
}

func (c *pool) QueryRowContext(ctx context.Context, query string, args ...any) *sql.Row {
	return c.plugin.rawStatement(ctx, c).QueryRowContext(ctx, query, args...)
}
