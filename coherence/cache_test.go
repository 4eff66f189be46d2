package coherence_test

import (
	"context"
	"fmt"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/cachewright/cachewright/coherence"
	"github.com/cachewright/cachewright/store"
	"github.com/cachewright/cachewright/store/storetest"
)

func TestAStoreThatFailsIsAMiss(t *testing.T) {
	t.Parallel()
	st := storetest.NewFaulty(newStore(t))
	w := newWorld(t, coherence.WithStore(st))
	w.read("a")
	broken := storetest.FailBefore(fmt.Errorf("connection refused: %w", store.ErrUnavailable))
	st.Always(storetest.OpGet, broken)
	st.Always(storetest.OpSet, broken)
	st.Always(storetest.OpDelete, broken)
	w.set("a", "new")
	require.NoError(t, w.engine.Invalidate(t.Context(), row("a")))
	require.Equal(t, "new", w.read("a"))
	require.ErrorIs(t, w.engine.Rows().Delete(t.Context(), "a"), store.ErrUnavailable)
	require.Equal(t, uint64(3), w.engine.Stats().Rows.StoreErrors)
}

func TestThatACallerLeftIsNoFailureOfTheStore(t *testing.T) {
	t.Parallel()
	st := storetest.NewFaulty(newStore(t))
	w := newWorld(t, coherence.WithStore(st))
	ctx, cancel := context.WithCancel(t.Context())
	st.Script(storetest.OpGet, storetest.Fault{Before: func(ctx context.Context) error {
		cancel()
		<-ctx.Done()
		return ctx.Err()
	}})
	_, ok, err := w.engine.Rows().Get(ctx, "a")
	require.ErrorIs(t, err, context.Canceled)
	require.False(t, ok)
	require.Error(t, w.engine.Rows().Delete(ctx, "a"))
	require.Zero(t, w.engine.Stats().Rows.StoreErrors)
}

func TestBytesThatAreNoEntryAreAMiss(t *testing.T) {
	t.Parallel()
	st := newStore(t)
	w := newWorld(t, coherence.WithStore(st))
	w.read("a")
	whole, err := st.Get(t.Context(), "a")
	require.NoError(t, err)
	for n := range whole {
		require.NoError(t, st.Set(t.Context(), "a", whole[:n], 0))
		if hit, ok, err := w.engine.Rows().Get(t.Context(), "a"); ok {
			require.NoError(t, err)
			require.Equal(t, "old"[:len(hit.Value)], string(hit.Value), "only the value's own end may be cut unnoticed")
		}
	}
	require.NotZero(t, w.engine.Stats().Rows.Corrupt)
	for i := range whole[:len(whole)-len("old")] {
		for bit := range 8 {
			flipped := append([]byte(nil), whole...)
			flipped[i] ^= 1 << bit
			require.NoError(t, st.Set(t.Context(), "a", flipped, 0))
			_, _, err := w.engine.Rows().Get(t.Context(), "a")
			require.NoError(t, err)
		}
	}
}

// FuzzGet feeds the store's bytes to Get: whatever they are, it answers or misses.
func FuzzGet(f *testing.F) {
	st := newStore(f)
	w := newWorld(f, coherence.WithStore(st))
	w.read("a")
	whole, err := st.Get(f.Context(), "a")
	require.NoError(f, err)
	head := whole[:17]
	f.Add(whole[17:])
	f.Add([]byte{})
	f.Add([]byte{0})
	f.Add([]byte{0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x01})
	f.Add([]byte{1, 0xff, 0xff, 0xff, 0xff, 0, 0, 0, 0, 0, 0, 0, 0})
	f.Fuzz(func(t *testing.T, tail []byte) {
		require.NoError(t, st.Set(t.Context(), "fuzz", append(head[:len(head):len(head)], tail...), 0))
		hit, ok, err := w.engine.Rows().Get(t.Context(), "fuzz")
		require.NoError(t, err)
		require.Equal(t, ok, hit.Valid())
		require.LessOrEqual(t, len(hit.Value)+12*len(hit.Stamps(nil)), len(tail))
	})
}

func TestAnEntryLivesNoLongerThanItsLife(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		e := newEngine(t)
		alive := func(life coherence.Life, after time.Duration) int {
			n := 0
			for i := range 100 {
				require.NoError(t, e.Rows().Put(t.Context(), fmt.Sprint(i), nil, e.Stamp(nil, row("a")), life))
			}
			<-time.After(after)
			for i := range 100 {
				if _, ok, _ := e.Rows().Get(t.Context(), fmt.Sprint(i)); ok {
					n++
				}
			}
			return n
		}
		minute := coherence.Life{TTL: time.Minute}
		require.Equal(t, 100, alive(coherence.Life{}, 1000*time.Hour))
		require.Equal(t, 100, alive(minute, time.Minute-time.Second))
		require.Equal(t, 0, alive(minute, time.Minute))
		spread := coherence.Life{TTL: time.Minute, Jitter: 0.5}
		require.Equal(t, 100, alive(spread, 29*time.Second))
		require.Equal(t, 0, alive(spread, time.Minute))
		half := alive(spread, 45*time.Second)
		require.True(t, 10 < half && half < 90, "%d of 100", half)
		require.Equal(t, 0, alive(coherence.Life{TTL: time.Minute, Jitter: 7}, time.Minute))
		require.Equal(t, 100, alive(coherence.Life{TTL: -1}, time.Hour), "below 0 is none, as 0 is")
	})
}

func TestFiguresAreExact(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.read("a") // miss, fill
	w.read("a") // hit
	w.read("a") // hit
	w.engine.Rows().Served()
	write := w.begin(row("a"))
	w.read("a") // stale: a writer; the fill is stored and never valid
	w.stage(write, "a", "new")
	write.Publish(t.Context())
	w.read("a") // hit: installed
	require.NoError(t, w.engine.Invalidate(t.Context(), row("a")))
	w.read("a") // stale, fill
	_, _, err := w.engine.Pages().Get(t.Context(), "a")
	require.NoError(t, err)
	require.Equal(t, coherence.Stats{
		Rows:      coherence.CacheStats{Hits: 4, Misses: 3, Stale: 2, Fills: 3},
		Pages:     coherence.CacheStats{Misses: 1},
		Publishes: 2,
		Installs:  1,
	}, w.engine.Stats())
}
