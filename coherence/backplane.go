package coherence

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"time"

	"github.com/cachewright/cachewright/internal/switches"
)

// Backplane tells the engines of one database, in different processes, of each other's writes. It belongs to one engine, whose
// Start begins to run it and whose Close ends that.
//
// A backplane may be late and may tell a thing twice or in any order. What it must not do is renew the lease of an engine
// that it has not told everything: see [Inbox.CaughtUp].
type Backplane interface {
	// Run tells the inbox of the writes of others until ctx ends, through errors and lost connections. It begins with
	// [Inbox.Drop], for it cannot know what the engine missed before.
	Run(ctx context.Context, in *Inbox)

	// Publish tells the others of writes that everybody can see already. It returns nil once that cannot be lost any more; after
	// an error it is called again with the same tags, and more. It is called on one goroutine at a time.
	Publish(ctx context.Context, tags []Tag) error
}

// Outbox is a Backplane in the database itself: what a transaction writes is told in the transaction, so that it is told if and
// only if the transaction commits.
type Outbox interface {
	Backplane

	// Statement is what a transaction sends, with any tags, before it commits. It returns one row of one text column, the
	// number by which the database knows the transaction. It waits for no other transaction.
	Statement(tags []Tag) (query string, args []any)

	// Committed is called, often and by any goroutine, when a transaction that had sent such a statement has committed: the
	// others are to be woken soon. It does not wait.
	Committed()
}

// Inbox is where a backplane puts what it hears. Its methods may be called by any goroutine.
type Inbox struct {
	engine *Engine
	lease  *lease
}

// Apply moves the versions of what others wrote. The numbers of columns mean nothing between processes: rows are plain rows,
// which move the queries of all values.
func (in *Inbox) Apply(tags ...Tag) {
	e := in.engine
	e.counters.received.Add(uint64(len(tags)))
	e.move(known(tags))
}

// ApplyEncoded is Apply for tags in the form of [AppendTags]. What it cannot read counts as a write of everything: it may come
// from a newer release.
func (in *Inbox) ApplyEncoded(b []byte) {
	tags, err := ParseTags(b)
	if err != nil {
		in.engine.Logger().Warn("cachewright: a write of another process cannot be read; the cache is dropped", "error", err)
		tags = []Tag{Everything()}
	}
	in.Apply(tags...)
}

// Drop makes every entry stale, for a reason that is logged: writes may have been missed.
func (in *Inbox) Drop(reason string) {
	e := in.engine
	e.counters.dropped.Add(1)
	e.Logger().Info("cachewright: the cache is dropped", "reason", reason)
	e.move([]Tag{Everything()})
}

// CaughtUp renews the lease: every write that anybody could see at asOf has been applied. asOf comes from time.Now and was taken
// before the backplane was asked what there is.
func (in *Inbox) CaughtUp(asOf time.Time) { in.lease.renew(asOf) }

// Lease is how long the engine serves from its cache after the moment that CaughtUp last named. A backplane catches up at
// least four times as often.
func (in *Inbox) Lease() time.Duration { return in.lease.length }

// Logger is the engine's.
func (in *Inbox) Logger() *slog.Logger { return in.engine.Logger() }

// WithBackplane has the engine tell others of its writes, and hear of theirs. While it has not caught up for longer than the
// lease it serves nothing from its cache: reads go to the database, those of the same thing together and at most 32 at once.
// lease 0 means [DefaultLease]; the shortest is 100 ms.
func WithBackplane(b Backplane, lease time.Duration) Option {
	const shortest = 100 * time.Millisecond
	return func(s *settings) {
		if b == nil {
			s.errs = append(s.errs, errors.New("coherence: WithBackplane(nil): a backplane is needed"))
		}
		if lease == 0 {
			lease = DefaultLease
		}
		if lease < shortest {
			s.errs = append(s.errs, fmt.Errorf("coherence: WithBackplane: a lease of %v is too short: at least %v", lease, shortest))
		}
		s.backplane, s.lease = b, lease
	}
}

// connect begins to run the backplane. It is called by Start with mu held, before the engine is ready.
func (e *Engine) connect(b Backplane, length time.Duration) {
	l := newLease(length)
	e.lease.Store(l)
	e.outgoing.opened.Store(true)
	in := &Inbox{engine: e, lease: l}
	e.goLocked(func(ctx context.Context) { b.Run(ctx, in) })
	e.goLocked(func(ctx context.Context) { e.outgoing.run(ctx, e.Logger(), b) })
}

// move moves the versions that a write of the tags moves, and tells the listeners.
func (e *Engine) move(tags []Tag) {
	if switches.On(switches.PublishBump) {
		for _, t := range tags {
			t.writes(func(hash uint64) { e.words[e.words.of(hash)].Add(versionStep) })
		}
	}
	e.counters.publishes.Add(1)
	e.listeners.announce(tags)
}
