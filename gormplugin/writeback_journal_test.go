package cacheplugin_test

import (
	"context"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"gorm.io/gorm"
	"gorm.io/gorm/clause"

	cacheplugin "github.com/cachewright/cachewright/gormplugin"
	"github.com/cachewright/cachewright/internal/testkit"
	"github.com/cachewright/cachewright/policy"
)

// eachJournaled runs the test on both databases with a journal, and tells its folder.
func eachJournaled(t *testing.T, test func(t *testing.T, b *buffered, dir string), options ...cacheplugin.Option) {
	t.Helper()
	t.Parallel()
	testkit.EachDatabase(t, func(t *testing.T, database testkit.Database) {
		t.Parallel()
		dir := t.TempDir()
		test(t, openBuffered(t, database, nil, append(options, cacheplugin.WithJournal(dir))...), dir)
	})
}

// abandon ends the plugin with all that is pending left in its journal.
func (b *buffered) abandon(tb testing.TB) {
	tb.Helper()
	up := b.down()
	ctx, cancel := context.WithTimeout(tb.Context(), 10*time.Millisecond)
	defer cancel()
	require.ErrorContains(tb, b.cache.Close(ctx), "keeps", "what stays in the journal is reported by number")
	up()
}

// again is another process, as it were, on the same database.
func (b *buffered) again(tb testing.TB, options ...cacheplugin.Option) (*buffered, error) {
	tb.Helper()
	next := &buffered{Database: b.Database, raw: b.raw}
	next.db, next.probe = b.OpenCounted(tb, nil)
	next.cache = cacheplugin.New(options...)
	tb.Cleanup(func() { _ = next.cache.Close(context.Background()) })
	return next, next.db.Use(next.cache)
}

func (b *buffered) recovered(tb testing.TB, dir string) *buffered {
	tb.Helper()
	next, err := b.again(tb, cacheplugin.WithJournal(dir))
	require.NoError(tb, err)
	return next
}

func TestWhatWasAcknowledgedIsInTheDatabaseAfterTheNextStart(t *testing.T) {
	eachJournaled(t, func(t *testing.T, b *buffered, dir string) {
		b.ready(t, 1, 2, 3, 4)
		upsert := clause.OnConflict{
			Columns:   []clause.Column{{Name: "id"}},
			DoUpdates: clause.Assignments(map[string]any{"n": gorm.Expr("tallies.n + excluded.n")}),
		}
		for range 5 {
			require.NoError(t, b.add(1, 7).Error)
			require.NoError(t, b.db.Clauses(upsert).Create(&Tally{ID: 2, N: 1, Kind: "up"}).Error)
			require.NoError(t, b.db.Clauses(upsert).Create(&Tally{ID: 9, N: 1, Kind: "up", Name: "nine"}).Error)
		}
		maybe := int64(-1)
		require.NoError(t, b.db.Model(one(9)).Updates(Tally{Name: "neuf", Maybe: &maybe}).Error)
		require.NoError(t, b.db.Delete(one(3)).Error)
		require.NoError(t, b.db.Delete(one(4)).Error)
		require.NoError(t, b.db.Create(&Tally{ID: 4, N: 44, Kind: "again"}).Error)
		require.NoError(t, b.add(4, 1).Error)
		require.NoError(t, b.db.Create(&Tally{ID: 5, N: 5, Kind: "own"}).Error)
		require.NoError(t, b.db.Create(&Tally{ID: 6, N: 6, Kind: "own"}).Error)
		require.NoError(t, b.db.Delete(one(6)).Error)
		require.NoError(t, b.db.Session(&gorm.Session{}).Model(one(1)).Update("ratio", 0.1).Error)
		var want []Tally
		for _, id := range []int64{1, 2, 4, 5, 9} {
			var read Tally
			require.NoError(t, b.db.First(&read, id).Error)
			want = append(want, read)
		}
		b.abandon(t)
		require.EqualValues(t, 40, b.stored(t, "SELECT sum(n) FROM tallies"), "nothing is there yet")

		next := b.recovered(t, dir)
		var got []Tally
		require.NoError(t, next.db.Order("id").Find(&got).Error)
		require.Equal(t, want, got)
		stats := next.cache.Stats()
		require.Equal(t, cacheplugin.RecoveryStats{Journals: 1, Changes: 22, Rows: 6}, stats.Recovery)
		require.NotZero(t, stats.Journal.Bytes)
		require.NoError(t, next.cache.Close(t.Context()))
		requireEmptyJournal(t, b, dir)
		last := b.recovered(t, dir)
		require.Zero(t, last.cache.Stats().Recovery)
	})
}

