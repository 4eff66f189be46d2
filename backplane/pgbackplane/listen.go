package pgbackplane

import (
	"context"
	"fmt"
	"time"

	"github.com/cachewright/cachewright/coherence"
)

// channel is what processes wake each other on. PostgreSQL keeps the channels of databases apart.
const channel = "cachewright_outbox"

// quiet is how long a listener hears nothing before it asks whether its connection still lives.
const quiet = 20 * time.Second

// listen has the follower look at the outbox when another process wakes it. Without it nothing is lost but time.
func (b *Backplane) listen(ctx context.Context, in *coherence.Inbox) {
	for failed := 0; ctx.Err() == nil; {
		heard, err := b.hear(ctx)
		if ctx.Err() != nil {
			return
		}
		if heard {
			failed = 0
		}
		failed++
		in.Logger().Warn("cachewright: the backplane does not hear wake-ups; it looks by itself", "error", err)
		backoff(ctx, failed)
	}
}

// hear listens over one connection until that breaks. It reports whether it came to listen.
func (b *Backplane) hear(ctx context.Context) (listening bool, err error) {
	const patience = 10 * time.Second
	dialing, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	conn, err := b.connect(dialing, b.settings.listen)
	if err != nil {
		return false, err
	}
	defer closeConn(conn)
	if _, err := conn.Exec(dialing, "LISTEN "+channel); err != nil {
		return false, fmt.Errorf("listening: %w", err)
	}
	signal(b.wake) // for what came before
	for {
		waiting, done := context.WithTimeout(ctx, quiet)
		n, err := conn.WaitForNotification(waiting)
		silent := waiting.Err() != nil
		done()
		switch {
		case ctx.Err() != nil:
			return true, ctx.Err()
		case err == nil && n.Payload != b.origin:
			signal(b.wake)
		case err == nil: // our own
		case silent:
			asking, done := context.WithTimeout(ctx, patience)
			err := conn.Ping(asking)
			done()
			if err != nil {
				return true, fmt.Errorf("listening: %w", err)
			}
		default:
			return true, fmt.Errorf("listening: %w", err)
		}
	}
}
