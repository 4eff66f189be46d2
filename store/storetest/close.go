package storetest

import (
	"errors"
	"fmt"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/cachewright/cachewright/store"
)

// closeClauses are about the end of a store.
var closeClauses = []clause{
	{"a closed store is unavailable", func(t testing.TB, s store.Store) {
		mustSet(t, s, "key", "value")
		require.NoError(t, s.Close())

		value, err := s.Get(background(), "key")
		require.ErrorIs(t, err, store.ErrUnavailable)
		require.NotErrorIs(t, err, store.ErrNotFound, "a closed store does not know what is absent")
		require.Nil(t, value)
		require.ErrorIs(t, s.Set(background(), "key", []byte("value"), 0), store.ErrUnavailable)
		require.ErrorIs(t, s.Set(background(), "key", []byte("value"), -1), store.ErrUnavailable)
		require.ErrorIs(t, s.Delete(background(), "key"), store.ErrUnavailable)
	}},
	{"closing again does nothing", func(t testing.TB, s store.Store) {
		for range 3 {
			require.NoError(t, s.Close())
		}
	}},
	{"a store may be closed during calls", func(t testing.TB, s store.Store) {
		const workers, rounds = 8, 200
		var problems problems
		parallel(workers, func(worker int) {
			for round := range rounds {
				key := fmt.Sprint("key ", round%10)
				var err error
				switch {
				case worker < 2 && round == rounds/2:
					problems.add(s.Close()) // by two at once
				case round%3 == 0:
					_, err = s.Get(background(), key)
				case round%3 == 1:
					err = s.Set(background(), key, []byte(key), 0)
				default:
					err = s.Delete(background(), key)
				}
				if !errors.Is(err, store.ErrUnavailable) && !errors.Is(err, store.ErrNotFound) {
					problems.add(err)
				}
			}
		})
		problems.require(t)
		_, err := s.Get(background(), "key 1")
		require.ErrorIs(t, err, store.ErrUnavailable)
	}},
	{"figures of a closed store are zero", func(t testing.TB, s store.Store) {
		sized, ok := s.(store.Sized)
		if !ok {
			t.Skip("the store is not store.Sized")
		}
		mustSet(t, s, "key", "value")
		require.NoError(t, s.Close())
		require.Zero(t, sized.Stats())
	}},
}
