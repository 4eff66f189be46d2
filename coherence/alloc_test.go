package coherence_test

import (
	"context"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/cachewright/cachewright/coherence"
	"github.com/cachewright/cachewright/store"
)

// requireAllocs is not for parallel tests: allocations of others would count.
func requireAllocs(t *testing.T, most float64, f func()) {
	t.Helper()
	require.LessOrEqual(t, testing.AllocsPerRun(200, f), most)
}

func TestCheckingStampsAllocatesNothing(t *testing.T) {
	e := newEngine(t)
	tags := []coherence.Tag{row("a"), row("b"), coherence.TableTag("people"), coherence.NamedTag("prices")}
	stamps := e.Stamp(nil, tags...)
	moment := e.Moment()
	require.NoError(t, e.Expire(t.Context(), row("other")))
	requireAllocs(t, 0, func() { _ = e.Valid(stamps) && e.Moved(stamps) && e.Expired(stamps, moment) })
	buf := make(coherence.Stamps, 0, len(stamps))
	requireAllocs(t, 0, func() { buf = e.Stamp(buf[:0], tags...) })
	requireAllocs(t, 1, func() { _ = e.Stamp(nil, tags...) })
}

func TestAHitAllocatesTheStoresCopiesOnly(t *testing.T) {
	st := &frozen{Store: newStore(t)}
	w := newWorld(t, coherence.WithStore(st))
	w.read("a")
	ctx, rows := context.Background(), w.engine.Rows()
	get := func() {
		if hit, ok, err := rows.Get(ctx, "a"); !ok || err != nil || !hit.Valid() || hit.Expired(0) {
			t.Error("a miss")
		}
	}
	requireAllocs(t, 2, get) // BigCache copies the entry and, to compare it, the key
	entry, err := st.Get(ctx, "a")
	require.NoError(t, err)
	st.entry = entry
	requireAllocs(t, 0, get)
}

// frozen answers every Get with its entry, once it has one.
type frozen struct {
	store.Store
	entry []byte
}

func (f *frozen) Get(ctx context.Context, key string) ([]byte, error) {
	if f.entry != nil {
		return f.entry, nil
	}
	return f.Store.Get(ctx, key)
}

func TestAWriteAllocatesLittle(t *testing.T) {
	e := newEngine(t)
	ctx, tag := context.Background(), row("a")
	requireAllocs(t, 2, func() { // the Write, and its copy of the tags
		w, _ := e.Begin(ctx, tag)
		w.Publish(ctx)
	})
	requireAllocs(t, 0, func() { _ = e.Invalidate(ctx, tag) })
}

func TestMakingATagAllocatesNothing(t *testing.T) {
	things := coherence.TableTag("things")
	requireAllocs(t, 0, func() { _ = things.RowText("7", "eight") })
	requireAllocs(t, 0, func() { _ = things.Row("seven") })
}

func TestLookingForStraysAllocatesNothing(t *testing.T) {
	e := newEngine(t)
	requireAllocs(t, 0, e.Stray)
}
