package cacheplugin_test

import (
	"context"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"gorm.io/gorm"

	cacheplugin "github.com/cachewright/cachewright/gormplugin"
	"github.com/cachewright/cachewright/internal/switches"
	"github.com/cachewright/cachewright/internal/testkit"
	"github.com/cachewright/cachewright/policy"
)

func TestChangesReachTheDatabaseWhenTheyAreOldEnough(t *testing.T) {
	eachBuffered(t, func(t *testing.T, b *buffered) {
		b.ready(t, 1)
		gate := b.probe.HoldAnswer(sentRows)
		require.NoError(t, b.add(1, 5).Error)
		<-gate.Reached()
		gate.Release()
		b.flush(t)
		require.EqualValues(t, 15, b.stored(t, "SELECT n FROM tallies"))
	}, tallies(func(p *policy.Policy) { p.Flush = time.Millisecond }))
}

func TestChangesReachTheDatabaseWhenThereAreEnough(t *testing.T) {
	eachBuffered(t, func(t *testing.T, b *buffered) {
		b.ready(t, 1, 2, 3)
		gate := b.probe.HoldAnswer(sentRows)
		require.NoError(t, b.add(1, 5).Error)
		require.NoError(t, b.add(2, 5).Error)
		require.Zero(t, b.probe.CountMatching(sent), b.probe.Calls())
		require.NoError(t, b.add(3, 5).Error)
		<-gate.Reached()
		gate.Release()
		b.flush(t)
		require.EqualValues(t, 45, b.stored(t, "SELECT sum(n) FROM tallies"))
		require.EqualValues(t, 1, b.stats().Batches)
	}, tallies(func(p *policy.Policy) { p.Batch = 3 }))
}

func TestAnAcknowledgedWriteSendsAtMostOneRead(t *testing.T) {
	eachBuffered(t, func(t *testing.T, b *buffered) {
		b.ready(t, 1)
		require.NoError(t, b.add(1, 1).Error)
		require.Equal(t, 1, b.probe.Count(), b.probe.Statements())
		require.Zero(t, b.probe.Count(testkit.Begin))
		b.probe.Reset()
		for _, db := range []*gorm.DB{
			b.db, b.db.Session(&gorm.Session{SkipDefaultTransaction: true}), b.db.Session(&gorm.Session{PrepareStmt: true}),
		} {
			require.NoError(t, db.Model(one(1)).Update("n", gorm.Expr("n + ?", 1)).Error)
		}
		require.Empty(t, b.probe.Calls())
		dry := b.db.Session(&gorm.Session{DryRun: true}).Model(one(1)).Update("n", gorm.Expr("n + ?", 1))
		require.Contains(t, dry.Statement.SQL.String(), "UPDATE")
		b.flush(t)
		require.EqualValues(t, 14, b.stored(t, "SELECT n FROM tallies"))
	})
}

func TestWriteBackWorksOverPreparedStatements(t *testing.T) {
	t.Parallel()
	testkit.EachDatabase(t, func(t *testing.T, database testkit.Database) {
		b := openBuffered(t, database, &gorm.Config{PrepareStmt: true})
		b.ready(t, 1)
		require.NoError(t, b.add(1, 1).Error)
		b.probe.Reset()
		require.NoError(t, b.add(1, 1).Error)
		require.Empty(t, b.probe.Calls())
		require.NoError(t, b.db.Transaction(func(tx *gorm.DB) error {
			return tx.Model(one(1)).Update("n", gorm.Expr("n * ?", 2)).Error
		}))
		require.EqualValues(t, 24, b.stored(t, "SELECT n FROM tallies"))
	})
}

