package bench_test

import (
	"slices"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/cachewright/cachewright/internal/testkit"
)

func TestEveryMeasurementRunsAndKeepsWithinItsBoundOfAllocations(t *testing.T) { //nolint:paralleltest // allocations of others would count
	var bounded []string
	for _, g := range allGroups(t, testkit.PostgresDatabase(t)) {
		for _, m := range g.all() {
			require.NoError(t, m.run(1), m.name)
			m.requireSound(t)
			if m.bound == 0 {
				continue
			}
			bounded = append(bounded, m.name)
			floor, own := allocationsOfOne(t, g.floor), allocationsOfOne(t, m)
			t.Logf("%s: %v allocations, %v at the floor", m.name, own, floor)
			require.LessOrEqual(t, own-floor, float64(m.bound), "%s: %v allocations, %v at the floor", m.name, own, floor)
			m.requireSound(t)
		}
	}
	require.Equal(t, []string{"First, served from the cache", "page hit"}, bounded)
}

// allocationsOfOne is what a call allocates when the pools it uses are filled: the least of many calls, for garbage
// collection empties pools, and the race detector has them forget at random.
func allocationsOfOne(tb testing.TB, m measurement) float64 {
	tb.Helper()
	counts := make([]float64, 100)
	for i := range counts {
		counts[i] = testing.AllocsPerRun(1, func() { require.NoError(tb, m.run(1)) })
	}
	return slices.Min(counts)
}
