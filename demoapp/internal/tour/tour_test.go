package tour_test

import (
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/cachewright/cachewright/demoapp/internal/tour"
)

func TestALostClaimIsNamedWithWhatWasSeen(t *testing.T) {
	t.Parallel()
	report := tour.Report{Took: 1234 * time.Millisecond, Chapters: []tour.Chapter{
		{
			Pattern: "aside", When: "what is read often", Reads: 773, Writes: 111, ReadStatements: 42, WriteStatements: 7, Stale: 3,
			Claims: []tour.Claim{
				{Name: "aside: one", Held: true, Saw: "1 of 1"},
				{Name: "aside: two", Held: false, Saw: "3 reads stale"},
			},
		},
		{Pattern: "pages", Err: errors.New("the server went away")},
	}}
	require.Equal(t, []string{
		"aside: two (3 reads stale)",
		"pages: the chapter comes to its end (the server went away)",
	}, report.Lost())

	var out strings.Builder
	report.Print(&out)
	for _, want := range []string{
		"773", "111", "42", "what is read often", "none",
		"1 of 2 claims held, in 1.2s.",
		"✗ lost: aside: two (3 reads stale)\n",
		"✗ lost: pages: the chapter comes to its end (the server went away)\n",
	} {
		require.Contains(t, out.String(), want)
	}
	for line := range strings.Lines(out.String()) {
		require.LessOrEqual(t, len([]rune(line)), 125, "it fits a terminal: %s", line)
	}
}

func TestATourWithoutLossesIsASuccess(t *testing.T) {
	t.Parallel()
	report := tour.Report{Chapters: []tour.Chapter{{Pattern: "aside", Claims: []tour.Claim{{Name: "aside: one", Held: true}}}}}
	require.Empty(t, report.Lost())
	var out strings.Builder
	report.Print(&out)
	require.NotContains(t, out.String(), "✗")
}

func TestWhereNobodyAnswersEveryChapterIsLost(t *testing.T) {
	t.Parallel()
	var out strings.Builder
	report := tour.Run(t.Context(), nobody(), &out)
	require.Len(t, report.Lost(), 4)
	for _, pattern := range []string{"aside", "writethrough", "writeback", "pages"} {
		require.Contains(t, out.String(), "\n"+pattern+"\n")
	}
}
