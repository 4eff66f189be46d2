package bench_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/cachewright/cachewright/internal/testkit"
)

// measurement is one call to be measured, ready to run.
type measurement struct {
	name string
	// run makes the call n times. It is timed, whole.
	run func(n int) error
	// check says what is wrong with all runs so far: a hit that was none, an update that was lost. It is not timed, and
	// leaves nothing pending. It may be nil.
	check func() error
	// bound is how many allocations more than the floor the call may make; 0 for no bound.
	bound int
	// limit is how many times the floor's time the call is meant to take at most; 0 for no limit. The table shows it.
	limit float64
	// plain marks how it is done without the cache.
	plain bool
}

// group is a floor and what is compared with it.
type group struct {
	title  string
	floor  measurement
	others []measurement
}

// sample is what one operation of a measurement took in one round.
type sample struct {
	nanoseconds, bytes, allocations float64
}

// allGroups makes everything ready to be measured on a PostgreSQL database.
func allGroups(tb testing.TB, database testkit.Database) []group {
	tb.Helper()
	return []group{
		rowGroup(tb, database), pageGroup(tb, database), counterGroup(tb, database),
		listGroup(tb, database), updateGroup(tb, database),
	}
}

// all is the floor, then the others.
func (g group) all() []measurement {
	return append([]measurement{g.floor}, g.others...)
}

// sample measures for as long as -benchtime says. Allocations are those of the whole process, a flusher's included.
func (m measurement) sample(tb testing.TB) sample {
	tb.Helper()
	var err error
	result := testing.Benchmark(func(b *testing.B) {
		if err = m.run(b.N); err != nil {
			b.FailNow() // what it would log is not shown
		}
	})
	require.NoError(tb, err, m.name)
	m.requireSound(tb)
	n := float64(result.N)
	return sample{
		nanoseconds: float64(result.T.Nanoseconds()) / n,
		bytes:       float64(result.MemBytes) / n,
		allocations: float64(result.MemAllocs) / n,
	}
}

// requireSound checks that the runs were what they claim to be.
func (m measurement) requireSound(tb testing.TB) {
	tb.Helper()
	if m.check != nil {
		require.NoError(tb, m.check(), m.name)
	}
}
