package coherence_test

import (
	"fmt"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/cachewright/cachewright/coherence"
	"github.com/cachewright/cachewright/internal/switches"
)

// hotRow stores a value and asks for it until it is in the front.
func hotRow(tb testing.TB, e *coherence.Engine, key string, value []byte, life coherence.Life) {
	tb.Helper()
	require.NoError(tb, e.Rows().Put(tb.Context(), key, value, e.Stamp(nil, row(key)), life))
	_, ok, err := e.Rows().Get(tb.Context(), key)
	require.NoError(tb, err)
	require.True(tb, ok)
	require.True(tb, e.Fronted(key))
}

func TestAHotRowIsServedWithoutTheStore(t *testing.T) { //nolint:paralleltest // allocations of others would count
	e := newEngine(t)
	hotRow(t, e, "a", []byte("value"), coherence.Life{})
	key := []byte("a")
	allocations := testing.AllocsPerRun(100, func() {
		if hit, ok, err := e.Rows().GetBytes(t.Context(), key); !ok || err != nil || string(hit.Value) != "value" {
			t.Error("no hit", ok, err)
		}
	})
	require.Zero(t, allocations)
	key[0] = 'b' // the buffer was the caller's again
	_, ok, err := e.Rows().GetBytes(t.Context(), key)
	require.NoError(t, err)
	require.False(t, ok)
	require.True(t, e.Fronted("a"))
}

func TestAWriteEndsACopyInTheFront(t *testing.T) {
	t.Parallel()
	e := newEngine(t)
	hotRow(t, e, "a", []byte("old"), coherence.Life{})
	w, err := e.Begin(t.Context(), row("a"))
	require.NoError(t, err)
	_, ok, err := e.Rows().Get(t.Context(), "a")
	require.NoError(t, err)
	require.False(t, ok, "while it is written")
	w.Publish(t.Context())
	_, ok, err = e.Rows().Get(t.Context(), "a")
	require.NoError(t, err)
	require.False(t, ok, "after it was written")
	hotRow(t, e, "a", []byte("new"), coherence.Life{})
	hit, ok, err := e.Rows().Get(t.Context(), "a")
	require.NoError(t, err)
	require.True(t, ok)
	require.Equal(t, "new", string(hit.Value))
}

func TestACopyInTheFrontIsStaleWithoutTheStampCheck(t *testing.T) { //nolint:paralleltest // the switch is the process's
	e := newEngine(t)
	hotRow(t, e, "a", []byte("old"), coherence.Life{})
	switches.Disable(t, switches.StampCheck)
	require.NoError(t, e.Invalidate(t.Context(), row("a")))
	hit, ok, err := e.Rows().Get(t.Context(), "a")
	require.NoError(t, err)
	require.True(t, ok && string(hit.Value) == "old", "nothing but the check keeps it away")
}

func TestACopyInTheFrontEndsWithItsEntry(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		e := newEngine(t)
		defer func() { require.NoError(t, e.Close(t.Context())) }()
		hotRow(t, e, "a", []byte("value"), coherence.Life{TTL: time.Minute})
		<-time.After(59 * time.Second)
		_, ok, err := e.Rows().Get(t.Context(), "a")
		require.NoError(t, err)
		require.True(t, ok)
		<-time.After(2 * time.Second)
		_, ok, err = e.Rows().Get(t.Context(), "a")
		require.NoError(t, err)
		require.False(t, ok)
	})
}

func TestADeletedEntryLeavesTheFront(t *testing.T) {
	t.Parallel()
	e := newEngine(t)
	hotRow(t, e, "a", []byte("value"), coherence.Life{})
	require.NoError(t, e.Rows().Delete(t.Context(), "a"))
	require.False(t, e.Fronted("a"))
	_, ok, err := e.Rows().Get(t.Context(), "a")
	require.NoError(t, err)
	require.False(t, ok)
}

func TestTheFrontIsBoundedAndKeepsWhatIsHot(t *testing.T) {
	t.Parallel()
	e := newEngine(t, coherence.WithMemory(8<<20))
	budget := e.FrontBudget()
	require.LessOrEqual(t, budget, int64(8<<20/16))
	hotRow(t, e, "hot", make([]byte, 1000), coherence.Life{})
	most := int64(0)
	for i := range 20_000 {
		ask(t, e, fmt.Sprint("cold ", i))
		require.LessOrEqual(t, e.FrontUsed(), budget)
		most = max(most, e.FrontUsed())
		if i%50 == 0 {
			ask(t, e, "hot")
		}
	}
	require.Greater(t, most, budget/2, "the budget is used")
	require.True(t, e.Fronted("hot"), "what is asked for again and again stays")

	ask(t, e, "hot")
	require.NoError(t, e.Rows().Put(t.Context(), "large", make([]byte, 64<<10), e.Stamp(nil, row("large")), coherence.Life{}))
	_, ok, err := e.Rows().Get(t.Context(), "large")
	require.NoError(t, err)
	require.True(t, ok)
	require.False(t, e.Fronted("large"), "a large entry would push out too many")
}

// ask stores the entry if it is not there, and asks for it.
func ask(tb testing.TB, e *coherence.Engine, key string) {
	tb.Helper()
	_, ok, err := e.Rows().Get(tb.Context(), key)
	require.NoError(tb, err)
	if !ok {
		require.NoError(tb, e.Rows().Put(tb.Context(), key, make([]byte, 1000), e.Stamp(nil, row(key)), coherence.Life{}))
		_, _, err = e.Rows().Get(tb.Context(), key)
		require.NoError(tb, err)
	}
}

func TestAStoreOfTheUsersHasNoFront(t *testing.T) {
	t.Parallel()
	e := newEngine(t, coherence.WithStore(newStore(t)))
	require.NoError(t, e.Rows().Put(t.Context(), "a", []byte("value"), e.Stamp(nil, row("a")), coherence.Life{}))
	_, ok, err := e.Rows().Get(t.Context(), "a")
	require.NoError(t, err)
	require.True(t, ok)
	require.False(t, e.Fronted("a"), "whether it is reachable is for the store to say")
}
