package coherence

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"log/slog"
	"math"
	mrand "math/rand/v2"
	"sync"
	"sync/atomic"
	"time"

	"github.com/cachewright/cachewright/store"
	"github.com/cachewright/cachewright/store/bigcachestore"
)

// DefaultMemory is the bound on cached bytes when neither WithMemory nor WithStore says otherwise: 64 MiB, a quarter of
// it for pages.
const DefaultMemory = 64 << 20

// ErrClosed is what calls on a closed engine return.
var ErrClosed = errors.New("coherence: engine is closed")

// Engine holds the versions of everything cached entries stand on and the stores the entries lie in. One engine serves
// one database, any number of pages and all goroutines; all its methods may be called at once.
type Engine struct {
	words      words
	maxWriters uint64
	epoch      [epochSize]byte
	rows       *Cache
	pages      *Cache
	logger     *slog.Logger
	scope      func(context.Context) string
	counters   counters
	pagesMade  atomic.Int64 // pages being made now; reads without a dependency set look for strays only then
	making     sync.Map     // goroutine id -> *Deps of the page made on it
	ready      atomic.Bool
	listening  atomic.Bool // whether listeners is not empty

	mu        sync.Mutex // guards what follows
	closed    bool
	listeners map[int]func([]Tag)
	nextID    int
	jobs      sync.WaitGroup
	stop      context.CancelFunc
	life      context.Context //nolint:containedctx // the lifetime of background jobs, ended by Close
}

// Option configures an engine.
type Option func(*settings)

type settings struct {
	memory   int64
	store    store.Store
	logger   *slog.Logger
	scope    func(context.Context) string
	deferred bool
	bits     int
	errs     []error
}

// WithMemory bounds the cached bytes of the built-in BigCache store. Default [DefaultMemory]; at least 8 MiB.
func WithMemory(bytes int64) Option {
	return func(s *settings) {
		if bytes < 8<<20 {
			s.errs = append(s.errs, fmt.Errorf("coherence: WithMemory(%d): at least %d bytes (8 MiB) are needed", bytes, 8<<20))
		}
		s.memory = bytes
	}
}

// WithStore keeps entries in the given store instead of the built-in one. The engine closes it.
func WithStore(st store.Store) Option {
	return func(s *settings) {
		if st == nil {
			s.errs = append(s.errs, errors.New("coherence: WithStore(nil): a store is needed"))
		}
		s.store = st
	}
}

// WithLogger sets the logger; by default nothing is logged.
func WithLogger(l *slog.Logger) Option {
	return func(s *settings) {
		if l != nil {
			s.logger = l
		}
	}
}

// WithScope sets the function whose answer goes into every key: what one scope sees is never served to another.
func WithScope(scope func(context.Context) string) Option {
	return func(s *settings) { s.scope = scope }
}

// Deferred makes New return an engine that caches nothing until Start is called.
func Deferred() Option { return func(s *settings) { s.deferred = true } }

// New returns an engine. Without options entries lie in a BigCache of 64 MiB. All bad options are reported together.
func New(opts ...Option) (*Engine, error) {
	s := settings{bits: tableBits}
	for _, opt := range opts {
		opt(&s)
	}
	life, stop := context.WithCancel(context.Background())
	e := &Engine{
		maxWriters: writerMask,
		logger:     slog.New(slog.DiscardHandler),
		listeners:  map[int]func([]Tag){},
		life:       life, stop: stop,
	}
	if s.deferred {
		return e, errors.Join(s.errs...)
	}
	if err := e.start(&s); err != nil {
		stop()
		return nil, err
	}
	return e, nil
}

// Start gives a deferred engine its store and opens it for use. It may be called once.
func (e *Engine) Start(opts ...Option) error {
	s := settings{bits: tableBits}
	for _, opt := range opts {
		opt(&s)
	}
	return e.start(&s)
}

