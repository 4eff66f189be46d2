package coherence_test

import (
	"testing"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/cachewright/cachewright/coherence"
)

func TestNoStampsVouchForNothing(t *testing.T) {
	t.Parallel()
	e := newEngine(t)
	require.False(t, e.Valid(nil))
	require.False(t, coherence.Hit{}.Valid())
	require.NoError(t, e.Rows().Put(t.Context(), "a", []byte("value"), nil, coherence.Life{}))
	_, ok, err := e.Rows().Get(t.Context(), "a")
	require.NoError(t, err)
	require.False(t, ok)
	require.Zero(t, e.Stats().Rows.Fills)
}

func TestAStampTakenDuringAWriteOutlivesItsRollbackOnly(t *testing.T) {
	t.Parallel()
	for name, want := range map[string]bool{"release": true, "publish": false, "settle": false} {
		e := newEngine(t)
		w, err := e.Begin(t.Context(), row("a"))
		require.NoError(t, err)
		stamps := e.Stamp(nil, row("a"))
		require.False(t, e.Valid(stamps), "somebody is writing")
		require.False(t, e.Moved(stamps), "and may not come to anything")
		switch name {
		case "release":
			w.Release()
		case "publish":
			w.Publish(t.Context())
		case "settle":
			w.Settle()
		}
		require.Equal(t, want, e.Valid(stamps), name)
		require.Equal(t, !want, e.Moved(stamps), name)
	}
}

func TestALateFillIsHarmless(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	stamps := w.engine.Stamp(nil, row("a"))
	late := w.get("a")
	write := w.begin(row("a"))
	w.set("a", "new")
	require.NoError(t, w.engine.Rows().Put(t.Context(), "a", []byte(late), stamps, coherence.Life{}))
	require.False(t, w.hit("a"), "stored before the publish")
	write.Publish(t.Context())
	require.False(t, w.hit("a"))
	require.Equal(t, "new", w.read("a"))
	require.NoError(t, w.engine.Rows().Put(t.Context(), "a", []byte(late), stamps, coherence.Life{}))
	require.True(t, w.hit("a"), "after it, a late fill does not even replace the newer entry")
}

func TestAHitTellsWhatItStandsOn(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.read("a")
	hit, ok, err := w.engine.Rows().Get(t.Context(), "a")
	require.NoError(t, err)
	require.True(t, ok)
	require.Equal(t, w.engine.Stamp(nil, row("a")), hit.Stamps(nil))
	require.True(t, hit.Valid())
	require.NoError(t, w.engine.Invalidate(t.Context(), row("a")))
	require.False(t, hit.Valid(), "whoever joins several hits asks again")
	require.Equal(t, "old", string(hit.Value))
}

func TestTagsThatShareAWordOnlyCostMisses(t *testing.T) {
	t.Parallel()
	e := newEngine(t, coherence.WithBits(1))
	require.True(t, coherence.SameWord(e, row("a"), coherence.NamedTag("prices")))
	require.False(t, coherence.SameWord(e, row("a"), coherence.Everything()), "nobody shares the word of everything")
	stamps := e.Stamp(nil, row("a"), coherence.NamedTag("prices"))
	require.Len(t, stamps, 2)
	require.NoError(t, e.Invalidate(t.Context(), coherence.TableTag("people")))
	require.False(t, e.Valid(stamps))
}

// Merge keeps each word once with its older version, whatever the lengths, and touches neither side.
func TestMergeIsAUnionOfTheOlder(t *testing.T) {
	t.Parallel()
	stamps := rapid.SliceOfNDistinct(rapid.Custom(func(r *rapid.T) coherence.Stamp {
		return coherence.Stamp{Word: rapid.Uint32Range(0, 60).Draw(r, "word"), Version: rapid.Uint64Range(0, 5).Draw(r, "version")}
	}), 0, 60, func(s coherence.Stamp) uint32 { return s.Word })
	rapid.Check(t, func(r *rapid.T) {
		a, b := coherence.Stamps(stamps.Draw(r, "a")), coherence.Stamps(stamps.Draw(r, "b"))
		beforeA, beforeB := coherence.Stamps{}.Merge(a), coherence.Stamps{}.Merge(b)
		want := map[uint32]uint64{}
		for _, s := range append(append(coherence.Stamps{}, a...), b...) {
			if v, ok := want[s.Word]; !ok || s.Version < v {
				want[s.Word] = s.Version
			}
		}
		merged := a.Merge(b)
		got := map[uint32]uint64{}
		for i := range merged {
			got[merged[i].Word] = merged[i].Version
			merged[i].Version += 100
		}
		require.Equal(r, want, got)
		require.Len(r, merged, len(want))
		require.True(r, a.Equal(beforeA) && b.Equal(beforeB))
	})
}
