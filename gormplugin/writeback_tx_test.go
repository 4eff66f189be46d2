package cacheplugin_test

import (
	"context"
	"errors"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"gorm.io/gorm"
	"gorm.io/gorm/clause"

	cacheplugin "github.com/cachewright/cachewright/gormplugin"
	"github.com/cachewright/cachewright/internal/testkit"
)

// OtherTally is another struct over the table of Tally.
type OtherTally struct {
	ID int64
	N  int64
}

func (OtherTally) TableName() string { return "tallies" }

func (b *buffered) n(tb testing.TB, id int64) int64 {
	tb.Helper()
	var read Tally
	require.NoError(tb, b.db.First(&read, id).Error)
	return read.N
}

func TestATransactionWritesOnTopOfWhatWasPending(t *testing.T) {
	eachBuffered(t, func(t *testing.T, b *buffered) {
		b.ready(t, 1)
		require.NoError(t, b.add(1, 5).Error)
		require.NoError(t, b.db.Transaction(func(tx *gorm.DB) error {
			var read Tally
			require.NoError(t, tx.First(&read, 1).Error)
			require.EqualValues(t, 15, read.N)
			return tx.Model(one(1)).Update("n", gorm.Expr("n * ?", 2)).Error
		}))
		require.EqualValues(t, 30, b.n(t, 1))
		require.NoError(t, b.add(1, 5).Error)
		require.EqualValues(t, 35, b.n(t, 1))
		failed := errors.New("failed")
		require.ErrorIs(t, b.db.Transaction(func(tx *gorm.DB) error {
			require.NoError(t, tx.Model(one(1)).Update("n", gorm.Expr("n * ?", 2)).Error)
			return failed
		}), failed)
		require.EqualValues(t, 35, b.n(t, 1), "the transaction was rolled back, not the increment")
		b.flush(t)
		require.EqualValues(t, 35, b.stored(t, "SELECT n FROM tallies"))
	})
}

func TestOthersWaitWithTheirContextForATransactionThatHoldsTheRow(t *testing.T) {
	eachBuffered(t, func(t *testing.T, b *buffered) {
		b.ready(t, 1, 2)
		tx := b.db.Begin()
		require.NoError(t, tx.Model(one(1)).Update("n", 100).Error)
		ctx, cancel := context.WithTimeout(t.Context(), 10*time.Millisecond)
		defer cancel()
		err := b.db.WithContext(ctx).Model(one(1)).UpdateColumn("n", gorm.Expr("n + ?", 1)).Error
		require.ErrorIs(t, err, context.DeadlineExceeded)
		require.NoError(t, b.add(2, 1).Error, "another row is free")
		waits := parallel(func() error { return b.add(1, 1).Error })
		require.NoError(t, tx.Commit().Error)
		require.NoError(t, waits())
		require.EqualValues(t, 101, b.n(t, 1))
		b.flush(t)
		require.EqualValues(t, 112, b.stored(t, "SELECT sum(n) FROM tallies"))
	})
}

func TestALockingReadHoldsTheRow(t *testing.T) {
	t.Parallel()
	b := openBuffered(t, testkit.PostgresDatabase(t), nil)
	b.ready(t, 1)
	require.NoError(t, b.add(1, 5).Error)
	var waits func() error
	require.NoError(t, b.db.Transaction(func(tx *gorm.DB) error {
		var read Tally
		require.NoError(t, tx.Clauses(clause.Locking{Strength: "UPDATE"}).First(&read, 1).Error)
		require.EqualValues(t, 15, read.N)
		ctx, cancel := context.WithTimeout(t.Context(), 10*time.Millisecond)
		defer cancel()
		require.ErrorIs(t, b.db.WithContext(ctx).Model(one(1)).UpdateColumn("n", 0).Error, context.DeadlineExceeded)
		waits = parallel(func() error { return b.add(1, 1).Error })
		return tx.Model(one(1)).UpdateColumn("n", read.N*2).Error
	}))
	require.NoError(t, waits())
	require.EqualValues(t, 31, b.n(t, 1))
}

