package main

import (
	"context"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/cachewright/cachewright/demoapp/internal/apptest"
	"github.com/cachewright/cachewright/internal/switches"
	"github.com/cachewright/cachewright/internal/testkit"
)

func TestTheTourHoldsOnPostgreSQL(t *testing.T) {
	t.Parallel()
	dsn := testkit.Postgres(t)
	requireGreen(t, run(t, "-tour", "-dsn", dsn))
	requireGreen(t, run(t, "-tour", "-dsn", dsn)) // on what the first one left there
}

func TestATourThatServesEndsWhereNobodyIsThereToInterruptIt(t *testing.T) {
	t.Parallel()
	got := run(t, "-tour", "-serve", "-addr", "127.0.0.1:0", "-dsn", apptest.SQLite(t))
	requireGreen(t, got)
	require.NotContains(t, got.stdout, "until interrupted")
}

func TestATourThatIsInterruptedIsNoSuccess(t *testing.T) {
	t.Parallel()
	ctx, interrupt := context.WithCancel(t.Context())
	defer interrupt()
	p := program{getenv: func(string) string { return "" }, stdout: writerFunc(func(text string) {
		if strings.HasPrefix(text, "\naside") {
			interrupt()
		}
	}), stderr: new(strings.Builder)}
	require.Equal(t, exitError, p.run(ctx, []string{"-tour", "-dsn", apptest.SQLite(t)}))
	require.Contains(t, p.stderr.(*strings.Builder).String(), "interrupted") //nolint:forcetypeassert // set above
}

// The rules belong to the whole process: these tests are not parallel.

func TestTheTourNoticesThatCommitsInvalidateNothing(t *testing.T) {
	dsn := apptest.SQLite(t)
	switches.Disable(t, switches.PublishBump)
	requireLost(t, run(t, "-tour", "-dsn", dsn),
		"aside: a committed write is seen by the next read",
		"aside: a list changes with its rows, and a textbook cache's does not",
		"pages: a commit makes exactly its pages stale")
}

func TestTheTourNoticesThatStampsAreNotChecked(t *testing.T) {
	dsn := apptest.SQLite(t)
	switches.Disable(t, switches.StampCheck)
	requireLost(t, run(t, "-tour", "-dsn", dsn), "aside: a committed write is seen by the next read")
}

func TestTheTourNoticesThatWritesAreNotMerged(t *testing.T) {
	dsn := apptest.SQLite(t)
	switches.Disable(t, switches.MergeWrites)
	got := run(t, "-tour", "-dsn", dsn)
	requireLost(t, got, "writeback: 100 increments flush as one row")
	require.Equal(t, 1, strings.Count(got.stdout, "✗ lost: "), "and nothing else is wrong: %s", got.stdout)
}

func TestTheTourNoticesThatReadersDoNotShareAStatement(t *testing.T) {
	dsn := apptest.SQLite(t)
	switches.Disable(t, switches.Coalesce)
	requireLost(t, run(t, "-tour", "-dsn", dsn), "aside: readers of a cold row share its statement")
}

func TestTheTourNoticesThatNothingIsJournaled(t *testing.T) {
	t.Parallel()
	got := run(t, "-tour", "-dsn", apptest.SQLite(t), "-policy", "sensor_metrics=writeback,flush=8s,ack=memory")
	requireLost(t, got, "writeback: what the journal acknowledged survives a crash")
}

// requireGreen requires that every claim held, and that the report says what a reader wants to know.
func requireGreen(tb testing.TB, got outcome) {
	tb.Helper()
	require.Equal(tb, exitOK, got.code, "%s\n%s", got.stdout, got.stderr)
	require.NotContains(tb, got.stdout, "✗")
	require.NotContains(tb, got.stderr, "level=ERROR") // a busy machine may be warned of slow statements
	require.NotContains(tb, got.stderr, "demoapp:")
	for _, want := range []string{
		"aside: a committed write is seen by the next read",
		"writethrough: the read after a write costs no statement",
		"writethrough: no stale read under concurrent writers",
		"writeback: 100 increments flush as one row: views 100, statements 1,",
		"writeback: what the journal acknowledged survives a crash",
		"aside: a list changes with its rows, and a textbook cache's does not",
		"what Plugin.Advise says of these reads and writes:", "orders: ",
		"pages: a commit makes exactly its pages stale",
		"│ aside ", "│ writethrough ", "│ writeback ", "│ pages ", "choose it for",
	} {
		require.Contains(tb, got.stdout, want)
	}
}

// requireLost requires that the tour failed, and named the claims.
func requireLost(tb testing.TB, got outcome, claims ...string) {
	tb.Helper()
	require.Equal(tb, exitError, got.code, got.stdout)
	for _, claim := range claims {
		require.Contains(tb, got.stdout, "✗ lost: "+claim)
	}
	require.Contains(tb, got.stderr, "of its claims, the first one: ")
}

// writerFunc is told of all that is written.
type writerFunc func(text string)

func (f writerFunc) Write(p []byte) (int, error) {
	f(string(p))
	return len(p), nil
}
