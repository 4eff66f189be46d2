package cacheplugin

import (
	"context"
	"database/sql"
	"errors"

	"gorm.io/gorm"

	"github.com/cachewright/cachewright/coherence"
	"github.com/cachewright/cachewright/internal/sqltext"
	"github.com/cachewright/cachewright/internal/switches"
)

// operation is the GORM call a statement comes from.
type operation uint8

const (
	opRaw operation = iota // SQL the application wrote
	opCreate
	opUpdate
	opDelete
)

// statement stands in for the connection pool while GORM runs one statement that may write. It sees the final SQL and
// its arguments, lets the database return what the cache needs to know, and gives GORM exactly the answer it would have
// had: the caller's structs end as plain GORM would have left them.
type statement struct {
	plugin *Plugin
	inner  gorm.ConnPool
	op     operation
	db     *gorm.DB // nil for raw SQL outside GORM's callbacks
	model  *model   // nil for raw SQL
	ends   bool     // its text may end the transaction it is in
}

var _ gorm.ConnPool = (*statement)(nil)

func (p *Plugin) rawStatement(_ context.Context, inner gorm.ConnPool) *statement {
	return &statement{plugin: p, inner: inner, op: opRaw}
}

func (s *statement) PrepareContext(ctx context.Context, query string) (*sql.Stmt, error) {
	return s.inner.PrepareContext(ctx, query)
}

func (s *statement) ExecContext(ctx context.Context, query string, args ...any) (sql.Result, error) {
	if s.plugin.closed.Load() { // nobody here reads what this would write
		after, err := s.tellClosed(ctx, query)
		if err != nil {
			return nil, err
		}
		defer after()
		return underlying(s.inner).ExecContext(ctx, query, args...)
	}
	s.plugin.noteWrite(ctx)
	if s.op == opRaw {
		return s.execRaw(ctx, query, args)
	}
	return s.execModel(ctx, query, args)
}

func (s *statement) QueryContext(ctx context.Context, query string, args ...any) (*sql.Rows, error) {
	if s.plugin.closed.Load() {
		after, err := s.tellClosed(ctx, query)
		if err != nil {
			return nil, err
		}
		defer after()
		return underlying(s.inner).QueryContext(ctx, query, args...)
	}
	if s.op == opRaw {
		return s.queryRaw(ctx, query, args)
	}
	s.plugin.noteWrite(ctx)
	return s.queryModel(ctx, query, args)
}

func (s *statement) QueryRowContext(ctx context.Context, query string, args ...any) *sql.Row {
	if s.plugin.closed.Load() {
		return underlying(s.inner).QueryRowContext(ctx, query, args...)
	}
	return s.rowRaw(ctx, query, args)
}

// noteWrite tells the page being made, if there is one, that its handler writes.
func (p *Plugin) noteWrite(ctx context.Context) {
	if d := p.engine.Deps(ctx); d != nil {
		d.Refuse(coherence.ReasonWrote)
		return
	}
	p.engine.StrayWrite()
}

// run runs f where the statement belongs and sees that its effects are announced before they can be visible and
// published when they are. tags is what is known before the statement runs; f adds the rest to the effects it is given.
// own says that f reads rows back, for which a statement outside a transaction needs one of its own.
func (s *statement) run(ctx context.Context, tags []coherence.Tag, own bool, f func(gorm.ConnPool, *effects) error) error {
	t, foreign := txOf(s.inner)
	switch {
	case t != nil:
		return s.runInside(ctx, t, tags, f)
	case foreign:
		return s.runForeign(ctx, tags, f)
	case own:
		return s.runOwn(ctx, tags, f)
	default:
		return s.runAlone(ctx, tags, f)
	}
}

// runInside collects the effects in the transaction.
func (s *statement) runInside(ctx context.Context, t *tx, tags []coherence.Tag, f func(gorm.ConnPool, *effects) error) error {
	t.effects.touch(tags...)
	t.wrote = true
	if s.ends || t.loose {
		return s.runLoose(ctx, t, f)
	}
	err := f(underlying(s.inner), &t.effects)
	t.watch(err)
	if err == nil && !switches.On(switches.EffectsAtCommit) {
		tags := t.effects.tags
		t.effects = effects{}
		return s.plugin.engine.Invalidate(ctx, tags...)
	}
	return err
}

