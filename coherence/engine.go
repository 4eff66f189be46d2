package coherence

import (
	"context"
	"crypto/rand"
	"errors"
	"log/slog"
	"sync"
	"sync/atomic"

	"github.com/cachewright/cachewright/store"
)

// ErrClosed is what Start returns on a closed engine.
var ErrClosed = errors.New("coherence: engine is closed")

// Engine holds the versions of everything cached entries stand on and the stores the entries lie in. One engine serves
// one database, any number of pages and all goroutines; all its methods may be called at once.
//
// The versions exist from New to the end of the process. So writes may be announced and published, and tags invalidated, before
// Start and after Close as well; only reading and storing entries needs an engine that is [Engine.Ready].
type Engine struct {
	// Set by New and never changed.
	words      words
	maxWriters uint64
	epoch      [epochSize]byte
	rows       *Cache
	pages      *Cache
	settings   settings // for Start

	// Set by Start before started, and not read before it.
	logger *slog.Logger
	scope  func(context.Context) string

	started   atomic.Bool
	closed    atomic.Bool // changes with mu held
	counters  counters
	soft      softWords
	pagesMade atomic.Int64 // pages being made now; reads without a dependency set look for strays only then
	making    sync.Map     // goroutine id -> *Deps of the page made on it
	listeners listeners
	lease     atomic.Pointer[lease] // nil without a backplane; set once, by Start
	outgoing  outgoing

	mu          sync.Mutex   // guards what follows, and the steps from New to Start to Close
	closeStores func() error // closes each store once; nil before Start
	jobs        jobs
}

// New returns an engine. Without options entries lie in a BigCache of 64 MiB. All bad options are reported together.
func New(opts ...Option) (*Engine, error) {
	s := newSettings()
	s.apply(opts)
	e := &Engine{words: newWords(s.bits), maxWriters: writerMask, settings: s}
	_, _ = rand.Read(e.epoch[:]) // never fails: crypto/rand ends the process rather than return an error
	e.rows = newCache(e, &e.counters.rows)
	e.pages = newCache(e, &e.counters.pages)
	e.jobs = newJobs()
	e.outgoing.wake = make(chan struct{}, 1)
	if s.deferred {
		return e, errors.Join(s.errs...)
	}
	if err := e.Start(); err != nil {
		e.jobs.stop()
		return nil, err
	}
	return e, nil
}

// Start gives a deferred engine its store and opens it for use; its options come on top of those of New. An engine starts
// once: after an error of Start nothing has changed, and it may be tried again.
func (e *Engine) Start(opts ...Option) error {
	e.mu.Lock()
	defer e.mu.Unlock()
	if e.closed.Load() {
		return ErrClosed
	}
	if e.started.Load() {
		return errors.New("coherence: engine is started already")
	}
	s := e.settings
	s.errs = append([]error(nil), s.errs...)
	s.apply(opts)
	if err := s.validate(); err != nil {
		return err
	}
	rows, pages, err := s.openStores()
	if err != nil {
		return err
	}
	e.rows.store, e.pages.store, e.pages.copyBytes = rows, pages, s.copyBytes()
	if dated, ok := rows.(store.Dated); ok && s.store == nil {
		e.rows.front = newFront(e, dated, s.frontBytes())
	}
	e.rows.local, e.pages.local = s.store == nil, s.store == nil
	e.closeStores = sync.OnceValue(func() error {
		err := rows.Close()
		if pages != rows {
			err = errors.Join(err, pages.Close())
		}
		return err
	})
	e.logger, e.scope = s.logger, s.scope
	if s.backplane != nil {
		e.connect(s.backplane, s.lease)
	}
	e.started.Store(true)
	return nil
}

// Ready reports whether the engine is started and not closed. While it is not, reads are misses and nothing is stored.
func (e *Engine) Ready() bool { return e != nil && e.started.Load() && !e.closed.Load() }

// Rows is the cache of rows and query results.
func (e *Engine) Rows() *Cache { return e.rows }

// Pages is the cache of pages. It has a budget of its own when the store is the built-in one.
func (e *Engine) Pages() *Cache { return e.pages }

// Logger is never nil.
func (e *Engine) Logger() *slog.Logger {
	if !e.started.Load() {
		return e.settings.logger
	}
	return e.logger
}

// Scope is the scope of the context, "" without WithScope and before Start.
func (e *Engine) Scope(ctx context.Context) string {
	if !e.scoped() {
		return ""
	}
	return e.scope(ctx)
}

func (e *Engine) scoped() bool { return e.started.Load() && e.scope != nil }
