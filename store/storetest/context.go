package storetest

import (
	"context"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/cachewright/cachewright/store"
)

// contextClauses are about contexts that ended before the call.
var contextClauses = []clause{
	{"an ended context stops Get", func(t testing.TB, s store.Store) {
		mustSet(t, s, "key", "value")
		for _, ended := range endedContexts(t) {
			value, err := s.Get(ended, "key")
			require.ErrorIs(t, err, ended.Err())
			require.NotErrorIs(t, err, store.ErrNotFound, "an ended context is no miss")
			require.Nil(t, value)
		}
		requireValue(t, s, "key", "value")
	}},
	{"an ended context stops Set", func(t testing.TB, s store.Store) {
		mustSet(t, s, "key", "old")
		for _, ended := range endedContexts(t) {
			require.ErrorIs(t, s.Set(ended, "key", []byte("new"), 0), ended.Err())
			require.ErrorIs(t, s.Set(ended, "other", []byte("new"), 0), ended.Err())
			require.ErrorIs(t, s.Set(ended, "key", []byte("new"), -1), ended.Err())
		}
		requireValue(t, s, "key", "old")
		requireAbsent(t, s, "other")
	}},
	{"an ended context stops Delete", func(t testing.TB, s store.Store) {
		mustSet(t, s, "key", "value")
		for _, ended := range endedContexts(t) {
			require.ErrorIs(t, s.Delete(ended, "key"), ended.Err())
		}
		requireValue(t, s, "key", "value")
	}},
}

// endedContexts returns a cancelled context and one past its deadline.
func endedContexts(t testing.TB) []context.Context {
	t.Helper()
	cancelled, cancel := context.WithCancel(background())
	cancel()
	late, cancel := context.WithDeadline(background(), time.Unix(1, 0))
	t.Cleanup(cancel)
	return []context.Context{cancelled, late}
}
