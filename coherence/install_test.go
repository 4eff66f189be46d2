package coherence_test

import (
	"context"
	"fmt"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/cachewright/cachewright/coherence"
	"github.com/cachewright/cachewright/store"
	"github.com/cachewright/cachewright/store/storetest"
)

func TestAnInstalledValueIsAHitAtOnce(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	write := w.begin(row("a"))
	w.stage(write, "a", "new")
	require.False(t, w.hit("a"), "staged only")
	w.set("a", "new")
	write.Publish(t.Context())
	require.True(t, w.hit("a"))
	require.Equal(t, "new", w.read("a"))
	require.NoError(t, w.engine.Invalidate(t.Context(), coherence.TableTag("things")))
	require.False(t, w.hit("a"), "it stands on the bulk writes of its table")
}

func TestAnInstalledValueGoesWithEverything(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	write := w.begin(row("a"))
	w.stage(write, "a", "new")
	write.Publish(t.Context())
	require.NoError(t, w.engine.InvalidateAll(t.Context()))
	require.False(t, w.hit("a"))
}

func TestAValueIsInstalledForACallerWhoHasLeft(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	write := w.begin(row("a"))
	w.stage(write, "a", "new")
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	write.Publish(ctx)
	require.True(t, w.hit("a"))
}

func TestNothingIsInstalled(t *testing.T) {
	t.Parallel()
	for name, write := range map[string]func(w *world) *coherence.Write{
		"when the write covers the whole table": func(w *world) *coherence.Write {
			return w.begin(row("a"), coherence.TableTag("things"))
		},
		"when the write covers everything": func(w *world) *coherence.Write {
			return w.begin(row("a"), coherence.Everything())
		},
		"for a row the write did not announce": func(w *world) *coherence.Write { return w.begin(row("b")) },
		"when a bulk write was under way before": func(w *world) *coherence.Write {
			bulk := w.begin(coherence.TableTag("things"))
			w.Cleanup(bulk.Release)
			return w.begin(row("a"))
		},
		"when another writer of the row was there before": func(w *world) *coherence.Write {
			other := w.begin(row("a"))
			w.Cleanup(other.Release)
			return w.begin(row("a"))
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t)
			write := write(w)
			w.stage(write, "a", "new")
			write.Publish(t.Context())
			require.False(t, w.hit("a"))
			s := w.engine.Stats()
			require.Equal(t, uint64(1), s.InstallsSkipped)
			require.Zero(t, s.Installs)
		})
	}
}

func TestASettledWriteInstallsNothing(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	write := w.begin(row("a"))
	w.stage(write, "a", "new")
	write.Settle()
	require.False(t, w.hit("a"))
}

func TestDataChangedOutsideKeepsARowFromBeingInstalled(t *testing.T) {
	t.Parallel()
	for name, tag := range map[string]coherence.Tag{
		"the row": row("a"), "its table": coherence.TableTag("things"), "everything": coherence.Everything(),
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t)
			write := w.begin(row("a"))
			w.stage(write, "a", "new")
			w.set("a", "outside")
			require.NoError(t, w.engine.Invalidate(t.Context(), tag))
			write.Publish(t.Context())
			require.Equal(t, "outside", w.read("a"))
		})
	}
}

func TestStageTellsThatTheCacheCannotTakeTheValue(t *testing.T) {
	t.Parallel()
	st := storetest.NewFaulty(newStore(t))
	w := newWorld(t, coherence.WithStore(st))
	w.read("a")
	write := w.begin(row("a"))
	st.Script(storetest.OpSet, storetest.FailBefore(fmt.Errorf("refused: %w", store.ErrUnavailable)))
	require.ErrorIs(t, write.Stage(t.Context(), w.install("a", "new")), store.ErrUnavailable)
	in := w.install("a", "")
	in.Value = make([]byte, st.MaxEntry())
	require.ErrorIs(t, write.Stage(t.Context(), in), store.ErrTooLarge)
	write.Release()
	require.True(t, w.hit("a"), "the write did not happen, and nothing was overwritten")
	s := w.engine.Stats().Rows
	require.Equal(t, [2]uint64{1, 1}, [2]uint64{s.StoreErrors, s.TooLarge})
}

