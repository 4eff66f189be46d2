package storetest

import (
	"math"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/cachewright/cachewright/store"
)

// clock makes time pass for a store.
type clock struct {
	unit    time.Duration
	advance func(d time.Duration)
}

// pass lets n units pass.
func (c clock) pass(n int) { c.advance(time.Duration(n) * c.unit) }

// A lifetimeClause is a clause about time.
type lifetimeClause struct {
	name  string
	check func(t testing.TB, s store.Store, c clock)
	// needsExactClock: the check expects a value near the end of its life, so time must not pass by itself.
	needsExactClock bool
}

var lifetimeClauses = []lifetimeClause{
	{name: "a value is there within its lifetime", check: func(t testing.TB, s store.Store, _ clock) {
		require.NoError(t, s.Set(background(), "key", []byte("value"), time.Hour))
		requireValue(t, s, "key", "value")
	}},
	{name: "a value is gone after its lifetime", check: func(t testing.TB, s store.Store, c clock) {
		require.NoError(t, s.Set(background(), "key", []byte("value"), c.unit))
		c.pass(2)
		requireAbsent(t, s, "key")
	}},
	{name: "a value lives to the end of its lifetime", needsExactClock: true, check: func(t testing.TB, s store.Store, c clock) {
		require.NoError(t, s.Set(background(), "key", []byte("value"), 10*c.unit))
		c.pass(9)
		requireValue(t, s, "key", "value")
		c.pass(1)
		c.advance(time.Millisecond)
		requireAbsent(t, s, "key")
	}},
	{name: "a store that is Dated tells what is left of a lifetime", needsExactClock: true, check: func(t testing.TB, s store.Store, c clock) {
		dated, ok := s.(store.Dated)
		if !ok {
			t.Skip("the store is not store.Dated")
		}
		mustSet(t, s, "endless", "endless")
		require.NoError(t, s.Set(background(), "key", []byte("value"), 10*c.unit))
		c.pass(4)
		value, left, err := dated.GetDated(background(), "key")
		require.NoError(t, err)
		require.Equal(t, "value", string(value))
		require.InDelta(t, float64(6*c.unit), float64(left), float64(2*time.Millisecond))
		_, left, err = dated.GetDated(background(), "endless")
		require.NoError(t, err)
		require.Zero(t, left)
		c.pass(7)
		_, _, err = dated.GetDated(background(), "key")
		require.ErrorIs(t, err, store.ErrNotFound)
	}},
	{name: "each entry has a lifetime of its own", needsExactClock: true, check: func(t testing.TB, s store.Store, c clock) {
		require.NoError(t, s.Set(background(), "long", []byte("long"), 6*c.unit))
		require.NoError(t, s.Set(background(), "short", []byte("short"), 2*c.unit))
		mustSet(t, s, "endless", "endless")
		c.pass(4)
		requireAbsent(t, s, "short")
		requireValue(t, s, "long", "long")
		c.pass(4)
		requireAbsent(t, s, "long")
		requireValue(t, s, "endless", "endless")
	}},
	{name: "a lifetime of 0 has no end", check: func(t testing.TB, s store.Store, c clock) {
		mustSet(t, s, "key", "value")
		c.pass(3)
		requireValue(t, s, "key", "value")
	}},
	{name: "a lifetime of 0 has no end in years", needsExactClock: true, check: func(t testing.TB, s store.Store, c clock) {
		mustSet(t, s, "key", "value")
		c.advance(5 * 365 * 24 * time.Hour)
		requireValue(t, s, "key", "value")
		mustSet(t, s, "other", "value") // which is when a store may look for what is too old
		requireValue(t, s, "key", "value")
	}},
	{name: "the shortest lifetime ends", check: func(t testing.TB, s store.Store, c clock) {
		require.NoError(t, s.Set(background(), "key", []byte("value"), time.Nanosecond))
		c.pass(1)
		requireAbsent(t, s, "key")
	}},
	{name: "the longest lifetime does not wrap around", check: func(t testing.TB, s store.Store, c clock) {
		c.pass(1)
		require.NoError(t, s.Set(background(), "key", []byte("value"), math.MaxInt64))
		requireValue(t, s, "key", "value")
		c.pass(1)
		requireValue(t, s, "key", "value")
	}},
	{name: "a negative lifetime is over already", check: func(t testing.TB, s store.Store, _ clock) {
		for _, ttl := range []time.Duration{-1, -time.Second, math.MinInt64} {
			require.NoError(t, s.Set(background(), "new", []byte("value"), ttl))
			requireAbsent(t, s, "new")

			mustSet(t, s, "old", "value")
			require.NoError(t, s.Set(background(), "old", []byte("newer"), ttl))
			requireAbsent(t, s, "old")
		}
	}},
	{name: "a new value brings its own lifetime", check: func(t testing.TB, s store.Store, c clock) {
		require.NoError(t, s.Set(background(), "longer", []byte("1"), c.unit))
		require.NoError(t, s.Set(background(), "longer", []byte("2"), time.Hour))
		require.NoError(t, s.Set(background(), "endless", []byte("1"), c.unit))
		require.NoError(t, s.Set(background(), "endless", []byte("2"), 0))
		require.NoError(t, s.Set(background(), "shorter", []byte("1"), 0))
		require.NoError(t, s.Set(background(), "shorter", []byte("2"), c.unit))
		c.pass(2)
		requireValue(t, s, "longer", "2")
		requireValue(t, s, "endless", "2")
		requireAbsent(t, s, "shorter")
	}},
	{name: "reading does not prolong a lifetime", check: func(t testing.TB, s store.Store, c clock) {
		require.NoError(t, s.Set(background(), "key", []byte("value"), 3*c.unit))
		c.pass(2)
		_, _ = s.Get(background(), "key") // there or not, by the exactness of the clock
		c.pass(2)
		requireAbsent(t, s, "key")
	}},
	{name: "a key whose lifetime is over can be stored again", check: func(t testing.TB, s store.Store, c clock) {
		require.NoError(t, s.Set(background(), "key", []byte("value"), c.unit))
		c.pass(2)
		requireAbsent(t, s, "key")
		require.NoError(t, s.Delete(background(), "key"))
		mustSet(t, s, "key", "again")
		requireValue(t, s, "key", "again")
	}},
}