func TestCloseFlushesAndThenWritesGoStraightToTheDatabase(t *testing.T) {
	eachBuffered(t, func(t *testing.T, b *buffered) {
		b.ready(t, 1)
		require.NoError(t, b.add(1, 5).Error)
		require.NoError(t, b.cache.Close(t.Context()))
		require.EqualValues(t, 15, b.stored(t, "SELECT n FROM tallies"))
		require.NoError(t, b.add(1, 5).Error)
		require.EqualValues(t, 20, b.stored(t, "SELECT n FROM tallies"))
		var read Tally
		require.NoError(t, b.db.First(&read, 1).Error)
		require.EqualValues(t, 20, read.N)
		require.NoError(t, b.cache.Flush(t.Context()))
	})
}

func TestCloseSaysWhatStaysWhenTheDatabaseIsDown(t *testing.T) {
	eachBuffered(t, func(t *testing.T, b *buffered) {
		b.ready(t, 1, 2)
		up := b.down()
		require.NoError(t, b.add(1, 5).Error)
		require.NoError(t, b.add(2, 5).Error)
		ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
		defer cancel()
		err := b.cache.Close(ctx)
		require.ErrorContains(t, err, "tallies keeps 2 rows")
		require.ErrorIs(t, err, errDown)
		up()
		require.NoError(t, b.add(1, 1).Error)
		require.EqualValues(t, 11, b.stored(t, "SELECT n FROM tallies WHERE id = 1"))
		var rows []Tally
		require.NoError(t, b.db.Raw("SELECT * FROM tallies").Scan(&rows).Error)
		require.Len(t, rows, 2)
	})
}

func TestNothingIsLostWhileTheDatabaseIsDown(t *testing.T) {
	eachBuffered(t, func(t *testing.T, b *buffered) {
		b.ready(t, 1)
		up := b.down()
		for range 20 {
			require.NoError(t, b.add(1, 5).Error)
		}
		var read Tally
		require.NoError(t, b.db.First(&read, 1).Error)
		require.EqualValues(t, 110, read.N)
		ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
		defer cancel()
		require.ErrorIs(t, b.cache.Flush(ctx), errDown)
		require.ErrorIs(t, b.db.Find(&[]Tally{}).Error, errDown, "a list does not wait for ever")
		require.NotZero(t, b.stats().Retries)
		up()
		b.flush(t)
		require.EqualValues(t, 110, b.stored(t, "SELECT n FROM tallies"))
		require.NoError(t, b.stats().LastError)
	})
}

func TestAFlushWhoseCommitWasNotAnsweredIsAppliedOnce(t *testing.T) {
	t.Parallel()
	for _, lose := range []struct {
		name string
		arm  func(b *buffered) (release func())
	}{
		{"answer lost", func(b *buffered) func() { b.probe.Lose(testkit.On(testkit.Commit), errDown); return func() {} }},
		{"not sent", func(b *buffered) func() { b.probe.Fail(testkit.On(testkit.Commit), errDown); return func() {} }},
		{"commits later", func(b *buffered) func() {
			gate := b.probe.Late(errDown)
			asked := b.probe.Hold(testkit.OnSQL("FROM cachewright_watermarks"))
			return func() {
				<-asked.Reached()
				asked.Release()
				gate.Release()
				<-gate.Done()
			}
		}},
	} {
		t.Run(lose.name, func(t *testing.T) {
			t.Parallel()
			b := openBuffered(t, testkit.PostgresDatabase(t), nil)
			b.ready(t, 1)
			require.NoError(t, b.add(1, 5).Error)
			release := lose.arm(b)
			flushed := parallel(func() error { return b.cache.Flush(t.Context()) })
			release()
			require.NoError(t, flushed())
			require.EqualValues(t, 15, b.stored(t, "SELECT n FROM tallies"))
			var read Tally
			require.NoError(t, b.db.First(&read, 1).Error)
			require.EqualValues(t, 15, read.N)
			require.NoError(t, b.add(1, 5).Error)
			b.flush(t)
			require.EqualValues(t, 20, b.stored(t, "SELECT n FROM tallies"))
		})
	}
}

