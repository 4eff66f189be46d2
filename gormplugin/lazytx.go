package cacheplugin

import (
	"context"
	"database/sql"
	"reflect"

	"gorm.io/gorm"
	"gorm.io/gorm/schema"

	"github.com/cachewright/cachewright/policy"
)

// lazyTx is GORM's default transaction around a write-back statement: it begins when the first statement is sent in it,
// which for an acknowledged write is never.
type lazyTx struct {
	plugin   *Plugin
	owner    *gorm.Statement // the statement around which it is; others in it come from hooks
	model    *model          // the owner's
	pool     gorm.ConnPool   // where it begins
	beginner gorm.ConnPoolBeginner
	ctx      context.Context //nolint:containedctx // the context of the BEGIN that may come
	inner    gorm.Tx         // nil until it has begun
}

var _ gorm.Tx = (*lazyTx)(nil)

// beginTransaction stands in place of gorm:begin_transaction.
func (p *Plugin) beginTransaction(original *func(*gorm.DB), op operation) func(*gorm.DB) {
	return func(db *gorm.DB) {
		stmt := db.Statement
		if db.Error != nil || db.DryRun {
			(*original)(db)
			return
		}
		// db.Connection and dbresolver bring pools of their own: their transactions must be seen, too.
		stmt.ConnPool = p.wrap(outside(stmt.ConnPool))
		beginner, begins := stmt.ConnPool.(gorm.ConnPoolBeginner)
		m := p.modelOfStatement(db)
		switch {
		case db.SkipDefaultTransaction || !begins || p.closed.Load():
			p.warm(db)
			(*original)(db)
		case p.mayWait(db, m, op):
			stmt.ConnPool = &lazyTx{plugin: p, owner: stmt, model: m, pool: stmt.ConnPool, beginner: beginner, ctx: stmt.Context}
		default:
			p.warm(db)
			p.beginDefault(db, m, *original)
		}
	}
}

// endTransaction stands in place of gorm:commit_or_rollback_transaction. GORM's own looks for a mark that costs more than an
// acknowledged write; a lazy transaction is its own mark.
func (p *Plugin) endTransaction(original *func(*gorm.DB)) func(*gorm.DB) {
	return func(db *gorm.DB) {
		stmt := db.Statement
		lazy, ok := stmt.ConnPool.(*lazyTx)
		if !ok || lazy.owner != stmt {
			(*original)(db)
			return
		}
		if lazy.inner != nil && db.Error != nil {
			db.Rollback()
		} else if lazy.inner != nil {
			db.Commit()
		}
		stmt.ConnPool = db.ConnPool // as GORM does
	}
}

// beginDefault begins GORM's default transaction. Around a single statement it need not wait for what is pending.
func (p *Plugin) beginDefault(db *gorm.DB, m *model, original func(*gorm.DB)) {
	stmt := db.Statement
	if !p.writeback.used() {
		original(db)
		return
	}
	err := p.writeback.beginHolding(stmt.Context, m, func() (gorm.ConnPool, error) {
		if m == nil || single(stmt, m.schema) {
			ctx := stmt.Context
			stmt.Context = quiet(ctx)
			defer func() { stmt.Context = ctx }()
		}
		original(db)
		return stmt.ConnPool, db.Error
	})
	if err != nil && db.Error == nil {
		_ = db.AddError(err)
	}
}

// single reports whether nothing else can be sent in the statement's default transaction: no hooks, no associations.
func single(stmt *gorm.Statement, s *schema.Schema) bool {
	hooks := s.BeforeCreate || s.AfterCreate || s.BeforeUpdate || s.AfterUpdate || s.BeforeDelete || s.AfterDelete ||
		s.BeforeSave || s.AfterSave
	return (!hooks || stmt.SkipHooks) && len(s.Relationships.Relations) == 0
}

// warm reads what the catalogue says of the statement's table before its transaction begins: read inside, it would fix
// the transaction's snapshot too early, and on SQLite take a lock.
func (p *Plugin) warm(db *gorm.DB) {
	m := p.modelOfStatement(db)
	if t, foreign := txOf(db.Statement.ConnPool); m == nil || t != nil || foreign || db.SkipDefaultTransaction {
		return
	}
	_, _ = p.relation(db.Statement.Context, db.Statement.ConnPool, tableName(m.schema.Table)) // an error comes again where it counts
}