func (e *Engine) start(s *settings) error {
	e.mu.Lock()
	defer e.mu.Unlock()
	if e.closed {
		return ErrClosed
	}
	if e.ready.Load() {
		return errors.New("coherence: engine is started already")
	}
	if s.memory != 0 && s.store != nil {
		s.errs = append(s.errs, errors.New("coherence: WithMemory and WithStore exclude each other"))
	}
	if err := errors.Join(s.errs...); err != nil {
		return err
	}
	rows, pages, err := openStores(s)
	if err != nil {
		return err
	}
	_, _ = rand.Read(e.epoch[:]) // never fails: crypto/rand ends the process rather than return an error
	e.words = newWords(s.bits)
	if s.logger != nil {
		e.logger = s.logger
	}
	e.scope = s.scope
	e.rows = newCache(e, rows, &e.counters.rows)
	e.pages = newCache(e, pages, &e.counters.pages)
	e.ready.Store(true)
	return nil
}

// openStores gives pages a budget of their own, a quarter, so that a flood of one-time URLs evicts no row.
func openStores(s *settings) (rows, pages store.Store, err error) {
	if s.store != nil {
		return s.store, s.store, nil
	}
	memory := s.memory
	if memory == 0 {
		memory = DefaultMemory
	}
	rows, err = bigcachestore.New(memory - memory/4)
	if err != nil {
		return nil, nil, fmt.Errorf("opening the store of rows: %w", err)
	}
	pages, err = bigcachestore.New(memory / 4)
	if err != nil {
		return nil, nil, errors.Join(fmt.Errorf("opening the store of pages: %w", err), rows.Close())
	}
	return rows, pages, nil
}

// Ready reports whether the engine is started and not closed. While it is not, nothing may be read through it.
func (e *Engine) Ready() bool { return e != nil && e.ready.Load() }

// Rows is the cache of rows and query results.
func (e *Engine) Rows() *Cache { return e.rows }

// Pages is the cache of pages. It has a budget of its own when the store is the built-in one.
func (e *Engine) Pages() *Cache { return e.pages }

// Logger is never nil.
func (e *Engine) Logger() *slog.Logger { return e.logger }

// Scope is the scope of the context, "" without WithScope.
func (e *Engine) Scope(ctx context.Context) string {
	if e.scope == nil {
		return ""
	}
	return e.scope(ctx)
}

// Go runs a background job that Close waits for; its context ends with Close. It reports false, and runs nothing, on a
// closed engine.
func (e *Engine) Go(job func(ctx context.Context)) bool {
	e.mu.Lock()
	defer e.mu.Unlock()
	if e.closed {
		return false
	}
	e.jobs.Go(func() { job(e.life) })
	return true
}

// Close ends background jobs, waits for them as long as ctx allows, and closes the stores. Later reads are misses and
// later writes publish as before, so an application may go on without its cache. Close may be called again.
func (e *Engine) Close(ctx context.Context) error {
	e.mu.Lock()
	first := !e.closed
	e.closed = true
	wasReady := e.ready.Swap(false)
	e.mu.Unlock()
	e.stop()
	done := make(chan struct{})
	go func() { e.jobs.Wait(); close(done) }()
	select {
	case <-done:
	case <-ctx.Done():
		return fmt.Errorf("waiting for background jobs: %w", ctx.Err())
	}
	if !first || !wasReady {
		return nil
	}
	err := e.rows.store.Close()
	if e.pages.store != e.rows.store {
		err = errors.Join(err, e.pages.store.Close())
	}
	return err
}

// Life bounds an entry's stay in the store. The zero value bounds nothing: stamps alone decide.
type Life struct {
	TTL    time.Duration // 0: none
	Jitter float64       // fraction of TTL by which each entry's own life may be shorter
}

// draw is the life of one entry.
func (l Life) draw() time.Duration {
	if l.TTL <= 0 || l.Jitter <= 0 {
		return l.TTL
	}
	cut := time.Duration(float64(l.TTL) * math.Min(l.Jitter, 1) * mrand.Float64()) //nolint:gosec // spreads expiry, guards nothing
	return max(l.TTL-cut, 1)
}