func TestAFlushDoesNotWaitForEverForSomebodyElsesLock(t *testing.T) {
	t.Parallel()
	b := openBuffered(t, testkit.PostgresDatabase(t), nil)
	b.ready(t, 1)
	other, err := b.raw.BeginTx(t.Context(), nil)
	require.NoError(t, err)
	_, err = other.ExecContext(t.Context(), "UPDATE tallies SET n = n + 100")
	require.NoError(t, err)
	require.NoError(t, b.add(1, 5).Error)
	ctx, cancel := context.WithTimeout(t.Context(), 3*time.Second)
	defer cancel()
	require.ErrorContains(t, b.cache.Flush(ctx), "lock timeout")
	require.NoError(t, other.Commit())
	b.flush(t)
	require.EqualValues(t, 115, b.stored(t, "SELECT n FROM tallies"))
}

func TestWithoutMergingARowIsWrittenForEachOfItsChanges(t *testing.T) { // the rule that the flush of one row depends on
	testkit.EachDatabase(t, func(t *testing.T, database testkit.Database) {
		switches.Disable(t, switches.MergeWrites)
		b := openBuffered(t, database, nil)
		b.ready(t, 1)
		for range 5 {
			require.NoError(t, b.add(1, 1).Error)
		}
		b.flush(t)
		require.Equal(t, 5, b.probe.CountMatching(sentRows))
		require.EqualValues(t, 15, b.stored(t, "SELECT n FROM tallies"))
	})
}

func TestAFullBacklogBlocksWritesItselfOrRejects(t *testing.T) {
	full := func(f policy.Full) cacheplugin.Option {
		return tallies(func(p *policy.Policy) { p.Pending, p.Full = 2, f })
	}
	t.Run("reject", func(t *testing.T) {
		eachBuffered(t, func(t *testing.T, b *buffered) {
			b.ready(t, 1, 2, 3)
			defer b.down()()
			require.NoError(t, b.add(1, 1).Error)
			require.NoError(t, b.add(2, 1).Error)
			require.ErrorIs(t, b.add(3, 1).Error, cacheplugin.ErrBacklogFull)
			require.NoError(t, b.add(2, 1).Error, "a row that is pending takes more")
		}, full(policy.FullReject))
	})
	t.Run("sync", func(t *testing.T) {
		eachBuffered(t, func(t *testing.T, b *buffered) {
			b.ready(t, 1, 2, 3)
			gate := b.probe.Hold(sentRows)
			require.NoError(t, b.add(1, 1).Error)
			require.NoError(t, b.add(2, 1).Error)
			<-gate.Reached()
			if b.Name == "sqlite" { // its one writer is the flush
				go gate.Release()
			}
			require.NoError(t, b.add(3, 1).Error)
			if b.Name == "postgres" {
				require.EqualValues(t, 11, b.stored(t, "SELECT n FROM tallies WHERE id = 3"))
			}
			gate.Release()
			b.flush(t)
			require.EqualValues(t, 33, b.stored(t, "SELECT sum(n) FROM tallies"))
		}, full(policy.FullSync))
	})
	t.Run("block", func(t *testing.T) {
		eachBuffered(t, func(t *testing.T, b *buffered) {
			b.ready(t, 1, 2, 3)
			gate := b.probe.Hold(sentRows)
			require.NoError(t, b.add(1, 1).Error)
			require.NoError(t, b.add(2, 1).Error)
			<-gate.Reached()
			ctx, cancel := context.WithTimeout(t.Context(), 10*time.Millisecond)
			defer cancel()
			err := b.db.WithContext(ctx).Model(one(3)).UpdateColumn("n", gorm.Expr("n + ?", 1)).Error
			require.ErrorIs(t, err, context.DeadlineExceeded)
			waited := parallel(func() error { return b.add(3, 1).Error })
			gate.Release()
			require.NoError(t, waited())
			b.flush(t)
			require.EqualValues(t, 33, b.stored(t, "SELECT sum(n) FROM tallies"))
		}, full(policy.FullBlock))
	})
}
