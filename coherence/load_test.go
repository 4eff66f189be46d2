package coherence_test

import (
	"context"
	"errors"
	"fmt"
	"os"
	"runtime"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/cachewright/cachewright/coherence"
)

// reader is one call of Load on its own goroutine, in a bubble.
type reader struct {
	reads  int // times its own read function ran
	loaded coherence.Loaded
	err    error
	done   atomic.Bool
}

// start begins a Load whose read function is read, and lets it come as far as it can.
func start(ctx context.Context, c *coherence.Cache, read func(context.Context) (coherence.Filled, error)) *reader {
	r := &reader{}
	go func() {
		defer func() { _ = recover() }() // a leader that panics does so on its own goroutine
		r.loaded, r.err = c.Load(ctx, "a", []coherence.Tag{row("a")}, func(ctx context.Context) (coherence.Filled, error) {
			r.reads++
			return read(ctx)
		})
		r.done.Store(true)
	}()
	synctest.Wait()
	return r
}

// held returns a read function that waits until it is released, and answers with the value.
func held(value string) (read func(context.Context) (coherence.Filled, error), release func()) {
	gate := make(chan struct{})
	return func(context.Context) (coherence.Filled, error) {
		<-gate
		return coherence.Filled{Value: []byte(value), Keep: true}, nil
	}, sync.OnceFunc(func() { close(gate) })
}

func answer(value string) func(context.Context) (coherence.Filled, error) {
	return func(context.Context) (coherence.Filled, error) { return coherence.Filled{Value: []byte(value)}, nil }
}

func TestManyReadersOfAMissShareOneRead(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		e := newEngine(t)
		read, release := held("value")
		leader := start(t.Context(), e.Rows(), read)
		followers := make([]*reader, 20)
		for i := range followers {
			followers[i] = start(t.Context(), e.Rows(), answer("another"))
		}
		require.Equal(t, 1, coherence.Flights(e.Rows()))
		release()
		synctest.Wait()
		require.True(t, leader.done.Load())
		require.False(t, leader.loaded.Shared)
		for _, f := range followers {
			require.True(t, f.done.Load())
			require.NoError(t, f.err)
			require.Zero(t, f.reads)
			require.Equal(t, "value", string(f.loaded.Value))
			require.True(t, f.loaded.Shared)
			require.True(t, e.Valid(f.loaded.Stamps))
		}
		require.Equal(t, uint64(len(followers)), e.Stats().Rows.Coalesced)
		require.Equal(t, uint64(1), e.Stats().Rows.Fills)
		require.Zero(t, coherence.Flights(e.Rows()))
	})
}

func TestEachReaderMayChangeItsStamps(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		e := newEngine(t)
		read, release := held("value")
		leader := start(t.Context(), e.Rows(), read)
		one, other := start(t.Context(), e.Rows(), answer("")), start(t.Context(), e.Rows(), answer(""))
		release()
		synctest.Wait()
		one.loaded.Stamps[0].Version = 77
		leader.loaded.Stamps[0].Version = 78
		_ = append(one.loaded.Stamps[:1], coherence.Stamp{Word: 9})
		require.True(t, e.Valid(other.loaded.Stamps))
	})
}

func TestAFollowerWaitsNoLongerThanItsOwnContext(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		e := newEngine(t)
		read, release := held("value")
		leader := start(t.Context(), e.Rows(), read)
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		follower := start(ctx, e.Rows(), answer("another"))
		<-time.After(time.Second - 1)
		synctest.Wait()
		require.False(t, follower.done.Load())
		<-time.After(1)
		synctest.Wait()
		require.True(t, follower.done.Load())
		require.ErrorIs(t, follower.err, context.DeadlineExceeded)
		require.False(t, leader.done.Load())
		release()
		synctest.Wait()
		require.NoError(t, leader.err)
	})
}

func TestTheEndOfALeaderIsNeverHandedOn(t *testing.T) {
	t.Parallel()
	type read = func(context.Context) (coherence.Filled, error)
	for name, end := range map[string]func(leaving context.CancelFunc) read{
		"its context ends": func(leave context.CancelFunc) read {
			return func(ctx context.Context) (coherence.Filled, error) {
				leave()
				return coherence.Filled{}, ctx.Err()
			}
		},
		"its context ends and the driver says something else": func(leave context.CancelFunc) read {
			return func(context.Context) (coherence.Filled, error) {
				leave()
				return coherence.Filled{}, errors.New("driver: broken pipe")
			}
		},
		"the driver reports the deadline first": func(context.CancelFunc) read {
			return func(context.Context) (coherence.Filled, error) {
				return coherence.Filled{}, fmt.Errorf("read: %w", os.ErrDeadlineExceeded)
			}
		},
		"it panics": func(context.CancelFunc) read {
			return func(context.Context) (coherence.Filled, error) { panic("leader") }
		},
		"its goroutine exits": func(context.CancelFunc) read {
			return func(context.Context) (coherence.Filled, error) { runtime.Goexit(); panic("not reached") }
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				e := newEngine(t)
				leaving, leave := context.WithCancel(t.Context())
				gate := make(chan struct{})
				start(leaving, e.Rows(), func(ctx context.Context) (coherence.Filled, error) {
					<-gate
					return end(leave)(ctx)
				})
				hold, release := held("from the next leader")
				next, last := start(t.Context(), e.Rows(), hold), start(t.Context(), e.Rows(), hold)
				close(gate)
				synctest.Wait()
				require.Equal(t, 1, next.reads+last.reads, "one of those who waited reads, the other waits for it")
				release()
				synctest.Wait()
				for _, r := range []*reader{next, last} {
					require.True(t, r.done.Load())
					require.NoError(t, r.err)
					require.Equal(t, "from the next leader", string(r.loaded.Value))
				}
				require.Zero(t, coherence.Flights(e.Rows()))
				leave()
			})
		})
	}
}

