package pgbackplane

import (
	"context"
	"fmt"
	"math/rand/v2"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/cachewright/cachewright/coherence"
)

const (
	// notifyEvery is the shortest time between two wake-ups that a process sends, scanEvery between two looks at the outbox.
	notifyEvery = 10 * time.Millisecond
	scanEvery   = 2 * time.Millisecond

	firstBackoff = 20 * time.Millisecond
	lastBackoff  = 2 * time.Second
)

// follower is what the goroutine that follows the outbox knows.
type follower struct {
	*Backplane
	in       *coherence.Inbox
	identity identity  // of the history that applied belongs to; zero before the first look
	scanned  time.Time // when the last look began
	notified time.Time // when the last wake-up was sent
	owed     bool      // others are to be woken, and have not been
	trimmer  trimmer
}

// follow looks at the outbox until ctx ends, over as many connections as it takes.
func (b *Backplane) follow(ctx context.Context, in *coherence.Inbox) {
	f := &follower{Backplane: b, in: in, trimmer: trimmer{retention: b.settings.retention}}
	for failed := 0; ctx.Err() == nil; {
		healthy, err := f.session(ctx)
		if ctx.Err() != nil {
			return
		}
		if healthy {
			failed = 0
		}
		failed++
		in.Logger().Warn("cachewright: the backplane is cut off; after its lease the cache serves nothing", "error", err)
		backoff(ctx, failed)
	}
}

// session follows the outbox over one connection until that breaks. It reports whether there was a good look.
func (f *follower) session(ctx context.Context) (healthy bool, err error) {
	lease := f.in.Lease()
	dialing, cancel := context.WithTimeout(ctx, max(lease, time.Second))
	conn, err := f.connect(dialing, f.settings.dsn)
	cancel()
	if err != nil {
		return false, err
	}
	defer closeConn(conn)
	timer := time.NewTimer(0)
	defer timer.Stop()
	for {
		if err := f.look(ctx, conn); err != nil {
			return healthy, err
		}
		healthy = true
		for due := false; !due; {
			if err := f.notify(ctx, conn); err != nil {
				return healthy, err
			}
			// A quarter of the lease from the beginning of one look to that of the next, with time for the look itself.
			wait := time.Until(f.scanned.Add(lease / 5))
			if f.owed {
				wait = min(wait, time.Until(f.notified.Add(notifyEvery)))
			}
			timer.Reset(max(wait, 0))
			select {
			case <-ctx.Done():
				return healthy, ctx.Err()
			case <-f.nudge:
				f.owed = true
			case <-f.wake:
				due = true
			case <-timer.C:
				due = time.Since(f.scanned) >= lease/5
			}
		}
		if rest := time.Until(f.scanned.Add(scanEvery)); rest > 0 {
			timer.Reset(rest)
			select {
			case <-ctx.Done():
				return healthy, ctx.Err()
			case <-timer.C:
			}
		}
	}
}

// look applies what is new, and trims when it is time.
func (f *follower) look(ctx context.Context, conn *pgx.Conn) error {
	ctx, cancel := context.WithTimeout(ctx, max(f.in.Lease(), time.Second))
	defer cancel()
	f.scanned = time.Now()
	if err := f.scan(ctx, conn); err != nil {
		return err
	}
	f.in.CaughtUp(f.scanned)
	if sample, due := f.trimmer.sample(time.Now(), *f.applied.Load()); due {
		if err := f.trim(ctx, conn, sample); err != nil {
			return fmt.Errorf("trimming the outbox: %w", err)
		}
	}
	return nil
}

// notify wakes others, if that is owed and not too soon.
func (f *follower) notify(ctx context.Context, conn *pgx.Conn) error {
	if !f.owed || time.Since(f.notified) < notifyEvery {
		return nil
	}
	ctx, cancel := context.WithTimeout(ctx, max(f.in.Lease(), time.Second))
	defer cancel()
	// It needs no flush of the log: a wake-up that is lost with the server is not missed.
	_, err := conn.Exec(ctx, "SELECT set_config('synchronous_commit', 'off', true), pg_notify($1, $2)", channel, f.origin)
	if err != nil {
		return fmt.Errorf("waking others: %w", err)
	}
	f.owed, f.notified = false, time.Now()
	return nil
}

// backoff waits before the next connection: longer after each, and no two processes alike.
func backoff(ctx context.Context, failed int) {
	longest := min(firstBackoff<<min(failed, 10), lastBackoff)
	t := time.NewTimer(longest/2 + rand.N(longest/2)) //nolint:gosec // spreads retries, guards nothing
	defer t.Stop()
	select {
	case <-t.C:
	case <-ctx.Done():
	}
}
