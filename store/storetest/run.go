// Package storetest checks implementations of store.Store.
//
// Run turns the comments of store.Store into subtests, one for each clause. Faulty wraps any store and breaks it on demand,
// for tests of code that uses a store.
package storetest

import (
	"context"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/cachewright/cachewright/store"
)

// Option changes how Run tests.
type Option func(*suite)

// WithAdvance tells Run how to make time pass for the store, by at least d, instead of waiting for it: for a server with a
// clock of its own. The subtests about lifetimes then run one after another.
func WithAdvance(advance func(d time.Duration)) Option {
	return func(s *suite) {
		s.advance, s.unit = advance, time.Second
	}
}

// WithBubble runs each subtest about lifetimes in a testing/synctest bubble, where time passes at once. It suits a store that
// lives in this process and whose goroutines, if any, end with Close. The store is opened inside the bubble.
func WithBubble() Option {
	return func(s *suite) {
		s.bubble, s.unit = true, time.Second
		s.advance = func(d time.Duration) { <-time.After(d) }
	}
}

// Run checks a store against the contract of store.Store. It runs the suite twice: on the store, and on the store inside a
// Faulty that fails now and then.
//
// open returns a new, empty store, and is called for each subtest, by several at once. Run closes what it opened. The store
// must hold 4 MiB without evicting anything, else subtests fail that expect to find what they stored.
//
// Without an option the subtests about lifetimes wait some 100 milliseconds each, and some are skipped.
func Run(t *testing.T, open func(testing.TB) store.Store, options ...Option) {
	t.Helper()
	s := suite{unit: 40 * time.Millisecond}
	for _, option := range options {
		option(&s)
	}
	t.Run("store", func(t *testing.T) { s.run(t, open) })
	t.Run("store inside Faulty", func(t *testing.T) {
		s.run(t, func(t testing.TB) store.Store { return NewFaulty(open(t)) })
		for _, c := range faultClauses {
			t.Run(c.name, func(t *testing.T) {
				t.Parallel()
				c.check(t, NewFaulty(opened(t, open)))
			})
		}
	})
}

// A clause is one sentence of the contract and the check that it holds for a store.
type clause struct {
	name  string
	check func(t testing.TB, s store.Store)
}

type suite struct {
	unit    time.Duration // a short lifetime that the clock can tell from 0
	advance func(d time.Duration)
	bubble  bool
}

func (s suite) run(t *testing.T, open func(testing.TB) store.Store) {
	for _, group := range [][]clause{valueClauses, keyClauses, sizeClauses, contextClauses, concurrencyClauses, closeClauses} {
		for _, c := range group {
			t.Run(c.name, func(t *testing.T) {
				t.Parallel()
				c.check(t, opened(t, open))
			})
		}
	}
	for _, c := range lifetimeClauses {
		t.Run(c.name, func(t *testing.T) {
			switch {
			case s.bubble:
				t.Parallel()
				synctest.Test(t, func(t *testing.T) { c.check(t, opened(t, open), s.clock()) })
			case s.advance != nil: // others would see their time pass
				c.check(t, opened(t, open), s.clock())
			case c.needsExactClock:
				t.Skip("needs WithAdvance or WithBubble")
			default:
				t.Parallel()
				c.check(t, opened(t, open), s.clock())
			}
		})
	}
}

func (s suite) clock() clock {
	if s.advance == nil {
		return clock{unit: s.unit, advance: func(d time.Duration) { <-time.After(d) }}
	}
	return clock{unit: s.unit, advance: s.advance}
}

// opened returns a store that is closed when the test ends.
func opened(t testing.TB, open func(testing.TB) store.Store) store.Store {
	t.Helper()
	s := open(t)
	require.NotNil(t, s, "open returned no store")
	t.Cleanup(func() { require.NoError(t, s.Close(), "closing the store") })
	return s
}

// background is a context that does not end; the one of a test ends before its cleanup.
func background() context.Context { return context.Background() }

func mustSet(t testing.TB, s store.Store, key, value string) {
	t.Helper()
	require.NoError(t, s.Set(background(), key, []byte(value), 0), "storing under %s", brief(key))
}

func requireValue(t testing.TB, s store.Store, key, want string) {
	t.Helper()
	got, err := s.Get(background(), key)
	require.NoError(t, err, "reading %s", brief(key))
	if string(got) != want { // not require.Equal: values may be megabytes
		require.Failf(t, "wrong value", "under %s: got %s, want %s", brief(key), brief(string(got)), brief(want))
	}
}

func requireAbsent(t testing.TB, s store.Store, key string) {
	t.Helper()
	got, err := s.Get(background(), key)
	require.ErrorIs(t, err, store.ErrNotFound, "reading %s", brief(key))
	require.Nil(t, got, "a miss comes with no bytes")
}