func TestADatabaseErrorIsForAllWhoJoined(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		e := newEngine(t)
		gate, broken := make(chan struct{}), errors.New("relation does not exist")
		leader := start(t.Context(), e.Rows(), func(context.Context) (coherence.Filled, error) {
			<-gate
			return coherence.Filled{Value: []byte("half"), Keep: true}, broken
		})
		follower := start(t.Context(), e.Rows(), answer("another"))
		close(gate)
		synctest.Wait()
		require.ErrorIs(t, leader.err, broken)
		require.ErrorIs(t, follower.err, broken)
		require.Zero(t, follower.reads)
		require.Zero(t, e.Stats().Rows.Fills, "a failed read fills nothing")
	})
}

func TestAReadOvertakenByAWriteGathersNoMoreReaders(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		e := newEngine(t)
		oldRead, endOld := held("old")
		newRead, endNew := held("new")
		overtaken := start(t.Context(), e.Rows(), oldRead)
		require.NoError(t, e.Invalidate(t.Context(), row("a")))
		leader := start(t.Context(), e.Rows(), newRead)
		follower := start(t.Context(), e.Rows(), answer("another"))
		require.Zero(t, follower.reads, "those who come later share a read as well")
		endOld()
		synctest.Wait()
		require.True(t, overtaken.done.Load())
		require.Equal(t, 1, coherence.Flights(e.Rows()), "the end of the overtaken read leaves the new one alone")
		late := start(t.Context(), e.Rows(), answer("another"))
		endNew()
		synctest.Wait()
		for _, r := range []*reader{leader, follower, late} {
			require.Equal(t, "new", string(r.loaded.Value))
		}
		hit, ok, err := e.Rows().Get(t.Context(), "a")
		require.NoError(t, err)
		require.True(t, ok, "the late fill of the overtaken read did not replace the newer one")
		require.Equal(t, "new", string(hit.Value))
	})
}

// The write is committed before this reader starts, and published after it took its stamps: they are those of the leader, and
// nobody is writing any more.
func TestAWriterThatPublishesBetweenStampAndLookIsSeen(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		release := make(chan struct{})
		defer close(release)
		go w.load("a", func() { <-release })
		synctest.Wait()
		write := w.begin(row("a"))
		w.set("a", "new")
		stamps := w.engine.Stamp(nil, row("a"))
		write.Publish(t.Context())
		require.False(t, coherence.Joins(w.engine.Rows(), "a", stamps))
	})
}

func TestAFinishedReadIsNeverJoined(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		e := newEngine(t)
		first := start(t.Context(), e.Rows(), answer("first"))
		second := start(t.Context(), e.Rows(), answer("second"))
		require.True(t, first.done.Load())
		require.Equal(t, "second", string(second.loaded.Value))
	})
}

func TestAnEndedContextReadsNothing(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.read("a")
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	_, ok, err := w.engine.Rows().Get(ctx, "a")
	require.ErrorIs(t, err, context.Canceled, "a hit checks the context, as the database would")
	require.False(t, ok)
	_, err = w.engine.Rows().Load(ctx, "a", nil, func(context.Context) (coherence.Filled, error) {
		t.Error("the read function ran")
		return coherence.Filled{}, nil
	})
	require.ErrorIs(t, err, context.Canceled)
}

// The database of this test is one number. A read must return one that it had between the call's start and its end.
func TestReadsAreLinearizableUnderContention(t *testing.T) {
	t.Parallel()
	const readers = 4
	reads := 5_000 // of each reader
	if testing.Short() {
		reads = 1_000
	}
	e := newEngine(t)
	var database, reading atomic.Int64
	reading.Store(readers)
	var group sync.WaitGroup
	group.Go(func() {
		for n := int64(1); reading.Load() > 0; n++ {
			w, err := e.Begin(t.Context(), row("a"))
			if err != nil {
				t.Error(err)
				return
			}
			in := coherence.Install{Cache: e.Rows(), Key: "a", Value: fmt.Append(nil, n), Row: row("a")}
			if err := w.Stage(t.Context(), in); err != nil {
				t.Error(err)
			}
			database.Store(n)
			runtime.Gosched()
			w.Publish(t.Context())
			for range 10 {
				runtime.Gosched() // leaves time for hits
			}
		}
	})
	for range readers {
		group.Go(func() {
			defer reading.Add(-1)
			for range reads {
				before := database.Load()
				value, err := readNumber(t.Context(), e, &database)
				after := database.Load()
				if err != nil || value < before || value > after {
					t.Errorf("read %d while the database went from %d to %d: %v", value, before, after, err)
					return
				}
				runtime.Gosched()
			}
		})
	}
	group.Wait()
	s := e.Stats()
	require.NotZero(t, s.Installs)
	require.NotZero(t, s.Rows.Hits)
}

func readNumber(ctx context.Context, e *coherence.Engine, database *atomic.Int64) (n int64, err error) {
	hit, ok, err := e.Rows().Get(ctx, "a")
	value := hit.Value
	if !ok && err == nil {
		var loaded coherence.Loaded
		loaded, err = e.Rows().Load(ctx, "a", []coherence.Tag{row("a")}, func(context.Context) (coherence.Filled, error) {
			n := database.Load()
			runtime.Gosched()
			return coherence.Filled{Value: fmt.Append(nil, n), Keep: true}, nil
		})
		value = loaded.Value
	}
	if err != nil {
		return 0, err
	}
	_, err = fmt.Sscan(string(value), &n)
	return n, err
}
