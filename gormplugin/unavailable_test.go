package cacheplugin_test

import (
	"context"
	"reflect"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	"gorm.io/gorm"

	cacheplugin "github.com/cachewright/cachewright/gormplugin"
	"github.com/cachewright/cachewright/internal/testkit"
	"github.com/cachewright/cachewright/policy"
	"github.com/cachewright/cachewright/store"
	"github.com/cachewright/cachewright/store/storetest"
)

func TestAWriteThatTheCacheCannotTakeIsRolledBack(t *testing.T) {
	t.Parallel()
	eachThrough(t, func(t *testing.T, c *cached) {
		c, faulty := c.withFaulty(t)
		c.warm(t)
		faulty.Always(storetest.OpSet, storetest.FailBefore(store.ErrUnavailable))
		for name, write := range map[string]func(db *gorm.DB) error{
			"update": func(db *gorm.DB) error { return db.Model(c.with(Ware{ID: 1})).Update("price", 99).Error },
			"create": func(db *gorm.DB) error { return db.Create(c.with(Ware{ID: 7, Price: 70})).Error },
			"delete": func(db *gorm.DB) error { return db.Delete(c.with(Ware{ID: 1})).Error },
			"save":   func(db *gorm.DB) error { return db.Save(c.with(Ware{ID: 1, Price: 99})).Error },
			"transaction": func(db *gorm.DB) error {
				return db.Transaction(func(tx *gorm.DB) error { return tx.Model(c.with(Ware{ID: 1})).Update("price", 99).Error })
			},
			"begin and commit": func(db *gorm.DB) error {
				tx := db.Begin()
				require.NoError(t, tx.Model(c.with(Ware{ID: 1})).Update("price", 99).Error)
				return tx.Commit().Error
			},
			"no default transaction": func(db *gorm.DB) error {
				return db.Session(&gorm.Session{SkipDefaultTransaction: true}).Model(c.with(Ware{ID: 1})).Update("price", 99).Error
			},
		} {
			err := write(c.DB)
			require.ErrorIs(t, err, cacheplugin.ErrCacheUnavailable, name)
			require.ErrorIs(t, err, store.ErrUnavailable, name)
			require.Equal(t, []int64{10, 20, 30}, c.prices(t), name)
			require.EqualValues(t, 10, c.price(t, 1), name)
			c.missing(t, 7)
		}
		require.EqualValues(t, 7, c.plugin.Stats().WritesRefused)
		faulty.Repair()
		c.set(t, c.DB, 1, 11)
		c.silent(t, func() { require.EqualValues(t, 11, c.price(t, 1)) })
	})
}

func TestARowTooLargeForTheCacheIsRolledBack(t *testing.T) {
	t.Parallel()
	eachThrough(t, func(t *testing.T, c *cached) {
		c = c.again(t, nil, cacheplugin.WithMemory(8<<20))
		c.warm(t)
		huge := strings.Repeat("x", 8<<20)
		err := c.Model(c.with(Ware{ID: 1})).Update("name", huge).Error
		require.ErrorIs(t, err, cacheplugin.ErrCacheUnavailable)
		require.ErrorIs(t, err, store.ErrTooLarge)
		require.Equal(t, "ware", c.read(t, c.DB, 1).Name)
	})
}

func TestOnFailInvalidateCommitsWhatTheCacheCannotTake(t *testing.T) {
	t.Parallel()
	for _, down := range []storetest.Fault{storetest.FailBefore(store.ErrUnavailable), storetest.FailBefore(store.ErrTooLarge)} {
		testkit.EachDatabase(t, func(t *testing.T, database testkit.Database) {
			c := openCached(t, database, setup{
				model: reflect.TypeFor[Ware](),
				options: []cacheplugin.Option{cacheplugin.WithPolicy(&Ware{}, policy.Policy{
					Strategy: policy.WriteThrough, OnFail: policy.OnFailInvalidate,
				})},
			})
			c, faulty := c.withFaulty(t)
			c.warm(t)
			faulty.Always(storetest.OpSet, down)
			c.set(t, c.DB, 1, 99)
			require.EqualValues(t, 99, c.price(t, 1))
			require.NoError(t, c.Delete(c.with(Ware{ID: 2})).Error)
			c.missing(t, 2)
			faulty.Repair()
			require.EqualValues(t, 99, c.price(t, 1))
			require.Zero(t, c.plugin.Stats().WritesRefused)
		})
	}
}

func TestAStoreThatFailsAfterCommitCostsAMiss(t *testing.T) {
	t.Parallel()
	eachThrough(t, func(t *testing.T, c *cached) {
		c, faulty := c.withFaulty(t)
		c.warm(t)
		faulty.Script(storetest.OpSet, storetest.Fault{}, storetest.FailBefore(store.ErrUnavailable))
		c.set(t, c.DB, 1, 99)
		c.sends(t, func() { require.EqualValues(t, 99, c.price(t, 1)) })
	})
}

func TestAnAsideWriteDoesNotNeedTheStore(t *testing.T) {
	t.Parallel()
	eachAside(t, func(t *testing.T, c *cached) {
		c, faulty := c.withFaulty(t)
		c.warm(t)
		for _, op := range []storetest.Op{storetest.OpGet, storetest.OpSet, storetest.OpDelete} {
			faulty.Always(op, storetest.FailBefore(store.ErrUnavailable))
		}
		c.set(t, c.DB, 1, 99)
		require.EqualValues(t, 99, c.price(t, 1))
		require.Equal(t, []int64{99, 20, 30}, c.prices(t))
		faulty.Repair()
		require.EqualValues(t, 99, c.price(t, 1))
	})
}

func TestAPanickingStoreHoldsNothing(t *testing.T) {
	t.Parallel()
	eachThrough(t, func(t *testing.T, c *cached) {
		c, faulty := c.withFaulty(t)
		c.warm(t)
		faulty.Script(storetest.OpSet, storetest.Fault{Before: func(context.Context) error { panic("the store") }})
		require.PanicsWithValue(t, "the store", func() {
			_ = c.Transaction(func(tx *gorm.DB) error {
				c.set(t, tx, 1, 99)
				return nil
			})
		})
		require.EqualValues(t, 10, c.price(t, 1))
		c.set(t, c.DB, 2, 22)
		require.EqualValues(t, 22, c.price(t, 2))
	})
}
