package cacheplugin_test

import (
	"database/sql/driver"
	"errors"
	"testing"

	"github.com/stretchr/testify/require"

	cacheplugin "github.com/cachewright/cachewright/gormplugin"
	"github.com/cachewright/cachewright/internal/testkit"
)

// serverError is an error as PostgreSQL's server gives it.
type serverError string

func (e serverError) Error() string    { return "server error " + string(e) }
func (e serverError) SQLState() string { return string(e) }

// TestWhateverHappensToAFlushItsRowsAreWrittenOnce has each of a flush's steps fail once, before it was done and after.
func TestWhateverHappensToAFlushItsRowsAreWrittenOnce(t *testing.T) {
	t.Parallel()
	errCut := errors.New("connection reset by peer")
	mark, row, commit := testkit.OnSQL("UPDATE cachewright_watermarks"), testkit.Match(sentRows), testkit.On(testkit.Commit)
	fail, lose := (*testkit.Probe).Fail, (*testkit.Probe).Lose
	for name, fault := range map[string]struct {
		how   func(*testkit.Probe, testkit.Match, error)
		where testkit.Match
		err   error
		once  bool // it needs no second batch
	}{
		"BEGIN fails":                              {fail, testkit.On(testkit.Begin), errDown, false},
		"the watermark fails":                      {fail, mark, errDown, false},
		"the watermark's answer is lost":           {lose, mark, errCut, false},
		"a statement fails":                        {fail, row, errDown, false},
		"a statement's answer is lost":             {lose, row, errCut, false},
		"a statement's connection is cut":          {fail, row, driver.ErrBadConn, false},
		"a statement is the victim of a deadlock":  {fail, row, serverError("40P01"), false},
		"a statement is not serializable":          {fail, row, serverError("40001"), false},
		"COMMIT is not serializable":               {fail, commit, serverError("40001"), false},
		"COMMIT is not sent":                       {fail, commit, errCut, false},
		"COMMIT happens and its answer is lost":    {lose, commit, errCut, true},
		"COMMIT happens and the server goes":       {lose, commit, serverError("57P01"), true},
		"COMMIT happens and nobody knows":          {lose, commit, serverError("08006"), true},
		"COMMIT happens and its connection is bad": {lose, commit, driver.ErrBadConn, true},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			var told []cacheplugin.FlushError
			b := openBuffered(t, testkit.PostgresDatabase(t), nil, cacheplugin.WithJournal(t.TempDir()),
				cacheplugin.OnFlushError(func(e cacheplugin.FlushError) { told = append(told, e) }))
			b.ready(t, 1, 2, 3)
			for id := range int64(3) {
				require.NoError(t, b.add(id+1, 5).Error)
			}
			fault.how(b.probe, fault.where, fault.err)
			b.flush(t)
			require.EqualValues(t, 45, b.stored(t, "SELECT sum(n) FROM tallies"))
			stats := b.stats()
			require.Zero(t, stats.Rows)
			require.EqualValues(t, 3, stats.Flushed)
			require.Equal(t, fault.once, stats.Retries == 0, "retries: %d", stats.Retries)
			require.NoError(t, stats.LastError)
			require.NoError(t, b.cache.Close(t.Context()))
			require.Empty(t, told, "no row is to blame")
		})
	}
}