// runLoose runs a statement that may end the transaction it is in, or one in a transaction that may have ended: all that
// the transaction did may be visible as soon as it is sent. What is announced here is announced at COMMIT once more.
func (s *statement) runLoose(ctx context.Context, t *tx, f func(gorm.ConnPool, *effects) error) error {
	p := s.plugin
	w, err := p.engine.Begin(ctx, t.effects.tags...)
	if err != nil {
		return err
	}
	t.loose = true
	known := false
	defer func() {
		if !known {
			p.settle(w, doubtStatement)
		}
	}()
	err = f(underlying(s.inner), &t.effects)
	known = true
	t.effects.dropAll()
	if p.outcome(err) == unknown {
		p.settle(w, doubtStatement)
	} else {
		w.Settle()
	}
	return err
}

// runForeign runs in a transaction whose end is not seen: the writers stay until it must have ended.
func (s *statement) runForeign(ctx context.Context, tags []coherence.Tag, f func(gorm.ConnPool, *effects) error) error {
	p := s.plugin
	w, err := p.engine.Begin(ctx, tags...)
	if err != nil {
		return err
	}
	defer p.settle(w, doubtOpen)
	var found effects
	err = f(s.inner, &found)
	if found.empty() {
		return err
	}
	// What the statement told of its rows is announced before anybody can commit it.
	more, beginErr := p.engine.Begin(context.WithoutCancel(ctx), found.tags...)
	if beginErr == nil {
		p.settle(more, doubtOpen)
	}
	return err
}

// runOwn gives the statement a transaction of its own, as GORM's default transaction would.
func (s *statement) runOwn(ctx context.Context, tags []coherence.Tag, f func(gorm.ConnPool, *effects) error) error {
	beginner, ok := s.inner.(gorm.ConnPoolBeginner)
	if !ok {
		return gorm.ErrInvalidTransaction
	}
	c, err := beginner.BeginTx(quiet(ctx), nil)
	if err != nil {
		return err
	}
	t, _ := txOf(c)
	if t == nil {
		return gorm.ErrInvalidTransaction
	}
	done := false
	defer func() {
		if !done {
			_ = t.Rollback() // f failed or panicked; its own error is the one that counts
		}
	}()
	t.effects.touch(tags...)
	if err := f(underlying(c), &t.effects); err != nil {
		return err
	}
	done = true
	return t.Commit()
}

// runAlone runs a statement that commits by itself: announced after a connection was got and before it is sent.
func (s *statement) runAlone(ctx context.Context, tags []coherence.Tag, f func(gorm.ConnPool, *effects) error) error {
	p := s.plugin
	c := underlying(s.inner)
	if done, err := s.runCarried(ctx, tags, f); done {
		return err
	}
	if db, ok := c.(*sql.DB); ok {
		conn, err := db.Conn(ctx)
		if err != nil {
			return err
		}
		defer func() { _ = conn.Close() }() // gives the connection back; the statement's outcome is known
		c = conn
	}
	if !switches.On(switches.BeginFirst) {
		err := f(c, &effects{})
		return errors.Join(err, p.engine.Invalidate(ctx, tags...))
	}
	w, err := p.engine.Begin(ctx, tags...)
	if err != nil {
		return err
	}
	known := false
	defer func() {
		if !known {
			p.settle(w, doubtStatement)
		}
	}()
	err = f(c, &effects{})
	known = true
	switch p.outcome(err) {
	case committed:
		w.Publish(ctx)
	case rolledBack:
		if p.dialect == sqltext.MySQL {
			w.Settle() // of several statements, or of a procedure, a part may have happened
		} else {
			w.Release()
		}
	default:
		p.settle(w, doubtStatement)
	}
	return err
}
