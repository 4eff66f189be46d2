package coherence_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/cachewright/cachewright/coherence"
	"github.com/cachewright/cachewright/store"
)

func TestBadOptionsAreReportedTogether(t *testing.T) {
	t.Parallel()
	for name, open := range map[string]func(...coherence.Option) error{
		"by New": func(opts ...coherence.Option) error {
			e, err := coherence.New(opts...)
			require.Nil(t, e)
			return err
		},
		"by Start": func(opts ...coherence.Option) error {
			e, err := coherence.New(coherence.Deferred(), coherence.WithBits(smallTable))
			require.NoError(t, err)
			err = e.Start(opts...)
			require.False(t, e.Ready())
			require.NoError(t, e.Start(), "it may be tried again")
			require.NoError(t, e.Close(t.Context()))
			return err
		},
	} {
		t.Run(name, func(t *testing.T) {
			err := open(coherence.WithMemory(1), coherence.WithStore(nil))
			require.ErrorContains(t, err, "WithMemory(1)")
			require.ErrorContains(t, err, "WithStore(nil)")
			require.ErrorContains(t, open(coherence.WithMemory(8<<20), coherence.WithStore(newStore(t))), "exclude each other")
		})
	}
}

func TestPagesHaveABudgetOfTheirOwn(t *testing.T) {
	t.Parallel()
	w := newWorld(t, coherence.WithMemory(8<<20))
	w.read("a")
	stamps := w.engine.Stamp(nil, row("a"))
	for i := range 64 {
		require.NoError(t, w.engine.Pages().Put(t.Context(), fmt.Sprint(i), make([]byte, 256<<10), stamps, coherence.Life{}))
	}
	require.True(t, w.hit("a"), "a flood of pages evicts no row")
	_, ok, err := w.engine.Pages().Get(t.Context(), "a")
	require.NoError(t, err)
	require.False(t, ok, "the two rooms do not share keys")
}

func TestDecodedCopiesAreSharedAndBounded(t *testing.T) {
	t.Parallel()
	for memory, most := range map[int64]int{8 << 20: 512 << 10, 64 << 20: 4 << 20, 1 << 30: 64 << 20} {
		pages := newEngine(t, coherence.WithMemory(memory)).Pages()
		require.Equal(t, most, pages.CopyBytes())
		first := pages.Copies(func() any { return new(int) })
		require.Same(t, first, pages.Copies(func() any { return new(int) }))
	}
	require.Equal(t, 4<<20, newEngine(t, coherence.WithStore(newStore(t))).Pages().CopyBytes())
	deferred, err := coherence.New(coherence.Deferred())
	require.NoError(t, err)
	require.Zero(t, deferred.Pages().CopyBytes())
	require.NoError(t, deferred.Close(t.Context()))
}

func TestADeferredEngineCachesNothingUntilItStarts(t *testing.T) {
	t.Parallel()
	var log bytes.Buffer
	e, err := coherence.New(
		coherence.Deferred(), coherence.WithBits(smallTable),
		coherence.WithLogger(slog.New(slog.NewTextHandler(&log, nil))),
		coherence.WithScope(func(context.Context) string { return "scope" }),
	)
	require.NoError(t, err)
	w := &world{TB: t, engine: e, db: map[string]string{"a": "old"}}
	require.False(t, e.Ready())
	require.NotNil(t, e.Logger())
	require.Empty(t, e.Scope(t.Context()))
	exercise(w)
	require.False(t, w.hit("a"))

	require.NoError(t, e.Start())
	require.True(t, e.Ready())
	require.Error(t, e.Start(), "once")
	require.Equal(t, "scope", e.Scope(t.Context()), "options of New are kept")
	e.Logger().Info("hello")
	require.Contains(t, log.String(), "hello")
	require.Equal(t, "new", w.read("a"))
	require.True(t, w.hit("a"))
	require.NoError(t, e.Close(t.Context()))
	require.ErrorIs(t, e.Start(), coherence.ErrClosed)
}

