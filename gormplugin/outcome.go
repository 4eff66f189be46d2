package cacheplugin

import (
	"context"
	"database/sql"
	"errors"
	"math/rand/v2"
	"strings"
	"time"

	"github.com/cachewright/cachewright/coherence"
	"github.com/cachewright/cachewright/internal/sqltext"
	"github.com/cachewright/cachewright/internal/switches"
)

// outcomeKind is what is known of a write after its COMMIT, or after a statement that commits by itself, returned.
type outcomeKind uint8

const (
	committed outcomeKind = iota
	rolledBack
	unknown // no answer of the server: it may become visible later
)

// outcomeGrace is the default of WithGrace.
const outcomeGrace = 60 * time.Second

// outcome reads the error of a COMMIT. Only the server's own word counts as an answer.
func (p *Plugin) outcome(err error) outcomeKind {
	if err == nil {
		return committed
	}
	if errors.Is(err, sql.ErrTxDone) {
		return rolledBack // ended before this call, whose effects were dealt with then
	}
	var state interface{ SQLState() string }
	if errors.As(err, &state) && answered(state.SQLState()) {
		return rolledBack
	}
	if e, ok := mysqlErrorOf(err); ok && e.undid() {
		return rolledBack
	}
	return unknown
}

// answered tells an error of the transaction from one of the connection: after the classes 08 (connection), 57P
// (operator intervention), 58 and XX (system, internal) nobody has said how COMMIT ended, nor after 40003
// (statement completion unknown).
func answered(state string) bool {
	return len(state) == 5 && state != "40003" &&
		!strings.HasPrefix(state, "08") && !strings.HasPrefix(state, "57P") &&
		!strings.HasPrefix(state, "58") && !strings.HasPrefix(state, "XX")
}

// doubt says what kind of write has no known outcome.
type doubt uint8

const (
	doubtCommit    doubt = iota // a COMMIT was sent: the transaction wrote, so it has its number
	doubtStatement              // a statement that commits by itself: the server may begin it yet
	doubtOpen                   // a statement in a transaction whose end the plugin does not see
)

// settle ends a write whose outcome is unknown once it can no longer change. Until then its readers go to the database.
// What is given to be run at the end is run when the write is settled, or when the engine closes.
func (p *Plugin) settle(w *coherence.Write, d doubt, atEnd ...func()) {
	p.stats.unknownOutcomes.Add(1)
	end := func() {
		for _, f := range atEnd {
			f()
		}
	}
	if p.dialect == sqltext.SQLite && d != doubtOpen || !switches.On(switches.UnknownStays) {
		w.Settle() // in-process: when COMMIT has returned, whatever happened has happened
		end()
		return
	}
	started := p.engine.Go(func(ctx context.Context) {
		defer end()
		if p.dialect == sqltext.Postgres && d != doubtStatement {
			if waitSnapshot(ctx, p.root) == nil {
				w.Settle()
			}
			return
		}
		t := time.NewTimer(p.settings.grace)
		defer t.Stop()
		select {
		case <-t.C:
			w.Settle()
		case <-ctx.Done():
		}
	})
	if !started {
		end()
	}
}

// waitSnapshot returns once every transaction that had a number when it was called has ended: the horizon is a new
// number, larger than theirs, and xmin has reached it. The xmax of a snapshot would not do: it is one past the last
// transaction that has *ended*, which may be the very one to wait for.
func waitSnapshot(ctx context.Context, db *sql.DB) error {
	var (
		horizon string
		err     error
	)
	for wait := 5 * time.Millisecond; ; wait = min(2*wait, time.Second) {
		reached := false
		if horizon == "" {
			err = db.QueryRowContext(ctx, "SELECT pg_current_xact_id()::text").Scan(&horizon)
		} else {
			err = db.QueryRowContext(ctx,
				"SELECT pg_snapshot_xmin(pg_current_snapshot())::text::numeric >= $1::text::numeric", horizon).Scan(&reached)
		}
		if err == nil && reached {
			return nil
		}
		t := time.NewTimer(wait/2 + rand.N(wait)) //nolint:gosec // spreads retries, guards nothing
		select {
		case <-ctx.Done():
			t.Stop()
			return ctx.Err()
		case <-t.C:
		}
	}
}
