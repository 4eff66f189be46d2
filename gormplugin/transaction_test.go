package cacheplugin_test

import (
	"context"
	"errors"
	"testing"

	"github.com/stretchr/testify/require"
	"gorm.io/gorm"
	"gorm.io/gorm/logger"

	cacheplugin "github.com/cachewright/cachewright/gormplugin"
	"github.com/cachewright/cachewright/internal/testkit"
)

func TestEffectsCountFromCommitInEveryWayToWrite(t *testing.T) {
	t.Parallel()
	update := func(c *cached, db *gorm.DB) error {
		return db.Model(c.with(Ware{ID: 1})).Update("price", 99).Error
	}
	ways := []struct {
		name  string
		cfg   gorm.Config
		write func(t *testing.T, c *cached) error
	}{
		{name: "default transaction", write: func(_ *testing.T, c *cached) error { return update(c, c.DB) }},
		{name: "no default transaction", cfg: gorm.Config{SkipDefaultTransaction: true}, write: func(_ *testing.T, c *cached) error {
			return update(c, c.DB)
		}},
		{name: "session without default transaction", write: func(_ *testing.T, c *cached) error {
			return update(c, c.Session(&gorm.Session{SkipDefaultTransaction: true}))
		}},
		{name: "prepared statements", cfg: gorm.Config{PrepareStmt: true}, write: func(_ *testing.T, c *cached) error { return update(c, c.DB) }},
		{name: "prepared statements without default transaction", cfg: gorm.Config{PrepareStmt: true, SkipDefaultTransaction: true}, write: func(_ *testing.T, c *cached) error {
			return update(c, c.DB)
		}},
		{name: "session of prepared statements", write: func(_ *testing.T, c *cached) error {
			return update(c, c.Session(&gorm.Session{PrepareStmt: true}))
		}},
		{name: "transaction", write: func(_ *testing.T, c *cached) error {
			return c.Transaction(func(tx *gorm.DB) error { return update(c, tx) })
		}},
		{name: "transaction of prepared statements", cfg: gorm.Config{PrepareStmt: true}, write: func(_ *testing.T, c *cached) error {
			return c.Transaction(func(tx *gorm.DB) error { return update(c, tx) })
		}},
		{name: "transaction in a session of prepared statements", write: func(_ *testing.T, c *cached) error {
			return c.Session(&gorm.Session{PrepareStmt: true}).Transaction(func(tx *gorm.DB) error { return update(c, tx) })
		}},
		{name: "session of prepared statements in a transaction", write: func(_ *testing.T, c *cached) error {
			return c.Transaction(func(tx *gorm.DB) error { return update(c, tx.Session(&gorm.Session{PrepareStmt: true})) })
		}},
		{name: "begin and commit", write: func(t *testing.T, c *cached) error {
			tx := c.Begin()
			require.NoError(t, update(c, tx))
			require.EqualValues(t, 10, c.price(t, 1))
			return tx.Commit().Error
		}},
		{name: "new session in a transaction", write: func(_ *testing.T, c *cached) error {
			return c.Transaction(func(tx *gorm.DB) error { return update(c, tx.Session(&gorm.Session{NewDB: true})) })
		}},
		{name: "nested transaction", write: func(_ *testing.T, c *cached) error {
			return c.Transaction(func(tx *gorm.DB) error {
				return tx.Transaction(func(inner *gorm.DB) error { return update(c, inner) })
			})
		}},
		{name: "nested transaction of prepared statements", cfg: gorm.Config{PrepareStmt: true}, write: func(_ *testing.T, c *cached) error {
			return c.Transaction(func(tx *gorm.DB) error {
				return tx.Transaction(func(inner *gorm.DB) error { return update(c, inner) })
			})
		}},
		{name: "nested transaction that has no savepoint", cfg: gorm.Config{DisableNestedTransaction: true}, write: func(t *testing.T, c *cached) error {
			return c.Transaction(func(tx *gorm.DB) error {
				require.ErrorIs(t, tx.Transaction(func(inner *gorm.DB) error {
					require.NoError(t, update(c, inner))
					return errRollback
				}), errRollback)
				return nil // the outer transaction commits what the inner one did
			})
		}},
		{name: "exec", write: func(_ *testing.T, c *cached) error {
			return c.Exec("UPDATE wares SET price = 99 WHERE id = 1").Error
		}},
		{name: "exec of prepared statements", cfg: gorm.Config{PrepareStmt: true}, write: func(_ *testing.T, c *cached) error {
			return c.Exec("UPDATE wares SET price = ? WHERE id = ?", 99, 1).Error
		}},
		{name: "exec in a transaction", write: func(_ *testing.T, c *cached) error {
			return c.Transaction(func(tx *gorm.DB) error { return tx.Exec("UPDATE wares SET price = 99 WHERE id = 1").Error })
		}},
		{name: "raw that returns rows in a session of prepared statements", write: func(_ *testing.T, c *cached) error {
			var price int64
			return c.Session(&gorm.Session{PrepareStmt: true}).Raw("UPDATE wares SET price = 99 WHERE id = 1 RETURNING price").Scan(&price).Error
		}},
		{name: "update column", write: func(_ *testing.T, c *cached) error {
			return c.Model(c.with(Ware{ID: 1})).UpdateColumn("price", 99).Error
		}},
		{name: "with a logger", cfg: gorm.Config{Logger: logger.Discard}, write: func(_ *testing.T, c *cached) error { return update(c, c.Debug()) }},
		{name: "a pool of one connection", write: func(t *testing.T, c *cached) error {
			pool, err := c.DB.DB()
			require.NoError(t, err)
			pool.SetMaxOpenConns(1)
			return update(c, c.DB)
		}},
	}
	for _, s := range setups()[:2] {
		testkit.EachDatabase(t, func(t *testing.T, database testkit.Database) {
			base := openCached(t, database, s)
			for _, way := range ways {
				t.Run(s.name+"/"+way.name, func(t *testing.T) {
					require.NoError(t, base.plain.Exec("UPDATE wares SET price = 10 WHERE id = 1").Error)
					c := base.again(t, &way.cfg)
					c.warm(t)
					require.NoError(t, way.write(t, c))
					require.EqualValues(t, 99, c.price(t, 1))
					require.Equal(t, []int64{99, 20, 30}, c.prices(t))
					c.silent(t, func() {
						require.EqualValues(t, 99, c.price(t, 1))
						require.Equal(t, []int64{99, 20, 30}, c.prices(t))
					})
				})
			}
		})
	}
}