// requireEmptyJournal checks that nothing is left of processes that ended well.
func requireEmptyJournal(tb testing.TB, b *buffered, dir string) {
	tb.Helper()
	left, err := filepath.Glob(filepath.Join(dir, "*"))
	require.NoError(tb, err)
	require.Empty(tb, left)
	require.EqualValues(tb, 1, b.stored(tb, "SELECT count(*) FROM cachewright_watermarks"), "the database's own name")
}

// TestABatchUnderWayAtTheEndIsCountedOnce: the process ends after it has sent COMMIT and before it has the answer.
func TestABatchUnderWayAtTheEndIsCountedOnce(t *testing.T) {
	t.Parallel()
	for name, committed := range map[string]bool{"committed": true, "rolled back": false} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			dir := t.TempDir()
			b := openBuffered(t, testkit.PostgresDatabase(t), nil, cacheplugin.WithJournal(dir))
			b.ready(t, 1, 2)
			require.NoError(t, b.add(1, 5).Error)
			require.NoError(t, b.add(2, 5).Error)
			if committed {
				b.probe.Lose(testkit.On(testkit.Commit), errDown)
			} else {
				b.probe.Fail(testkit.On(testkit.Commit), errDown)
			}
			asked := b.probe.Hold(testkit.OnSQL("FROM cachewright_watermarks")) // and never answered
			ctx, cancel := context.WithCancel(t.Context())
			closed := parallel(func() error { return b.cache.Close(ctx) })
			<-asked.Reached()
			cancel()
			require.ErrorContains(t, closed(), "keeps 2 rows")
			next := b.recovered(t, dir)
			require.EqualValues(t, 30, b.stored(t, "SELECT sum(n) FROM tallies"))
			want := 2
			if committed {
				want = 0
			}
			require.Equal(t, want, next.cache.Stats().Recovery.Rows)
		})
	}
}

func TestAJournalOfAnotherDatabaseIsRefused(t *testing.T) {
	eachJournaled(t, func(t *testing.T, b *buffered, dir string) {
		b.ready(t, 1)
		require.NoError(t, b.add(1, 5).Error)
		b.abandon(t)
		other := testkit.SQLiteDatabase(t)
		o := &buffered{Database: other, raw: other.Raw(t)}
		_, err := o.again(t, cacheplugin.WithJournal(dir))
		require.ErrorContains(t, err, "another database")
		b.recovered(t, dir)
		require.EqualValues(t, 15, b.stored(t, "SELECT n FROM tallies"))
	})
}

func TestAnOlderDatabaseThanTheJournalIsRefused(t *testing.T) {
	eachJournaled(t, func(t *testing.T, b *buffered, dir string) {
		b.ready(t, 1)
		require.NoError(t, b.add(1, 5).Error)
		b.flush(t)
		require.NoError(t, b.add(1, 5).Error)
		b.abandon(t)
		for n, why := range map[int]string{-1: "older than the journal", 1: "the end of the journal is missing"} {
			query := "UPDATE cachewright_watermarks SET n = n + "
			if n < 0 {
				query = "UPDATE cachewright_watermarks SET n = n - "
			}
			b.exec(t, query+"1 WHERE id <> 'database'")
			_, err := b.again(t, cacheplugin.WithJournal(dir))
			require.ErrorContains(t, err, why)
			b.exec(t, "UPDATE cachewright_watermarks SET n = n + "+map[int]string{-1: "1", 1: "-1"}[n]+" WHERE id <> 'database'")
		}
		b.recovered(t, dir)
		require.EqualValues(t, 20, b.stored(t, "SELECT n FROM tallies"))
	})
}

