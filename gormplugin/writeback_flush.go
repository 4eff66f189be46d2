package cacheplugin

import (
	"context"
	"database/sql"
	"errors"
	"fmt"

	"github.com/cachewright/cachewright/coherence"
	"github.com/cachewright/cachewright/internal/sqltext"
	core "github.com/cachewright/cachewright/internal/writeback"
)

// flush is one transaction of a flusher.
type flush struct {
	plugin *Plugin
	mark   *watermark
	number uint64
	// work sends the statements, tags are all that they write.
	work func(ctx context.Context, tx *sql.Tx) error
	tags func() []coherence.Tag
	// then, if set, is called when the transaction is committed, before that is published.
	then func()
}

// run ends with nil when the transaction is committed and published, and with an error when it is surely rolled back. Only
// the end of the context, after a COMMIT without an answer, leaves that open: then nothing is sent again.
func (f *flush) run(ctx context.Context) error {
	p := f.plugin
	if err := f.mark.prepare(ctx); err != nil {
		return err
	}
	conn, err := p.root.Conn(ctx)
	if err != nil {
		return fmt.Errorf("beginning a flush: %w", err)
	}
	defer func() { _ = conn.Close() }() // gives it back; a broken one is dropped
	tx, err := conn.BeginTx(ctx, nil)
	if err != nil {
		return fmt.Errorf("beginning a flush: %w", err)
	}
	done := false
	defer func() {
		if !done {
			_ = tx.Rollback() // the error that led here is the one to report
		}
	}()
	if err := f.mark.move(ctx, tx, f.number); err != nil {
		return err
	}
	if err := f.work(ctx, tx); err != nil {
		return classify(err)
	}
	tags := f.tags()
	if p.outbox != nil {
		if _, err := carry(ctx, p.outbox, tx, tags); err != nil {
			return err
		}
	}
	w, err := p.engine.Begin(ctx, tags...)
	if err != nil {
		return err
	}
	if p.outbox != nil {
		w.Carry()
	}
	decided := false
	defer func() {
		if !decided {
			p.settle(w, doubtCommit)
		}
	}()
	err = tx.Commit()
	done = true
	happened, err := f.outcome(ctx, conn, err)
	if errors.Is(err, errUndecided) {
		return err
	}
	decided = true
	if !happened {
		w.Release()
		return err
	}
	f.mark.moved(f.number)
	if f.then != nil {
		f.then()
	}
	w.Settle()
	if p.outbox != nil {
		p.outbox.Committed()
	}
	return nil
}

// errUndecided says that nobody knows how a transaction ended.
var errUndecided = fmt.Errorf("the flusher ended before it knew how its last transaction did: %w", core.ErrUndecided)

// outcome tells how COMMIT ended, which returned the error.
func (f *flush) outcome(ctx context.Context, conn *sql.Conn, err error) (happened bool, _ error) {
	p := f.plugin
	if err != nil && p.dialect == sqltext.SQLite {
		_, _ = conn.ExecContext(ctx, "ROLLBACK") // SQLite leaves a transaction open whose COMMIT failed; else it is an error
	}
	switch p.outcome(err) {
	case committed:
		return true, nil
	case rolledBack:
		return false, classify(err)
	}
	happened, asked := f.mark.reached(ctx, f.number)
	if asked != nil {
		return false, fmt.Errorf("%w: %w", errUndecided, errors.Join(err, asked))
	}
	return happened, err
}
