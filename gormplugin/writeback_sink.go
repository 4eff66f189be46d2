package cacheplugin

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/cachewright/cachewright/coherence"
	"github.com/cachewright/cachewright/internal/sqltext"
	core "github.com/cachewright/cachewright/internal/writeback"
)

// sink writes batches of the dirty tables to the database.
type sink struct{ writeback *writeback }

var _ core.Sink = (*sink)(nil)

// lockTimeout is how long a flush waits for a lock of somebody else's transaction before it gives its rows back.
const lockTimeout = "2s"

// Write writes a batch in one transaction, announced before COMMIT and published after it.
func (s *sink) Write(ctx context.Context, b core.Batch) error {
	t, p := s.writeback.tableOf(b.Table), s.writeback.plugin
	if t == nil {
		return fmt.Errorf("writing a batch: there is no table %s", b.Table)
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
	number := ""
	if p.dialect == sqltext.Postgres {
		const open = "SELECT txid_current()::text FROM set_config('lock_timeout', '" + lockTimeout + "', true)"
		if err := tx.QueryRowContext(ctx, open).Scan(&number); err != nil {
			return fmt.Errorf("numbering a flush: %w", err)
		}
	}
	if err := t.sendAll(ctx, tx, b.Writes); err != nil {
		return classify(err)
	}
	w, err := p.engine.Begin(ctx, t.tagsOf(b.Writes)...)
	if err != nil {
		return err
	}
	decided := false
	defer func() {
		if !decided {
			p.settle(w, doubtCommit)
		}
	}()
	err = tx.Commit()
	done = true
	happened := err == nil
	if err != nil && p.dialect == sqltext.SQLite {
		_, _ = conn.ExecContext(ctx, "ROLLBACK") // SQLite leaves a transaction open whose COMMIT failed; else it is an error
	}
	switch p.outcome(err) {
	case rolledBack:
		err = classify(err)
	case unknown:
		var asked error
		if happened, asked = s.ask(ctx, number); asked != nil {
			return errors.Join(err, asked) // the end of the buffer: nothing is sent again
		}
	}
	decided = true
	if !happened {
		w.Release()
		return err
	}
	w.Settle()
	return nil
}

// ask finds out how a COMMIT without an answer ended. It does not give up before its context: until the outcome is known
// the batch may be neither dropped nor sent again.
func (s *sink) ask(ctx context.Context, number string) (happened bool, err error) {
	p := s.writeback.plugin
	if number == "" {
		return false, nil // SQLite in this process: a COMMIT that failed has not happened
	}
	for wait := 5 * time.Millisecond; ; wait = min(2*wait, time.Second) {
		var status sql.NullString
		err := p.root.QueryRowContext(ctx, "SELECT txid_status($1::text::bigint)", number).Scan(&status)
		if err == nil && status.String != "in progress" {
			return status.String == "committed", nil
		}
		timer := time.NewTimer(wait)
		select {
		case <-ctx.Done():
			timer.Stop()
			return false, ctx.Err()
		case <-timer.C:
		}
	}
}

// tableOf finds a dirty table by the name the buffer has for it.
func (w *writeback) tableOf(name string) *dirtyTable {
	name, _, _ = strings.Cut(name, "#")
	return w.list()[sqltext.Folded(name)]
}

// tagsOf are the tags of the rows of a batch.
func (t *dirtyTable) tagsOf(writes []core.Write) []coherence.Tag {
	tags := make([]coherence.Tag, 0, len(writes))
	for i := range writes {
		tags = append(tags, t.tagOf(&writes[i]))
	}
	return tags
}

func (t *dirtyTable) tagOf(w *core.Write) coherence.Tag {
	parts := make([]string, len(t.keyAt))
	for i, at := range t.keyAt {
		var ok bool
		if parts[i], ok = canonicalKey(t.classes[i], w.Values[at]); !ok {
			return t.model.table
		}
	}
	return t.tag(parts)
}

// classify marks what trying again cannot mend: data, integrity and most statement errors of PostgreSQL, constraints and
// types of SQLite. That a table or a column is missing, or a privilege, is no fault of the row: it is tried again.
func classify(err error) error {
	var state interface{ SQLState() string }
	if errors.As(err, &state) && len(state.SQLState()) == 5 {
		switch code := state.SQLState(); code[:2] {
		case "22", "23", "44", "P0":
			return core.Poison(err)
		case "42":
			if code != "42501" && code != "42P01" && code != "42703" {
				return core.Poison(err)
			}
		}
		return err
	}
	var code interface{ Code() int }
	if errors.As(err, &code) {
		const primary = 0xff
		switch code.Code() & primary {
		case 18, 19, 20: // too big, constraint, mismatch
			return core.Poison(err)
		case 1: // an error in the statement
			if !strings.Contains(err.Error(), "no such") && !strings.Contains(err.Error(), "has no column") {
				return core.Poison(err)
			}
		}
		return err
	}
	if errors.Is(err, errNoRow) {
		return core.Poison(err)
	}
	return err
}