func TestPendingRowsThatNoLongerFitTheirTableKeepThePluginFromStarting(t *testing.T) {
	eachJournaled(t, func(t *testing.T, b *buffered, dir string) {
		b.ready(t, 1, 2)
		require.NoError(t, b.add(1, 5).Error)
		require.NoError(t, b.db.Model(one(2)).Update("name", "two").Error)
		require.NoError(t, b.db.Create(&Tally{ID: 3, Kind: "own"}).Error)
		b.abandon(t)
		b.exec(t, "ALTER TABLE tallies RENAME COLUMN name TO title")
		_, err := b.again(t, cacheplugin.WithJournal(dir))
		require.ErrorIs(t, err, cacheplugin.ErrUnfit)
		require.ErrorContains(t, err, "column name is gone (2 rows)")
		require.EqualValues(t, 20, b.stored(t, "SELECT sum(n) FROM tallies"), "nothing was written")
		var letters []cacheplugin.FlushError
		next, err := b.again(t, cacheplugin.WithJournal(dir), cacheplugin.WithUnfitAsDeadLetters(),
			cacheplugin.OnFlushError(func(e cacheplugin.FlushError) { letters = append(letters, e) }))
		require.NoError(t, err)
		require.EqualValues(t, 25, b.stored(t, "SELECT sum(n) FROM tallies"))
		require.Equal(t, cacheplugin.RecoveryStats{Journals: 1, Changes: 3, Rows: 3, DeadLetters: 2}, next.cache.Stats().Recovery)
		require.Len(t, letters, 2)
		require.Equal(t, "tallies", letters[0].Table)
		require.EqualValues(t, 2, b.stored(t, "SELECT count(*) FROM cachewright_dead_letters"))
	})
}

func TestAFolderThatCannotBeAJournalIsAClearError(t *testing.T) {
	t.Parallel()
	database := testkit.SQLiteDatabase(t)
	b := &buffered{Database: database, raw: database.Raw(t)}
	file := filepath.Join(t.TempDir(), "file")
	require.NoError(t, os.WriteFile(file, nil, 0o600))
	_, err := b.again(t, cacheplugin.WithJournal(file))
	require.ErrorContains(t, err, "not a directory")
	_, err = b.again(t, cacheplugin.WithJournal(""))
	require.ErrorContains(t, err, "a folder is needed")
	_, err = b.again(t, cacheplugin.WithJournal(t.TempDir()), cacheplugin.WithJournal(t.TempDir()))
	require.ErrorContains(t, err, "twice")
}

func TestAckSaysWhatGoesIntoTheJournal(t *testing.T) {
	for ack, want := range map[policy.Ack]bool{policy.AckDefault: true, policy.AckMemory: false, policy.AckJournal: true, policy.AckDisk: true} {
		t.Run(ack.String(), func(t *testing.T) {
			eachJournaled(t, func(t *testing.T, b *buffered, dir string) {
				b.ready(t, 1)
				before := b.cache.Stats().Journal
				require.NoError(t, b.add(1, 5).Error)
				after := b.cache.Stats().Journal
				require.Equal(t, want, after.Appends == before.Appends+1)
				if ack == policy.AckDisk {
					require.Greater(t, after.Syncs, before.Syncs)
					require.Greater(t, after.Durable, before.Last)
				}
				b.abandon(t)
				b.recovered(t, dir)
				require.Equal(t, want, b.stored(t, "SELECT n FROM tallies") == 15, "memory is gone with its process")
			}, tallies(func(p *policy.Policy) { p.Ack = ack }))
		})
	}
}

func TestPoisonInAJournalIsADeadLetterOnce(t *testing.T) {
	eachJournaled(t, func(t *testing.T, b *buffered, dir string) {
		b.ready(t, 1, 2)
		require.NoError(t, b.add(1, -5000).Error)
		require.NoError(t, b.add(2, 5).Error)
		require.ErrorContains(t, b.cache.Flush(t.Context()), "1 became dead letters")
		require.NoError(t, b.add(1, -6000).Error)
		b.abandon(t)
		next := b.recovered(t, dir)
		require.Equal(t, cacheplugin.RecoveryStats{Journals: 1, Changes: 1, Rows: 1, DeadLetters: 1}, next.cache.Stats().Recovery)
		require.EqualValues(t, 25, b.stored(t, "SELECT sum(n) FROM tallies"))
		require.EqualValues(t, 2, b.stored(t, "SELECT count(*) FROM cachewright_dead_letters"))
	})
}
