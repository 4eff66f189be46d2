package pgbackplane

import (
	"context"
	"fmt"
	"time"

	"github.com/jackc/pgx/v5"
)

// trimmer decides what may leave the outbox: what a snapshot saw that is as old as the retention. Not the age of a row counts but
// how long everybody could see it: a transaction may commit long after it wrote its row.
type trimmer struct {
	retention time.Duration
	samples   []sampled // the oldest first
}

type sampled struct {
	at       time.Time
	snapshot snapshot
}

// samplesKept is how many snapshots a retention is divided into.
const samplesKept = 8

// sample remembers a snapshot now and then, and returns one that is old enough.
func (t *trimmer) sample(now time.Time, s snapshot) (old snapshot, due bool) {
	if n := len(t.samples); n > 0 && now.Sub(t.samples[n-1].at) < t.retention/samplesKept {
		return snapshot{}, false
	}
	t.samples = append(t.samples, sampled{at: now, snapshot: s})
	if now.Sub(t.samples[0].at) < t.retention {
		return snapshot{}, false
	}
	old = t.samples[0].snapshot
	t.samples = t.samples[1:]
	return old, true
}

// forget drops the samples: they belong to another history.
func (t *trimmer) forget() { t.samples = nil }

// trimQuery deletes what the snapshot sees, and says so in the same step: a reader that has not seen all of it knows by that
// that it missed something. Of two processes that trim at once the one with the later snapshot wins.
const trimQuery = `
WITH moved AS (
	UPDATE %s SET trimmed = $1::text::pg_snapshot
	WHERE pg_snapshot_xmax(trimmed) < pg_snapshot_xmax($1::text::pg_snapshot) RETURNING 1)
DELETE FROM %s WHERE EXISTS (SELECT FROM moved) AND xid < $2::xid8 AND pg_visible_in_snapshot(xid, $1::text::pg_snapshot)`

func (f *follower) trim(ctx context.Context, conn *pgx.Conn, s snapshot) error {
	_, err := conn.Exec(ctx, fmt.Sprintf(trimQuery, f.state, f.outbox), s.String(), fmt.Sprint(s.next))
	return err
}
