package coherence

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"time"

	"github.com/cachewright/cachewright/store"
	"github.com/cachewright/cachewright/store/bigcachestore"
)

// DefaultMemory is the bound on cached bytes when neither WithMemory nor WithStore says otherwise: 64 MiB, a quarter of
// it for pages, a sixteenth for copies of hot rows.
const DefaultMemory = 64 << 20

// minMemory is the least that WithMemory accepts.
const minMemory = 8 << 20

// Option configures an engine.
type Option func(*settings)

// settings are what options say; errs are the options that make no sense.
type settings struct {
	memory   int64
	store    store.Store
	logger   *slog.Logger
	scope    func(context.Context) string
	deferred bool
	bits     int // the table has 1<<bits words

	backplane Backplane
	lease     time.Duration

	errs []error
}

// WithMemory bounds the cached bytes of the built-in BigCache store. Default [DefaultMemory]; at least 8 MiB.
func WithMemory(bytes int64) Option {
	return func(s *settings) {
		if bytes < minMemory {
			s.errs = append(s.errs, fmt.Errorf("coherence: WithMemory(%d): at least %d bytes (8 MiB) are needed", bytes, minMemory))
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

// Deferred makes New return an engine that caches nothing until [Engine.Start] is called. The other options of New are kept
// for it.
func Deferred() Option { return func(s *settings) { s.deferred = true } }

// Check is the error that New would report of these options, all that is wrong with them together, without making an
// engine. A store among them stays as it is.
func Check(opts ...Option) error {
	s := newSettings()
	s.apply(opts)
	return s.validate()
}

func newSettings() settings {
	return settings{logger: slog.New(slog.DiscardHandler), bits: tableBits}
}

func (s *settings) apply(opts []Option) {
	for _, opt := range opts {
		opt(s)
	}
}

// validate joins all that is wrong.
func (s *settings) validate() error {
	if s.memory != 0 && s.store != nil {
		return errors.Join(append(s.errs, errors.New("coherence: WithMemory and WithStore exclude each other"))...)
	}
	return errors.Join(s.errs...)
}

// budget is the bound on the bytes of the built-in store.
func (s *settings) budget() int64 {
	if s.memory == 0 {
		return DefaultMemory
	}
	return s.memory
}

// copyBytes is what decoded copies of pages may take: a quarter of what pages may, and no more than maxCopies; beside a store of
// the user's it is defaultCopies.
func (s *settings) copyBytes() int {
	if s.store != nil {
		return defaultCopies
	}
	return int(min(s.budget()/16, maxCopies))
}

const (
	maxCopies     = 64 << 20
	defaultCopies = 4 << 20
)

// frontBytes is what copies of hot rows may take: a sixteenth of the memory.
func (s *settings) frontBytes() int64 { return s.budget() / 16 }

// openStores gives pages a budget of their own, a quarter, so that a flood of one-time URLs evicts no row.
func (s *settings) openStores() (rows, pages store.Store, err error) {
	if s.store != nil {
		return s.store, s.store, nil
	}
	memory := s.budget()
	rows, err = bigcachestore.New(memory - memory/4 - s.frontBytes())
	if err != nil {
		return nil, nil, fmt.Errorf("opening the store of rows: %w", err)
	}
	forPages := memory / 4
	if forPages > 4<<20 {
		// In a small store it would cost the largest entries their room; there the copies come on top.
		forPages -= int64(s.copyBytes())
	}
	pages, err = bigcachestore.New(forPages)
	if err != nil {
		return nil, nil, errors.Join(fmt.Errorf("opening the store of pages: %w", err), rows.Close())
	}
	return rows, pages, nil
}
