package pgbackplane_test

import (
	"context"
	"database/sql"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"gorm.io/gorm"
	"gorm.io/gorm/clause"

	"github.com/cachewright/cachewright/coherence"
)

// minute is a lease that no test outlasts: what is seen in spite of it was delivered.
const minute = time.Minute

// ways are ways to set N of item 1.
var ways = map[string]func(db *gorm.DB, n int64) error{
	"update": func(db *gorm.DB, n int64) error { return db.Model(&Item{ID: 1}).Update("n", n).Error },
	"save":   func(db *gorm.DB, n int64) error { return db.Save(&Item{ID: 1, N: n}).Error },
	"upsert": func(db *gorm.DB, n int64) error {
		return db.Clauses(clause.OnConflict{UpdateAll: true}).Create(&Item{ID: 1, N: n}).Error
	},
	"update by condition": func(db *gorm.DB, n int64) error {
		return db.Model(&Item{}).Where("owner = ? AND id < 2", 0).Update("n", n).Error
	},
	"text": func(db *gorm.DB, n int64) error { return db.Exec("UPDATE items SET n = ? WHERE id = 1", n).Error },
	"text returning": func(db *gorm.DB, n int64) error {
		return db.Raw("UPDATE items SET n = ? WHERE id = 1 RETURNING n", n).Scan(new(int64)).Error
	},
	"transaction": func(db *gorm.DB, n int64) error {
		return db.Transaction(func(tx *gorm.DB) error {
			return tx.Transaction(func(tx *gorm.DB) error { return tx.Model(&Item{ID: 1}).Update("n", n).Error })
		})
	},
	"connection": func(db *gorm.DB, n int64) error {
		return db.Connection(func(tx *gorm.DB) error { return tx.Model(&Item{ID: 1}).Update("n", n).Error })
	},
	"a transaction of the application's own": func(db *gorm.DB, n int64) error {
		pool, err := db.DB()
		if err != nil {
			return err
		}
		tx, err := pool.BeginTx(db.Statement.Context, nil)
		if err != nil {
			return err
		}
		own := db.Session(&gorm.Session{NewDB: true, SkipDefaultTransaction: true})
		own.Statement.ConnPool = tx
		if err := own.Model(&Item{ID: 1}).Update("n", n).Error; err != nil {
			return err
		}
		return tx.Commit()
	},
	"Invalidate": nil,
}

func TestEachKindOfWriteReachesOthers(t *testing.T) {
	t.Parallel()
	s := newShop(t)
	one, other := s.open(t, nil, s.DSN, minute), s.open(t, nil, s.DSN, minute)
	alone := s.open(t, &gorm.Config{SkipDefaultTransaction: true}, s.DSN, minute)
	prepared := s.open(t, &gorm.Config{PrepareStmt: true}, s.DSN, minute)
	n := int64(0)
	for name, write := range ways {
		for how, writer := range map[string]*instance{"": one, ", no default transaction": alone, ", prepared": prepared} {
			n++
			before := cached(t, other, func() int64 { return other.n(t, 1) })
			require.NotEqual(t, n, before)
			if write == nil {
				require.NoError(t, s.plain.Exec("UPDATE items SET n = ? WHERE id = 1", n).Error)
				require.NoError(t, writer.plugin.Invalidate(t.Context(), &Item{}, 1))
			} else {
				require.NoError(t, write(writer.WithContext(t.Context()), n), name+how)
			}
			require.Eventually(t, func() bool { return other.n(t, 1) == n }, soon, often, name+how)
			require.Equal(t, n, writer.n(t, 1), "the writer itself sees it at once: "+name+how)
		}
	}
}

func TestQueriesOfAValueHearOfOthersWrites(t *testing.T) {
	t.Parallel()
	s := newShop(t)
	one, other := s.open(t, nil, s.DSN, minute), s.open(t, nil, s.DSN, minute)
	of := func(i *instance, owner int64) int64 {
		var n int64
		require.NoError(t, i.Model(&Item{}).Where("owner = ?", owner).Count(&n).Error)
		return n
	}
	require.Equal(t, int64(4), cached(t, other, func() int64 { return of(other, 1) }))
	require.NoError(t, one.Model(&Item{ID: 1}).Update("owner", 1).Error)
	require.Eventually(t, func() bool { return of(other, 1) == 5 }, soon, often)
	// The row is in other's cache as it was before another write: what it held is not taken from there.
	cached(t, other, func() int64 { return other.n(t, 1) })
	require.Equal(t, int64(5), cached(t, one, func() int64 { return of(one, 1) }))
	require.NoError(t, other.Model(&Item{ID: 1}).Update("owner", 2).Error)
	require.Equal(t, int64(4), of(other, 1))
	require.Eventually(t, func() bool { return of(one, 1) == 4 }, soon, often)
}

