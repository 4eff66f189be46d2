package writeback

import (
	"cmp"
	"context"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/cachewright/cachewright/internal/journal"
)

// Options are the settings of a Buffer. The zero value is good.
type Options struct {
	// OnError is told of every dead letter, after its row has left the table. It is called by the goroutine of the
	// Buffer, which flushes nothing meanwhile; it must not wait for a flush. A panic in it is logged.
	OnError func(*FlushError)
	// Logger gets warnings of batches that were rolled back and of dead letters. Nothing is logged by default.
	Logger *slog.Logger
	// BackoffMin and BackoffMax bound the wait after a batch that was rolled back: a random time below BackoffMin
	// (default 50 ms), doubled with every failure in a row up to BackoffMax (default 5 s).
	BackoffMin, BackoffMax time.Duration
	// Journal keeps the changes of tables that are Journaled until they are flushed. The Buffer does not close it.
	Journal *journal.Journal
	// Number is that of the batch before the first, Committed that of the last one of the Journal that was committed.
	Number, Committed uint64
}

// Buffer holds the pending rows of one database and flushes them. All methods may be called from any goroutine.
type Buffer struct {
	sink Sink
	opts Options
	// random is a duration between 0 and below its argument. It is a field for the sake of tests.
	random func(time.Duration) time.Duration

	// seq is the number of the newest change. It is raised only with the lock of the table that takes the change.
	seq atomic.Uint64
	// batches is the number of the last batch, turns counts refusals in doubt, rescued the suspects that were written
	// after all. Only the flusher uses them.
	batches, turns, rescued uint64
	// committed is the number of the last batch of a journaled table that was committed. Only the flusher uses it.
	committed uint64
	// cancels is the place of the newest record in the journal of changes that cancelled out; 0 if it is sure.
	cancels atomic.Uint64
	// released is up to where the journal may forget.
	released atomic.Uint64

	// wake, of capacity 1, tells the flusher to look again.
	wake chan struct{}
	// closing is closed when Close begins, done when the flusher has ended.
	closing, done chan struct{}
	// ctx is what the sink's calls run under; stop ends it.
	ctx  context.Context //nolint:containedctx // the life of the flusher, which no call owns
	stop context.CancelFunc

	mu sync.Mutex
	// tables are in the order of their ranks. The slice is replaced, never changed.
	tables []*Table
	// started says that the flusher runs; closed that Close was called.
	started, closed bool

	once sync.Once
	left error // of Close, set within once

	// gateMu guards the waits, open and unsettled fields of every Holder.
	gateMu sync.Mutex
}

// New makes a Buffer that writes to sink. It starts a goroutine with its first table, which Close ends.
func New(sink Sink, opts Options) *Buffer {
	if opts.Logger == nil {
		opts.Logger = slog.New(slog.DiscardHandler)
	}
	if opts.BackoffMin <= 0 {
		opts.BackoffMin = 50 * time.Millisecond
	}
	if opts.BackoffMax <= 0 {
		opts.BackoffMax = 5 * time.Second
	}
	ctx, stop := context.WithCancel(context.Background())
	return &Buffer{
		sink: sink, opts: opts, random: rand.N[time.Duration], ctx: ctx, stop: stop,
		batches: opts.Number, committed: opts.Committed,
		wake: make(chan struct{}, 1), closing: make(chan struct{}), done: make(chan struct{}),
	}
}

// Table adds a table. A bad configuration and a name twice are errors, and so is a Buffer that is closed.
func (b *Buffer) Table(cfg TableConfig) (*Table, error) {
	cfg, err := cfg.complete()
	if err != nil {
		return nil, fmt.Errorf("add write-back table %q: %w", cfg.Name, err)
	}
	if cfg.Journaled && (b.opts.Journal == nil || len(cfg.KeyAt) == 0) {
		return nil, fmt.Errorf("add write-back table %q: a journaled one needs a journal and its key columns", cfg.Name)
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.closed {
		return nil, fmt.Errorf("add write-back table %q: %w", cfg.Name, ErrClosed)
	}
	if slices.ContainsFunc(b.tables, func(t *Table) bool { return t.cfg.Name == cfg.Name }) {
		return nil, fmt.Errorf("add write-back table %q: there is one of that name", cfg.Name)
	}
	t := &Table{buffer: b, cfg: cfg, rows: make(map[string]*row), gates: make(map[string]*gate)}
	tables := append(slices.Clone(b.tables), t)
	slices.SortStableFunc(tables, func(a, b *Table) int { return cmp.Compare(a.cfg.Rank, b.cfg.Rank) })
	b.tables = tables
	if !b.started {
		b.started = true
		go b.run()
	}
	return t, nil
}

// list is the tables of now.
func (b *Buffer) list() []*Table {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.tables
}

// poke makes the flusher look again.
func (b *Buffer) poke() {
	select {
	case b.wake <- struct{}{}:
	default:
	}
}
