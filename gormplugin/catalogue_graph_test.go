package cacheplugin

import (
	"fmt"
	"testing"

	"github.com/stretchr/testify/require"
)

func TestAWriteThatReachesTooManyTablesIsOneOfEverything(t *testing.T) {
	t.Parallel()
	g := newGraph()
	g.name("root", "root")
	for i := range maxReached {
		g.name(fmt.Sprint(i), fmt.Sprint("part_", i))
		g.inherit("root", fmt.Sprint(i))
	}
	names, all := g.reach("root", onInsert, nil)
	require.Len(t, names, maxReached)
	require.False(t, all)

	g.name("more", "more")
	g.inherit("root", "more")
	names, all = g.reach("root", onInsert, nil)
	require.Empty(t, names)
	require.True(t, all)
}

func TestATableNobodyHasReadIsTakenForTheWorst(t *testing.T) {
	t.Parallel()
	g := newGraph()
	g.name("known", "known")
	g.refer("known", "unread", onDelete, 0)
	_, all := g.reach("known", onDelete, nil)
	require.True(t, all)
	_, all = g.reach("known", onUpdate, nil)
	require.False(t, all)
	_, all = g.reach("nowhere", onUpdate, nil)
	require.True(t, all)
}

func TestTriggersThatWriteTheirOwnTablesComeToAnEnd(t *testing.T) {
	t.Parallel()
	g := newGraph()
	g.name("a", "a").fires = onInsert
	g.name("b", "b").fires = onUpdate
	names, all := g.reach("a", onInsert, map[string][]string{"a": {"b"}, "b": {"a", "b"}})
	require.Equal(t, []string{"a", "b"}, names)
	require.False(t, all)
	names, all = g.reach("a", onDelete, map[string][]string{"a": {"b"}})
	require.Empty(t, names)
	require.False(t, all)
}