// mayWait reports whether the statement may be acknowledged without the database: one of a write-back model, without
// associations to save and without hooks that could still fail it after the acknowledgement.
func (p *Plugin) mayWait(db *gorm.DB, m *model, op operation) bool {
	stmt := db.Statement
	if m == nil || m.err != nil || m.policy.Strategy != policy.WriteBack {
		return false
	}
	s := m.schema
	if !stmt.SkipHooks {
		switch op {
		case opCreate:
			if s.AfterCreate || s.AfterSave {
				return false
			}
		case opUpdate:
			if s.AfterUpdate || s.AfterSave {
				return false
			}
		default:
			if s.AfterDelete {
				return false
			}
		}
	}
	if op == opDelete {
		return len(stmt.Selects) == 0
	}
	return !savesAssociations(stmt.ReflectValue, s, stmt)
}

// savesAssociations reports whether the destination carries values of relations.
func savesAssociations(v reflect.Value, s *schema.Schema, stmt *gorm.Statement) bool {
	if len(s.Relationships.Relations) == 0 {
		return false
	}
	switch v.Kind() {
	case reflect.Struct:
		if v.Type() != s.ModelType {
			return true
		}
		for _, rel := range s.Relationships.Relations {
			if _, zero := rel.Field.ValueOf(stmt.Context, v); !zero {
				return true
			}
		}
		return false
	case reflect.Slice, reflect.Array:
		for i := range v.Len() {
			if savesAssociations(reflect.Indirect(v.Index(i)), s, stmt) {
				return true
			}
		}
		return false
	default:
		return true
	}
}

// begin begins the transaction if it has not begun.
func (l *lazyTx) begin() error {
	if l.inner != nil {
		return nil
	}
	_, _ = l.plugin.relation(l.ctx, l.pool, tableName(l.model.schema.Table)) // as warm does
	return l.plugin.writeback.beginHolding(l.ctx, l.model, func() (gorm.ConnPool, error) {
		c, err := l.beginner.BeginTx(l.ctx, nil)
		if err != nil {
			return nil, err
		}
		inner, ok := c.(gorm.Tx)
		if !ok {
			return nil, gorm.ErrInvalidTransaction
		}
		l.inner = inner
		return c, nil
	})
}

// Commit commits what has begun.
func (l *lazyTx) Commit() error {
	if l.inner == nil {
		return nil
	}
	return l.inner.Commit()
}

// Rollback rolls back what has begun. An acknowledged change is not taken back: GORM rolls back only after an error, and
// a statement that failed acknowledged nothing.
func (l *lazyTx) Rollback() error {
	if l.inner == nil {
		return nil
	}
	return l.inner.Rollback()
}

// GetDBConn lets db.DB() find the *sql.DB in a hook.
func (l *lazyTx) GetDBConn() (*sql.DB, error) {
	if c, ok := l.beginner.(gorm.GetDBConnector); ok {
		return c.GetDBConn()
	}
	return nil, gorm.ErrInvalidDB
}

func (l *lazyTx) StmtContext(ctx context.Context, stmt *sql.Stmt) *sql.Stmt {
	if l.begin() != nil {
		return stmt
	}
	return l.inner.StmtContext(ctx, stmt)
}

func (l *lazyTx) PrepareContext(ctx context.Context, query string) (*sql.Stmt, error) {
	if err := l.begin(); err != nil {
		return nil, err
	}
	return l.inner.PrepareContext(ctx, query)
}

func (l *lazyTx) ExecContext(ctx context.Context, query string, args ...any) (sql.Result, error) {
	if err := l.begin(); err != nil {
		return nil, err
	}
	return l.inner.ExecContext(ctx, query, args...)
}

func (l *lazyTx) QueryContext(ctx context.Context, query string, args ...any) (*sql.Rows, error) {
	if err := l.begin(); err != nil {
		return nil, err
	}
	return l.inner.QueryContext(ctx, query, args...)
}

func (l *lazyTx) QueryRowContext(ctx context.Context, query string, args ...any) *sql.Row {
	if err := l.begin(); err != nil {
		return l.plugin.replayer.Row(context.WithoutCancel(ctx), nil, err)
	}
	return l.inner.QueryRowContext(ctx, query, args...)
}
