package cacheplugin

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"runtime"

	"gorm.io/gorm"

	"github.com/cachewright/cachewright/coherence"
	"github.com/cachewright/cachewright/internal/sqltext"
	"github.com/cachewright/cachewright/internal/switches"
	core "github.com/cachewright/cachewright/internal/writeback"
)

// tx is a transaction whose effects are collected while it runs, announced just before COMMIT, published after it and
// dropped on ROLLBACK. Like the *sql.Tx in it, it is used by one goroutine at a time.
type tx struct {
	plugin  *Plugin
	pool    *pool // where it began
	inner   gorm.Tx
	ctx     context.Context //nolint:containedctx // the context of BEGIN bounds COMMIT, as in database/sql
	effects effects
	atEnd   []func() // run once, when the transaction has ended in whatever way
	wrote   bool     // a statement that writes was sent
	loose   bool     // it may have ended on the server already: what is sent in it may commit by itself

	holder    *core.Holder    // of write-back rows, until the end; nil while it holds none
	abandoned runtime.Cleanup // of the holder's gates, if the transaction is never ended
	ended     bool

	passes  bool   // it may have written where there was no gate yet
	passage uint64 // then, where it is counted
}

var (
	_ gorm.Tx             = (*tx)(nil)
	_ gorm.GetDBConnector = (*tx)(nil)
)

// Commit announces what the transaction changed, proves that the cache can take what write-through promised, commits,
// and publishes. A COMMIT without the server's answer leaves the writers in place until its outcome is settled.
func (t *tx) Commit() error {
	defer t.end()
	if t.ended || t.effects.empty() {
		return t.inner.Commit()
	}
	if err := t.ctx.Err(); err != nil {
		_ = t.inner.Rollback() // the context's end rolls back anyway; its error is what the caller must see
		return err
	}
	p := t.plugin
	if !switches.On(switches.BeginFirst) {
		return t.commitThenPublish()
	}
	outbox := p.outboxOf(t.pool)
	if outbox != nil {
		if err := t.carry(outbox); err != nil {
			return err
		}
	}
	w, err := p.engine.Begin(t.ctx, t.effects.tags...)
	if err != nil {
		return errors.Join(err, t.inner.Rollback())
	}
	if outbox != nil {
		w.Carry()
	}
	sent, known := false, false // COMMIT; whether the end of w has been decided
	defer func() {
		switch {
		case known:
		case sent:
			p.settle(w, doubtCommit) // the driver panicked: nobody knows what the database did
		default:
			_ = t.inner.Rollback() // the store panicked; GORM does not roll back after a panic in Commit
			w.Release()
		}
	}()
	if err = t.reread(); err == nil {
		err = t.stage(w)
	}
	if err != nil {
		known = true
		w.Release()
		if back := t.inner.Rollback(); back != nil && !errors.Is(back, sql.ErrTxDone) {
			err = errors.Join(err, back)
		}
		return err
	}
	sent = true
	err = t.inner.Commit()
	known = true
	if t.effects.ddl {
		p.catalogue.forget() // what others read of the tables before the commit is not what stands now
	}
	switch p.outcome(err) {
	case committed:
		w.Publish(t.ctx)
		if outbox != nil {
			outbox.Committed()
		}
	case rolledBack:
		w.Release()
	default:
		if t.holder != nil && p.dialect == sqltext.Postgres {
			t.holder.Unsettled()
		}
		atEnd := t.takeEnd()
		if t.passes {
			t.passes, atEnd = false, append(atEnd, p.writeback.passages.leave[t.passage])
		}
		p.settle(w, doubtCommit, atEnd...)
	}
	return err
}

// carry has the transaction tell others of what it wrote. If it cannot, it is rolled back.
func (t *tx) carry(o coherence.Outbox) error {
	done := false
	defer func() {
		if !done {
			_ = t.inner.Rollback() // the error, or the panic, that led here is the one to report
		}
	}()
	_, err := carry(t.ctx, o, t.inner, t.effects.tags)
	done = err == nil
	return err
}

// commitThenPublish is what a cache without announced writers does; only a test asks for it.
func (t *tx) commitThenPublish() error {
	err := t.inner.Commit()
	if err == nil {
		_ = t.plugin.engine.Invalidate(t.ctx, t.effects.tags...)
	}
	return err
}

// stage puts the values of write-through rows into the store under stamps that never validate.
func (t *tx) stage(w *coherence.Write) error {
	for _, row := range t.effects.rows {
		for _, in := range row.installs {
			err := w.Stage(t.ctx, in)
			if err == nil {
				continue
			}
			if row.mustCache {
				t.plugin.stats.writesRefused.Add(1)
				return fmt.Errorf("%w: %w", ErrCacheUnavailable, err)
			}
			break
		}
	}
	return nil
}

// watch looks at the error of a statement in the transaction. After some errors MySQL has ended the transaction, a deadlock
// among them: what the application sends in it all the same commits by itself.
func (t *tx) watch(err error) {
	if e, ok := mysqlErrorOf(err); ok && !e.spared() {
		t.loose = true
		t.effects.dropAll()
	}
}

// Rollback drops all effects. GORM calls it again after a failed Commit.
func (t *tx) Rollback() error {
	defer t.end()
	if !switches.On(switches.RollbackDrops) && !t.ended {
		if w, err := t.plugin.engine.Begin(t.ctx, t.effects.tags...); err == nil {
			defer w.Publish(t.ctx)
			_ = errors.Join(t.reread(), t.stage(w))
		}
	}
	err := t.inner.Rollback()
	if t.effects.ddl {
		t.plugin.catalogue.forget() // what was read of tables inside is not what stands outside
	}
	return err
}

// end runs what waits for the transaction's end, once.
func (t *tx) end() {
	t.ended = true
	t.effects = effects{}
	for _, f := range t.takeEnd() {
		f()
	}
	if t.passes {
		t.passes = false
		t.plugin.writeback.passages.leave[t.passage]()
	}
}

// takeEnd takes over what waits for the end. After a COMMIT without an answer it waits for the outcome: gates stay closed
// while the database may still show what they guard.
func (t *tx) takeEnd() []func() {
	t.abandoned.Stop()
	run := t.atEnd
	t.atEnd = nil
	return run
}

// GetDBConn lets db.DB() find the *sql.DB inside a transaction.
func (t *tx) GetDBConn() (*sql.DB, error) { return t.pool.GetDBConn() }

func (t *tx) StmtContext(ctx context.Context, stmt *sql.Stmt) *sql.Stmt {
	return t.inner.StmtContext(ctx, stmt)
}

func (t *tx) PrepareContext(ctx context.Context, query string) (*sql.Stmt, error) {
	return t.inner.PrepareContext(ctx, query)
}

func (t *tx) ExecContext(ctx context.Context, query string, args ...any) (sql.Result, error) {
	return t.plugin.rawStatement(ctx, t).ExecContext(ctx, query, args...)
}

func (t *tx) QueryContext(ctx context.Context, query string, args ...any) (*sql.Rows, error) {
	return t.plugin.rawStatement(ctx, t).QueryContext(ctx, query, args...)
}

func (t *tx) QueryRowContext(ctx context.Context, query string, args ...any) *sql.Row {
	return t.plugin.rawStatement(ctx, t).QueryRowContext(ctx, query, args...)
}