func TestOnlyWhatCommitsIsTold(t *testing.T) {
	t.Parallel()
	s := newShop(t)
	one := s.open(t, nil, s.DSN, minute)
	rows := func() (n int64) {
		require.NoError(t, s.plain.Raw("SELECT count(*) FROM cachewright_outbox").Scan(&n).Error)
		return n
	}
	require.Error(t, one.Transaction(func(tx *gorm.DB) error {
		require.NoError(t, tx.Model(&Item{ID: 1}).Update("n", 5).Error)
		return gorm.ErrInvalidData
	}))
	require.Error(t, one.Create(&Item{ID: 1}).Error)
	require.Zero(t, rows())
	cached(t, one, func() int64 { return one.n(t, 1) })
	require.NoError(t, one.Transaction(func(tx *gorm.DB) error { return tx.First(&Item{}, 1).Error }))
	require.Zero(t, rows(), "nothing was written")
	require.NoError(t, one.Model(&Item{ID: 1}).Update("n", 5).Error)
	require.Equal(t, int64(1), rows())
}

func TestAWriterKeepsWhatItInstalled(t *testing.T) {
	t.Parallel()
	s := newShop(t)
	one, other := s.open(t, nil, s.DSN, minute), s.open(t, nil, s.DSN, minute)
	heard := make(chan struct{}, 64)
	t.Cleanup(other.plugin.Engine().OnCommit(func([]coherence.Tag) { heard <- struct{}{} }))
	require.NoError(t, one.Create(&Through{ID: 100, N: 1}).Error)
	<-heard // so one has had time to hear of itself, were it to
	require.NoError(t, other.Create(&Through{ID: 101, N: 1}).Error)
	require.Eventually(t, func() bool { return one.plugin.Stats().Engine.Backplane.Received > 0 }, soon, often)
	hits := one.plugin.Stats().Hits
	require.NoError(t, one.First(&Through{}, 100).Error)
	require.Equal(t, hits+1, one.plugin.Stats().Hits)
}

func TestStatementsThatRefuseTransactionsRunWithout(t *testing.T) {
	t.Parallel()
	s := newShop(t)
	one, other := s.open(t, nil, s.DSN, minute), s.open(t, nil, s.DSN, minute)
	require.NoError(t, one.Exec("CREATE INDEX CONCURRENTLY items_n ON items (n)").Error)
	require.NoError(t, one.Exec("VACUUM items").Error)
	require.NoError(t, s.plain.Exec(`CREATE PROCEDURE set_n(v bigint) LANGUAGE plpgsql AS $$ BEGIN
		UPDATE items SET n = v WHERE id = 1; COMMIT; UPDATE items SET n = v WHERE id = 2; END $$`).Error)
	for _, id := range []int64{1, 2} {
		cached(t, other, func() int64 { return other.n(t, id) })
	}
	require.NoError(t, one.Exec("CALL set_n(7)").Error)
	require.Eventually(t, func() bool { return other.n(t, 1) == 7 && other.n(t, 2) == 7 }, soon, often)
}

func TestWritesAfterCloseAreTold(t *testing.T) {
	t.Parallel()
	s := newShop(t)
	one, other := s.open(t, nil, s.DSN, 2*time.Second), s.open(t, nil, s.DSN, 2*time.Second)
	require.NoError(t, one.plugin.Close(t.Context()))
	cached(t, other, func() int64 { return other.n(t, 1) })
	require.NoError(t, one.Model(&Item{ID: 1}).Update("n", 3).Error)
	require.Eventually(t, func() bool { return other.n(t, 1) == 3 }, soon, often)
	cached(t, other, func() int64 { return other.n(t, 1) })
	require.NoError(t, one.Exec("UPDATE items SET n = 4 WHERE id = 1").Error)
	require.Eventually(t, func() bool { return other.n(t, 1) == 4 }, soon, often)
}

func TestALongTransactionElsewhereHoldsNothingUp(t *testing.T) {
	t.Parallel()
	s, elsewhere := newShop(t), newShop(t)
	tx, err := elsewhere.Raw(t).BeginTx(t.Context(), &sql.TxOptions{})
	require.NoError(t, err)
	defer func() { require.NoError(t, tx.Rollback()) }()
	_, err = tx.ExecContext(context.Background(), "UPDATE items SET n = 1")
	require.NoError(t, err)
	one, other := s.open(t, nil, s.DSN, minute), s.open(t, nil, s.DSN, minute)
	for n := int64(1); n <= 20; n++ {
		cached(t, other, func() int64 { return other.n(t, 1) })
		require.NoError(t, one.Model(&Item{ID: 1}).Update("n", n).Error)
		require.Eventually(t, func() bool { return other.n(t, 1) == n }, soon, often)
	}
	require.Less(t, other.plugin.Stats().Engine.Backplane.Received, uint64(40), "what was applied is not read again")
}