func TestTransactionsThatWaitForEachOthersRowsEndWithANamedError(t *testing.T) {
	t.Parallel()
	b := openBuffered(t, testkit.PostgresDatabase(t), nil)
	b.ready(t, 1, 2)
	first, second := b.db.Begin(), b.db.Begin()
	require.NoError(t, first.Model(one(1)).Update("n", 1).Error)
	require.NoError(t, second.Model(one(2)).Update("n", 2).Error)
	waits := parallel(func() error {
		err := first.Model(one(2)).Update("n", 1).Error
		if err != nil {
			return errors.Join(err, first.Rollback().Error)
		}
		return first.Commit().Error
	})
	err := second.Model(one(1)).Update("n", 2).Error
	if err != nil {
		require.NoError(t, second.Rollback().Error)
	} else {
		require.NoError(t, second.Commit().Error)
	}
	require.ErrorIs(t, errors.Join(err, waits()), cacheplugin.ErrDeadlock)
	require.NoError(t, b.add(1, 1).Error)
	require.NoError(t, b.add(2, 1).Error)
	b.flush(t)
}

func TestStatementsOfUnknownRowsMeetWhatIsPending(t *testing.T) {
	eachBuffered(t, func(t *testing.T, b *buffered) {
		b.ready(t, 1, 2)
		pend := func() {
			require.NoError(t, b.add(1, 1).Error)
			require.NoError(t, b.add(2, 1).Error)
		}
		pend()
		require.NoError(t, b.db.Exec("UPDATE tallies SET n = n * 2").Error)
		require.EqualValues(t, 22, b.n(t, 1))
		pend()
		require.NoError(t, b.db.Model(&Tally{}).Where("n > ?", 0).Update("n", gorm.Expr("n * 2")).Error)
		require.EqualValues(t, 46, b.n(t, 1))
		pend()
		require.NoError(t, b.db.Model(&OtherTally{ID: 1}).Update("n", gorm.Expr("n * 2")).Error)
		require.EqualValues(t, 94, b.n(t, 1))
		pend()
		var other OtherTally
		require.NoError(t, b.db.First(&other, 1).Error)
		require.EqualValues(t, 95, other.N)
		pend()
		require.NoError(t, b.db.Exec("CREATE TABLE sums AS SELECT sum(n) AS n FROM tallies").Error)
		require.EqualValues(t, b.n(t, 1)+b.n(t, 2), b.stored(t, "SELECT n FROM sums"))
		pend()
		require.NoError(t, b.db.Exec("UPDATE sums SET n = (SELECT sum(n) FROM tallies)").Error)
		require.EqualValues(t, b.n(t, 1)+b.n(t, 2), b.stored(t, "SELECT n FROM sums"))
		pend()
		require.NoError(t, b.db.Where("n > ?", 0).Delete(&Tally{}).Error)
		require.ErrorIs(t, b.db.First(&Tally{}, 1).Error, gorm.ErrRecordNotFound)
		require.NoError(t, b.db.Create(&Tally{ID: 1, Kind: "own"}).Error)
		truncate := "DELETE FROM tallies"
		if b.Name == "postgres" {
			truncate = "TRUNCATE tallies"
		}
		require.NoError(t, b.db.Exec(truncate).Error)
		require.ErrorIs(t, b.db.First(&Tally{}, 1).Error, gorm.ErrRecordNotFound)
		b.flush(t)
		require.Zero(t, b.stored(t, "SELECT count(*) FROM tallies"))
	})
}

func TestATransactionOfSQLiteThatHasWrittenIsToldOfARowPendingSince(t *testing.T) {
	t.Parallel()
	b := openBuffered(t, testkit.SQLiteDatabase(t), nil)
	b.ready(t, 1, 2)
	require.NoError(t, b.add(1, 1).Error)
	err := b.db.Transaction(func(tx *gorm.DB) error {
		require.NoError(t, tx.Exec("INSERT INTO page_views (path, hits) VALUES ('/', 1)").Error)
		require.NoError(t, tx.Model(one(1)).Update("n", gorm.Expr("n * 2")).Error, "flushed before BEGIN")
		require.NoError(t, b.add(2, 1).Error)
		return tx.Model(one(2)).Update("n", gorm.Expr("n * 2")).Error
	})
	require.ErrorIs(t, err, cacheplugin.ErrPendingRow)
	b.flush(t)
	require.EqualValues(t, 11, b.n(t, 1))
	require.EqualValues(t, 11, b.n(t, 2))
}