func TestAnApplicationGoesOnWithoutItsCache(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.read("a")
	before := w.begin(row("b"))
	require.NoError(t, w.engine.Close(t.Context()))
	require.False(t, w.engine.Ready())
	require.False(t, w.hit("a"))
	exercise(w)
	require.False(t, w.hit("a"))
	w.stage(before, "b", "value")
	before.Publish(t.Context())
	s := w.engine.Stats()
	require.Zero(t, s.Rows.StoreErrors, "a closed engine does not ask its stores")
	require.NotZero(t, s.Publishes)
}

// exercise reads and writes through an engine that is not ready: nothing fails, all reads see the database.
func exercise(w *world) {
	w.Helper()
	w.set("a", "old")
	require.Equal(w, "old", w.read("a"))
	write := w.begin(row("a"))
	w.stage(write, "a", "new")
	w.set("a", "new")
	write.Publish(w.Context())
	require.Equal(w, "new", w.read("a"))
	stamps := w.engine.Stamp(nil, row("a"))
	require.True(w, w.engine.Valid(stamps))
	require.NoError(w, w.engine.InvalidateAll(w.Context()))
	require.NoError(w, w.engine.Expire(w.Context(), row("a")))
	require.False(w, w.engine.Valid(stamps))
	require.NoError(w, w.engine.Rows().Put(w.Context(), "a", []byte("x"), w.engine.Stamp(nil, row("a")), coherence.Life{}))
	require.NoError(w, w.engine.Rows().Delete(w.Context(), "a"))
	require.Equal(w, "new", w.read("a"))
	ctx, deps := w.engine.Collect(w.Context())
	coherence.Depend(ctx, row("a"))
	deps.Scoped("")
	require.Empty(w, deps.Notes())
}

func TestANilEngineIsNotReady(t *testing.T) {
	t.Parallel()
	var e *coherence.Engine
	require.False(t, e.Ready())
}

func TestCloseWaitsForJobs(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		st := &closing{Store: newStore(t)}
		e := newEngine(t, coherence.WithStore(st))
		finished := false
		require.True(t, e.Go(func(ctx context.Context) {
			<-ctx.Done()
			<-time.After(time.Second)
			require.Zero(t, st.closed, "stores are there while jobs run")
			finished = true
		}))
		require.Equal(t, 1, coherence.Jobs(e))
		require.NoError(t, e.Close(t.Context()))
		require.True(t, finished)
		require.Equal(t, 1, st.closed, "one store for rows and pages is closed once")
		require.False(t, e.Go(func(context.Context) { t.Error("a job of a closed engine ran") }))
		require.NoError(t, e.Close(t.Context()))
		require.Equal(t, 1, st.closed)
	})
}

func TestCloseWaitsAsLongAsItsContextAllows(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		st := &closing{Store: newStore(t), err: errors.New("disk on fire")}
		e, err := coherence.New(coherence.WithBits(smallTable), coherence.WithStore(st))
		require.NoError(t, err)
		release := make(chan struct{})
		e.Go(func(context.Context) { <-release })
		ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
		defer cancel()
		err = e.Close(ctx)
		require.ErrorIs(t, err, context.DeadlineExceeded)
		require.ErrorIs(t, err, st.err, "stores are closed all the same, and both errors told")
		require.Equal(t, 1, st.closed)
		require.ErrorIs(t, e.Close(ctx), context.DeadlineExceeded, "it runs still")
		close(release)
		synctest.Wait()
		require.NotErrorIs(t, e.Close(ctx), context.DeadlineExceeded, "nothing runs: an ended context is no error")
		require.Zero(t, coherence.Jobs(e))
	})
}

func TestAJobThatExitsEarlyIsNotWaitedFor(t *testing.T) {
	t.Parallel()
	e := newEngine(t)
	for range 100 {
		e.Go(func(context.Context) {})
	}
	require.NoError(t, e.Close(t.Context()))
}

// closing counts how often it is closed.
type closing struct {
	store.Store
	closed int
	err    error
}

func (c *closing) Close() error {
	c.closed++
	return errors.Join(c.err, c.Store.Close())
}