// What fits when it is staged fits when it is installed.
func TestAStagedValueHasItsFinalSize(t *testing.T) {
	t.Parallel()
	var sizes []int
	st := &measured{Store: newStore(t), set: func(n int) { sizes = append(sizes, n) }}
	w := newWorld(t, coherence.WithStore(st))
	write := w.begin(row("a"))
	w.stage(write, "a", "new")
	write.Publish(t.Context())
	require.Len(t, sizes, 2)
	require.Equal(t, sizes[0], sizes[1])
}

func TestAValueThatCannotBeInstalledAfterAllIsAMiss(t *testing.T) {
	t.Parallel()
	st := storetest.NewFaulty(newStore(t))
	w := newWorld(t, coherence.WithStore(st))
	write := w.begin(row("a"))
	w.stage(write, "a", "new")
	st.Script(storetest.OpSet, storetest.FailBefore(store.ErrUnavailable))
	w.set("a", "new")
	write.Publish(t.Context())
	require.False(t, w.hit("a"))
	require.Equal(t, "new", w.read("a"))
	require.Equal(t, uint64(1), w.engine.Stats().Rows.StoreErrors)
}

func TestAPanicOfTheStoreDoesNotKeepAWriteFromBeingPublished(t *testing.T) {
	t.Parallel()
	boom := false
	w := newWorld(t, coherence.WithStore(&measured{Store: newStore(t), set: func(int) {
		if boom {
			panic("store")
		}
	}}))
	w.read("a")
	told := false
	defer w.engine.OnCommit(func([]coherence.Tag) { told = true })()
	write := w.begin(row("a"))
	w.stage(write, "a", "new")
	w.set("a", "new")
	boom = true
	require.PanicsWithValue(t, "store", func() { write.Publish(t.Context()) })
	boom = false
	require.True(t, told)
	require.Equal(t, []uint64{0, 0, 0}, coherence.Writers(w.engine, row("a")))
	require.Equal(t, "new", w.read("a"))
}

// Two sentences of the protocol that were tried without: what happens to whoever does not follow them.

func TestAnEarlyPublishOfAnUnknownOutcomeIsStaleForEver(t *testing.T) {
	t.Parallel()
	lost := func(w *world) (*coherence.Write, func()) {
		w.read("a")
		return w.begin(row("a")), func() { w.set("a", "new") } // COMMIT is on its way, and its answer is lost
	}
	t.Run("published early", func(t *testing.T) {
		t.Parallel()
		w := newWorld(t)
		write, land := lost(w)
		write.Settle()
		w.read("a")
		land()
		for range 100 {
			require.Equal(t, "old", w.read("a"), "nothing ever moves the version again")
		}
	})
	t.Run("kept until it is settled", func(t *testing.T) {
		t.Parallel()
		w := newWorld(t)
		write, land := lost(w)
		require.Equal(t, "old", w.read("a"))
		require.False(t, w.hit("a"))
		land()
		require.Equal(t, "new", w.read("a"), "while nobody knows, the database answers")
		write.Settle()
		require.Equal(t, "new", w.read("a"))
		require.True(t, w.hit("a"))
	})
}

func TestAbsentInstalledOverAnotherTransactionsInsert(t *testing.T) {
	t.Parallel()
	run := func(t *testing.T, installAbsence bool) string {
		w := newWorld(t)
		w.set("b", "") // an UPDATE of b meets no row, and locks none
		other := w.begin(row("b"))
		w.set("b", "inserted")
		other.Publish(t.Context())
		write := w.begin(row("b"))
		if installAbsence {
			w.stage(write, "b", "")
		}
		write.Publish(t.Context())
		return w.read("b")
	}
	require.Empty(t, run(t, true), "alone from Begin to Publish, and yet wrong: the row was not locked")
	require.Equal(t, "inserted", run(t, false), "an update that met no row only invalidates")
}

// measured tells the size of each entry stored.
type measured struct {
	store.Store
	set func(size int)
}

func (m *measured) Set(ctx context.Context, key string, value []byte, ttl time.Duration) error {
	m.set(len(value))
	return m.Store.Set(ctx, key, value, ttl)
}