func TestAWriteOfOneRowLeavesTheOthersCached(t *testing.T) {
	t.Parallel()
	eachSetup(t, func(t *testing.T, c *cached) {
		c.warm(t)
		c.set(t, c.DB, 1, 99)
		c.silent(t, func() { require.EqualValues(t, 20, c.price(t, 2)) })
		c.sends(t, func() { require.Equal(t, []int64{99, 20, 30}, c.prices(t)) })
	})
}

func TestATransactionWhoseContextEndedIsRolledBack(t *testing.T) {
	t.Parallel()
	eachSetup(t, func(t *testing.T, c *cached) {
		c.warm(t)
		ctx, cancel := context.WithCancel(t.Context())
		err := c.WithContext(ctx).Transaction(func(tx *gorm.DB) error {
			c.set(t, tx, 1, 99)
			cancel()
			return nil
		})
		require.ErrorIs(t, err, context.Canceled)
		c.silent(t, func() {
			require.EqualValues(t, 10, c.price(t, 1))
			require.Equal(t, []int64{10, 20, 30}, c.prices(t))
		})
		c.set(t, c.DB, 1, 11)
		require.EqualValues(t, 11, c.price(t, 1))
	})
}

func TestACommitThatWasNeverSentIsNotServed(t *testing.T) {
	t.Parallel()
	refused := errors.New("refused")
	eachSetup(t, func(t *testing.T, c *cached) {
		c.warm(t)
		c.probe.Fail(testkit.On(testkit.Commit), refused)
		require.ErrorIs(t, c.Model(c.with(Ware{ID: 1})).Update("price", 99).Error, refused)
		require.EqualValues(t, 10, c.price(t, 1))
		require.Equal(t, []int64{10, 20, 30}, c.prices(t))
		c.probe.Fail(testkit.On(testkit.Commit), refused)
		require.ErrorIs(t, c.Transaction(func(tx *gorm.DB) error {
			return tx.Create(c.with(Ware{ID: 4, Price: 40})).Error
		}), refused)
		c.missing(t, 4)
		c.silent(t, func() { require.EqualValues(t, 20, c.price(t, 2)) })
	})
}

func TestAFailedStatementLeavesTheEntriesGood(t *testing.T) {
	t.Parallel()
	eachSetup(t, func(t *testing.T, c *cached) {
		c.warm(t)
		require.Error(t, c.Create(c.with(Ware{ID: 1, Price: 99})).Error, "the key is taken")
		require.Error(t, c.Session(&gorm.Session{SkipDefaultTransaction: true}).Create(c.with(Ware{ID: 1, Price: 99})).Error)
		require.Error(t, c.Exec("UPDATE wares SET no_such_column = 1").Error)
		require.EqualValues(t, 10, c.price(t, 1))
		require.Equal(t, []int64{10, 20, 30}, c.prices(t))
	})
}

