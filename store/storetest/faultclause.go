package storetest

import (
	"context"
	"errors"
	"fmt"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/cachewright/cachewright/store"
)

// A faultClause is a sentence of the contract about calls that fail, and the check that it holds for a store in a Faulty.
type faultClause struct {
	name  string
	check func(t testing.TB, f *Faulty)
}

// errBroken is a failure as a store on a network would report it.
var errBroken = fmt.Errorf("connection refused: %w", store.ErrUnavailable)

// callers call each operation once.
var callers = map[Op]func(ctx context.Context, s store.Store) error{
	OpGet:    func(ctx context.Context, s store.Store) error { _, err := s.Get(ctx, "key"); return err },
	OpSet:    func(ctx context.Context, s store.Store) error { return s.Set(ctx, "key", []byte("new"), 0) },
	OpDelete: func(ctx context.Context, s store.Store) error { return s.Delete(ctx, "key") },
}

// applied are the values under "key" after an operation took place on "old"; "" is absent.
var applied = map[Op]string{OpGet: "old", OpSet: "new", OpDelete: ""}

var faultClauses = []faultClause{
	{"a call that fails before has no effect", func(t testing.TB, f *Faulty) {
		for op, call := range callers {
			mustSet(t, f, "key", "old")
			f.Script(op, FailBefore(errBroken))
			err := call(background(), f)
			require.ErrorIs(t, err, store.ErrUnavailable, op)
			require.NotErrorIs(t, err, store.ErrNotFound, op)
			requireValue(t, f, "key", "old")
		}
	}},
	{"a call that fails after has its effect", func(t testing.TB, f *Faulty) {
		for op, call := range callers {
			mustSet(t, f, "key", "old")
			f.Script(op, FailAfter(errBroken))
			require.ErrorIs(t, call(background(), f), store.ErrUnavailable, op)
			requireState(t, f, applied[op])
		}
	}},
	{"a failed Get returns no bytes", func(t testing.TB, f *Faulty) {
		mustSet(t, f, "key", "old")
		f.Script(OpGet, FailBefore(errBroken), FailAfter(errBroken))
		for range 2 {
			value, err := f.Get(background(), "key")
			require.ErrorIs(t, err, store.ErrUnavailable)
			require.Nil(t, value)
		}
	}},
	{"a call that hangs ends with its context", func(t testing.TB, f *Faulty) {
		for op, call := range callers {
			for name, state := range map[string]string{"before": "old", "after": applied[op]} {
				mustSet(t, f, "key", "old")
				entered := make(chan struct{})
				waits := func(ctx context.Context) error { close(entered); return hang(ctx) }
				fault := Fault{Before: waits}
				if name == "after" {
					fault = Fault{After: waits}
				}
				f.Script(op, fault)

				ctx, cancel := context.WithCancel(background())
				returned := make(chan error, 1)
				go func() { returned <- call(ctx, f) }()
				<-entered
				cancel()
				require.ErrorIs(t, <-returned, context.Canceled, "%s hanging %s", op, name)
				requireState(t, f, state)
			}
		}
	}},
	{"a call may be repeated until it succeeds", func(t testing.TB, f *Faulty) {
		for op, call := range callers {
			mustSet(t, f, "key", "old")
			f.Script(op, FailBefore(errBroken), FailAfter(errBroken), FailBefore(errBroken), FailAfter(errBroken))
			failed := 0
			for call(background(), f) != nil {
				failed++
			}
			if op == OpGet {
				require.Equal(t, 4, failed)
			}
			requireState(t, f, applied[op])
		}
	}},
	{"a broken store is whole after repair", func(t testing.TB, f *Faulty) {
		mustSet(t, f, "key", "old")
		for op := range callers {
			f.Always(op, FailBefore(errBroken))
		}
		for op, call := range callers {
			require.ErrorIs(t, call(background(), f), store.ErrUnavailable, op)
		}
		f.Repair()
		requireValue(t, f, "key", "old")
		mustSet(t, f, "key", "new")
		requireValue(t, f, "key", "new")
		require.NoError(t, f.Delete(background(), "key"))
		requireAbsent(t, f, "key")
	}},
	{"values are whole while calls fail", func(t testing.TB, f *Faulty) {
		kinds := []Fault{{}, FailBefore(errBroken), {}, FailAfter(errBroken), {}}
		for op := range callers {
			for round := range 200 {
				f.Script(op, kinds[(round+int(op))%len(kinds)])
			}
		}
		var problems problems
		parallel(6, func(worker int) {
			for round := range 150 {
				key := fmt.Sprint("key ", (worker+round)%3)
				var err error
				switch (worker + round) % 4 {
				case 0, 1:
					err = f.Set(background(), key, stampedValue(key, worker*1000+round), 0)
				case 2:
					var value []byte
					if value, err = f.Get(background(), key); err == nil {
						err = checkStamp(key, value)
					}
				default:
					err = f.Delete(background(), key)
				}
				if !errors.Is(err, store.ErrUnavailable) && !errors.Is(err, store.ErrNotFound) {
					problems.add(err)
				}
			}
		})
		problems.require(t)
	}},
	{"a store may be closed while calls hang", func(t testing.TB, f *Faulty) {
		entered := make(chan struct{}, len(callers))
		for op := range callers {
			f.Always(op, Fault{Before: func(ctx context.Context) error { entered <- struct{}{}; return hang(ctx) }})
		}
		returned := make(chan error, len(callers))
		for _, call := range callers {
			go func() { returned <- call(background(), f) }()
		}
		for range callers {
			<-entered
		}
		require.NoError(t, f.Close())
		for range callers {
			require.ErrorIs(t, <-returned, store.ErrUnavailable)
		}
	}},
}

// requireState requires want under "key", or its absence if want is "".
func requireState(t testing.TB, s store.Store, want string) {
	t.Helper()
	if want == "" {
		requireAbsent(t, s, "key")
		return
	}
	requireValue(t, s, "key", want)
}
