package storetest

import (
	"fmt"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/cachewright/cachewright/store"
)

// sizeClauses are about entries as large as the store takes, and larger. They need a store that is store.Bounded.
var sizeClauses = []clause{
	{"an entry of MaxEntry bytes is stored", bounded(func(t testing.TB, s store.Store, most int) {
		for _, key := range []string{"", "k", "a key of some length"} {
			value := randomBytes(most - len(key))
			mustSet(t, s, key, value)
			requireValue(t, s, key, value)
		}
	})},
	{"an entry above MaxEntry bytes is refused", bounded(func(t testing.TB, s store.Store, most int) {
		for _, extra := range []int{1, 2, 1024, most} {
			require.ErrorIs(t, s.Set(background(), "key", make([]byte, most-len("key")+extra), 0), store.ErrTooLarge)
			requireAbsent(t, s, "key")
		}
	})},
	{"a refused entry leaves the old value and all others", bounded(func(t testing.TB, s store.Store, most int) {
		for i := range 200 {
			mustSet(t, s, fmt.Sprint("other ", i), fmt.Sprint("value ", i))
		}
		mustSet(t, s, "key", "old")
		for range 10 {
			require.ErrorIs(t, s.Set(background(), "key", make([]byte, most), 0), store.ErrTooLarge)
		}
		requireValue(t, s, "key", "old")
		for i := range 200 {
			requireValue(t, s, fmt.Sprint("other ", i), fmt.Sprint("value ", i))
		}
	})},
	{"MaxEntry does not change", bounded(func(t testing.TB, s store.Store, most int) {
		for i := range 16 {
			mustSet(t, s, fmt.Sprint(i), randomBytes(most/16))
		}
		require.Equal(t, most, s.(store.Bounded).MaxEntry())
	})},
	{"Stats stay within their limit", func(t testing.TB, s store.Store) {
		sized, ok := s.(store.Sized)
		if !ok {
			t.Skip("the store is not store.Sized")
		}
		require.Zero(t, sized.Stats().Entries, "a new store is empty")
		for i := range 100 {
			mustSet(t, s, fmt.Sprint(i), randomBytes(1000))
		}
		stats := sized.Stats()
		require.EqualValues(t, 100, stats.Entries)
		require.GreaterOrEqual(t, stats.Bytes, int64(100*1000))
		require.LessOrEqual(t, stats.Bytes, stats.Limit)
	}},
}

// bounded makes a check from one that needs to know MaxEntry.
func bounded(check func(t testing.TB, s store.Store, most int)) func(testing.TB, store.Store) {
	return func(t testing.TB, s store.Store) {
		t.Helper()
		b, ok := s.(store.Bounded)
		if !ok || b.MaxEntry() > 64<<20 {
			t.Skip("the store names no bound below 64 MiB")
		}
		most := b.MaxEntry()
		require.GreaterOrEqual(t, most, store.MaxKey, "the longest key must fit")
		check(t, s, most)
	}
}