func TestWritesOfAPinnedConnectionCount(t *testing.T) {
	t.Parallel()
	eachSetup(t, func(t *testing.T, c *cached) {
		c.warm(t)
		require.NoError(t, c.Connection(func(conn *gorm.DB) error {
			conn = conn.Session(&gorm.Session{}) // GORM hands out one whose conditions would add up
			c.set(t, conn, 1, 99)
			require.EqualValues(t, 99, c.price(t, 1))
			require.EqualValues(t, 99, c.read(t, conn, 1).Price)
			require.NoError(t, conn.Exec("UPDATE wares SET price = 98 WHERE id = 2").Error)
			return conn.Transaction(func(tx *gorm.DB) error {
				c.set(t, tx, 3, 97)
				require.EqualValues(t, 30, c.price(t, 3))
				return nil
			})
		}))
		require.EqualValues(t, 99, c.price(t, 1))
		require.EqualValues(t, 98, c.price(t, 2))
		require.EqualValues(t, 97, c.price(t, 3))
		require.Equal(t, []int64{99, 98, 97}, c.prices(t))
	})
}

func TestWritesInATransactionTheApplicationBeganCount(t *testing.T) {
	t.Parallel()
	eachSetup(t, func(t *testing.T, c *cached) {
		c.warm(t)
		pool, err := c.DB.DB()
		require.NoError(t, err)
		own, err := pool.BeginTx(t.Context(), nil)
		require.NoError(t, err)
		defer func() { _ = own.Rollback() }()
		inside := c.Session(&gorm.Session{Context: t.Context(), SkipDefaultTransaction: true})
		inside.Statement.ConnPool = own
		c.set(t, inside, 1, 99)
		require.NoError(t, inside.Exec("UPDATE wares SET price = 98 WHERE id = 2").Error)
		require.EqualValues(t, 99, c.read(t, inside, 1).Price)
		require.EqualValues(t, 10, c.price(t, 1))
		require.Equal(t, []int64{10, 20, 30}, c.prices(t))
		require.NoError(t, own.Commit())
		require.EqualValues(t, 99, c.price(t, 1), "nobody told the plugin of this COMMIT")
		require.EqualValues(t, 98, c.price(t, 2))
		require.Equal(t, []int64{99, 98, 30}, c.prices(t))
		require.NotZero(t, c.plugin.Stats().UnknownOutcomes)
	})
}

func TestACommitInsideSQLTextPublishesWhatCameBefore(t *testing.T) {
	t.Parallel()
	eachPostgres(t, func(t *testing.T, c *cached) {
		c.warm(t)
		require.NoError(t, c.Transaction(func(tx *gorm.DB) error {
			c.set(t, tx, 1, 99)
			require.NoError(t, tx.Exec("PREPARE TRANSACTION 'held'").Error)
			require.EqualValues(t, 10, c.price(t, 1))
			require.NoError(t, c.Exec("COMMIT PREPARED 'held'").Error)
			require.EqualValues(t, 99, c.price(t, 1))
			return nil
		}))
		require.EqualValues(t, 99, c.price(t, 1))
		require.Equal(t, []int64{99, 20, 30}, c.prices(t))
	})
}

func TestATransactionThatOnlyReadsCommitsWithoutEffects(t *testing.T) {
	t.Parallel()
	eachTagged(t, func(t *testing.T, c *cached) {
		c.warm(t)
		before := c.plugin.Stats().Engine.Publishes
		require.NoError(t, c.Transaction(func(tx *gorm.DB) error { return tx.First(c.new(), 1).Error }))
		require.Equal(t, before, c.plugin.Stats().Engine.Publishes)
		c.silent(t, func() { c.price(t, 1) })
	})
}

func TestADestinationForTheResultIsFilledOnAHit(t *testing.T) {
	t.Parallel()
	eachTagged(t, func(t *testing.T, c *cached) {
		for range 2 {
			found := c.First(c.new(), 1)
			require.NoError(t, found.Error)
			require.EqualValues(t, 1, found.RowsAffected)
			found = c.Find(c.list())
			require.EqualValues(t, 3, found.RowsAffected)
			found = c.Limit(1).Find(c.list(), 77)
			require.NoError(t, found.Error)
			require.Zero(t, found.RowsAffected)
		}
	})
}

func TestABypassReadsTheDatabaseAndFillsNothing(t *testing.T) {
	t.Parallel()
	eachSetup(t, func(t *testing.T, c *cached) {
		past := c.WithContext(cacheplugin.Bypass(t.Context()))
		for range 2 {
			c.sends(t, func() { c.read(t, past, 1) })
		}
		c.sends(t, func() { c.price(t, 1) })
		c.set(t, past, 1, 99)
		require.EqualValues(t, 99, c.price(t, 1), "a write counts all the same")
	})
}