func TestAPoolOfOneConnectionIsEnough(t *testing.T) {
	eachBuffered(t, func(t *testing.T, b *buffered) {
		b.ready(t, 1, 2)
		pool, err := b.db.DB()
		require.NoError(t, err)
		pool.SetMaxOpenConns(1)
		require.NoError(t, b.add(1, 1).Error)
		require.NoError(t, b.db.Model(one(1)).Update("n", gorm.Expr("n * 2")).Error)
		require.NoError(t, b.add(1, 1).Error)
		require.NoError(t, b.db.Transaction(func(tx *gorm.DB) error {
			var all []Tally
			require.NoError(t, tx.Find(&all).Error)
			require.EqualValues(t, 23+10, all[0].N+all[1].N)
			return tx.Model(one(1)).Update("n", gorm.Expr("n * 2")).Error
		}))
		require.EqualValues(t, 46, b.n(t, 1))
		require.NoError(t, b.add(1, 1).Error)
		require.EqualValues(t, 10, b.n(t, 2))
		require.ErrorIs(t, b.db.Transaction(func(tx *gorm.DB) error {
			require.NoError(t, b.add(2, 1).Error, "the row is known, so no connection is needed")
			return tx.Model(one(2)).Update("n", 0).Error
		}), cacheplugin.ErrPendingRow)
		require.EqualValues(t, 11, b.n(t, 2))
	})
}

func TestARepeatableReadSeesWhatWasAcknowledgedBeforeItBegan(t *testing.T) {
	t.Parallel()
	b := openBuffered(t, testkit.PostgresDatabase(t), nil)
	b.exec(t, "ALTER DATABASE "+b.current(t)+" SET default_transaction_isolation = 'repeatable read'")
	pool, err := b.db.DB()
	require.NoError(t, err)
	pool.SetMaxIdleConns(0) // the setting is for new sessions
	b.ready(t, 1)
	require.NoError(t, b.add(1, 1).Error)
	require.NoError(t, b.db.Transaction(func(tx *gorm.DB) error {
		require.NoError(t, tx.Exec("SELECT 1").Error)
		var read Tally
		require.NoError(t, tx.First(&read, 1).Error)
		require.EqualValues(t, 11, read.N)
		return tx.Model(one(1)).Update("n", gorm.Expr("n * 2")).Error
	}))
	require.EqualValues(t, 22, b.n(t, 1))
}

func (b *buffered) current(tb testing.TB) string {
	tb.Helper()
	var name string
	require.NoError(tb, b.raw.QueryRowContext(tb.Context(), "SELECT quote_ident(current_database())").Scan(&name))
	return name
}

func TestACommitWithoutAnAnswerKeepsTheRowUntilItsOutcomeIsKnown(t *testing.T) {
	t.Parallel()
	b := openBuffered(t, testkit.PostgresDatabase(t), nil)
	b.ready(t, 1)
	late := b.probe.Late(errDown)
	require.ErrorIs(t, b.db.Transaction(func(tx *gorm.DB) error {
		return tx.Model(one(1)).Update("n", 100).Error
	}), errDown)
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Millisecond)
	defer cancel()
	require.ErrorIs(t, b.db.WithContext(ctx).Model(one(1)).UpdateColumn("n", gorm.Expr("n + ?", 1)).Error, context.DeadlineExceeded)
	waits := parallel(func() error { return b.add(1, 1).Error })
	late.Release()
	<-late.Done()
	require.NoError(t, waits())
	require.EqualValues(t, 101, b.n(t, 1))
	b.flush(t)
	require.EqualValues(t, 101, b.stored(t, "SELECT n FROM tallies"))
}

func TestAColumnAddedLaterIsKnownToTheNextWrite(t *testing.T) {
	eachBuffered(t, func(t *testing.T, b *buffered) {
		b.ready(t, 1)
		require.NoError(t, b.add(1, 1).Error)
		require.NoError(t, b.db.Exec("ALTER TABLE tallies ADD COLUMN later integer").Error)
		require.NoError(t, b.add(1, 1).Error)
		require.NoError(t, b.add(1, 1).Error)
		require.EqualValues(t, 13, b.n(t, 1))
		b.probe.Reset()
		require.NoError(t, b.add(1, 1).Error)
		require.Empty(t, b.probe.Calls(), "it merges again")
		b.flush(t)
		require.EqualValues(t, 14, b.stored(t, "SELECT n FROM tallies"))
		b.exec(t, "ALTER TABLE tallies ADD COLUMN behind integer")
		require.NoError(t, b.add(1, 1).Error)
		require.NoError(t, b.add(1, 1).Error)
		b.flush(t)
		require.EqualValues(t, 16, b.stored(t, "SELECT n FROM tallies"))
	})
}
