package bench_test

import (
	"fmt"
	"os"
	"slices"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/cachewright/cachewright/internal/testkit"
)

// report is what all rounds found, by group and measurement.
type report [][]series

// series are the samples of one measurement, one a round.
type series []sample

// TestTable prints the table when -rounds asks for one. Its PostgreSQL is a server of its own, which writes through to
// the disk at every COMMIT.
func TestTable(t *testing.T) { //nolint:paralleltest // it measures
	if *rounds <= 0 {
		t.Skip("-rounds=5 prints the table")
	}
	server := testkit.StartPostgres(t, testkit.WithFsync())
	database := testkit.Database{Name: "postgres", DSN: server.Database(t)}
	groups := allGroups(t, database)
	fmt.Println(surroundings(t, database))
	measureRounds(t, groups, *rounds).print(os.Stdout, groups)
}

// measureRounds lets the measurements take turns, in every second round in the opposite order.
func measureRounds(tb testing.TB, groups []group, rounds int) report {
	tb.Helper()
	type turn struct{ group, row int }
	var turns []turn
	found := make(report, len(groups))
	for i, g := range groups {
		found[i] = make([]series, len(g.all()))
		for j, m := range g.all() {
			require.NoError(tb, m.run(many), m.name) // warm
			m.requireSound(tb)
			turns = append(turns, turn{i, j})
		}
	}
	for round := range rounds {
		fmt.Fprintf(os.Stderr, "round %d of %d\n", round+1, rounds)
		for _, at := range turns {
			s := groups[at.group].all()[at.row].sample(tb)
			found[at.group][at.row] = append(found[at.group][at.row], s)
		}
		slices.Reverse(turns)
	}
	return found
}

// over is the ratio of the time to that of another measurement, the median of the ratios in each round.
func (s series) over(other series) float64 {
	ratios := make([]float64, len(s))
	for i := range s {
		ratios[i] = s[i].nanoseconds / other[i].nanoseconds
	}
	return median(ratios)
}

// each is one figure of every sample.
func (s series) each(figure func(sample) float64) []float64 {
	figures := make([]float64, len(s))
	for i := range s {
		figures[i] = figure(s[i])
	}
	return figures
}

func nanoseconds(s sample) float64 { return s.nanoseconds }
func bytes(s sample) float64       { return s.bytes }
func allocations(s sample) float64 { return s.allocations }

// median is the middle of the figures, or the mean of the two in the middle.
func median(figures []float64) float64 {
	sorted := slices.Sorted(slices.Values(figures))
	n := len(sorted)
	return (sorted[(n-1)/2] + sorted[n/2]) / 2
}
