package storetest_test

import (
	"context"
	"errors"
	"math"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/cachewright/cachewright/store"
	"github.com/cachewright/cachewright/store/storetest"
)

func TestScriptBreaksCallsInOrder(t *testing.T) {
	t.Parallel()
	ctx, f := context.Background(), newFaulty(t)
	first, third, fourth := errors.New("first"), errors.New("third"), errors.New("fourth")
	f.Script(storetest.OpSet, storetest.FailBefore(first), storetest.Fault{}, storetest.FailAfter(third))
	f.Script(storetest.OpSet, storetest.FailBefore(fourth))

	for call, want := range []error{first, nil, third, fourth, nil} {
		require.Equal(t, want, f.Set(ctx, "key", []byte{byte(call)}, 0))
	}
	value, err := f.Get(ctx, "key")
	require.NoError(t, err)
	require.Equal(t, []byte{4}, value)
	require.Equal(t, 5, f.Calls(storetest.OpSet))
	require.Equal(t, 3, f.Faults(storetest.OpSet))
	require.Equal(t, 3, f.Applied(storetest.OpSet))
	require.Equal(t, 1, f.Calls(storetest.OpGet))
	require.Zero(t, f.Faults(storetest.OpGet))
	require.Zero(t, f.Calls(storetest.OpDelete))
}

func TestOnChoosesByKey(t *testing.T) {
	t.Parallel()
	ctx, f := context.Background(), newFaulty(t)
	f.On(storetest.OpDelete, func(key string) storetest.Fault {
		if f.Calls(storetest.OpDelete) > 10 || key != "fragile" { // it may ask f
			return storetest.Fault{}
		}
		return storetest.FailBefore(store.ErrUnavailable)
	})
	f.Script(storetest.OpDelete, storetest.Fault{}) // goes first
	require.NoError(t, f.Delete(ctx, "fragile"))
	require.NoError(t, f.Delete(ctx, "solid"))
	require.ErrorIs(t, f.Delete(ctx, "fragile"), store.ErrUnavailable)
	f.On(storetest.OpDelete, nil)
	require.NoError(t, f.Delete(ctx, "fragile"))
}

func TestRepairEndsScriptsAndHooks(t *testing.T) {
	t.Parallel()
	ctx, f := context.Background(), newFaulty(t)
	f.Script(storetest.OpSet, storetest.FailBefore(store.ErrUnavailable))
	f.Always(storetest.OpDelete, storetest.FailBefore(store.ErrUnavailable))
	require.Error(t, f.Delete(ctx, "key"))
	require.Error(t, f.Delete(ctx, "key"))
	f.Repair()
	require.NoError(t, f.Set(ctx, "key", nil, 0))
	require.NoError(t, f.Delete(ctx, "key"))
}

func TestHangingCallsWaitForTheirContext(t *testing.T) {
	t.Parallel()
	for _, fault := range []storetest.Fault{storetest.HangBefore(), storetest.HangAfter()} {
		synctest.Test(t, func(t *testing.T) {
			f := newFaulty(t)
			f.Always(storetest.OpGet, fault)
			ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
			defer cancel()
			start := time.Now()
			_, err := f.Get(ctx, "key")
			require.ErrorIs(t, err, context.DeadlineExceeded)
			require.Equal(t, time.Minute, time.Since(start))
		})
	}
}

func TestCloseEndsHangingCalls(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		f := newFaulty(t)
		f.Always(storetest.OpSet, storetest.HangBefore())
		f.Always(storetest.OpDelete, storetest.HangAfter())
		returned := make(chan error, 2)
		go func() { returned <- f.Set(context.Background(), "key", nil, 0) }()
		go func() { returned <- f.Delete(context.Background(), "key") }()
		synctest.Wait()
		require.Zero(t, f.Applied(storetest.OpSet))
		require.Equal(t, 1, f.Applied(storetest.OpDelete))
		require.NoError(t, f.Close())
		require.ErrorIs(t, <-returned, store.ErrUnavailable)
		require.ErrorIs(t, <-returned, store.ErrUnavailable)
	})
}

func TestFaultyTellsTheBoundOfTheStoreInside(t *testing.T) {
	t.Parallel()
	require.Equal(t, mapStoreMaxEntry, newFaulty(t).MaxEntry())
	unbounded := storetest.NewFaulty(struct{ store.Store }{newMapStore()})
	require.Equal(t, math.MaxInt, unbounded.MaxEntry())
	require.NoError(t, unbounded.Close())
}

func TestOperationsHaveNames(t *testing.T) {
	t.Parallel()
	require.Equal(t, "Get Set Delete Op(9)", storetest.OpGet.String()+" "+storetest.OpSet.String()+" "+
		storetest.OpDelete.String()+" "+storetest.Op(9).String())
}

func newFaulty(t testing.TB) *storetest.Faulty {
	t.Helper()
	f := storetest.NewFaulty(newMapStore())
	t.Cleanup(func() { require.NoError(t, f.Close()) })
	return f
}
