package cacheplugin_test

import (
	"context"
	"testing"

	"github.com/stretchr/testify/require"
	"gorm.io/gorm"

	cacheplugin "github.com/cachewright/cachewright/gormplugin"
	"github.com/cachewright/cachewright/internal/testkit"
)

type item struct {
	_     struct{} `cache:"aside"`
	ID    int64
	Name  string
	Price int64
}

type through struct {
	_     struct{} `cache:"writethrough"`
	ID    int64
	Name  string
	Price int64
}

func TestAReadIsServedFromTheCacheUntilACommitChangesIt(t *testing.T) {
	testkit.EachDatabase(t, func(t *testing.T, database testkit.Database) {
		db, probe := database.OpenCounted(t, &gorm.Config{})
		cache := cacheplugin.New()
		require.NoError(t, db.Use(cache))
		t.Cleanup(func() { require.NoError(t, cache.Close(context.Background())) })
		require.NoError(t, db.AutoMigrate(&item{}, &through{}))
		require.NoError(t, db.Create(&item{ID: 1, Name: "one", Price: 10}).Error)
		require.NoError(t, db.Create(&through{Name: "one", Price: 10}).Error)

		var got item
		require.NoError(t, db.First(&got, 1).Error)
		probe.Reset()
		for range 3 {
			var again item
			require.NoError(t, db.First(&again, 1).Error)
			require.Equal(t, got, again)
			var list []item
			require.NoError(t, db.Where("id = ?", 1).Find(&list).Error)
			require.Equal(t, []item{got}, list)
		}
		require.Zero(t, probe.Count(), probe.Statements())
		require.NoError(t, db.Model(&got).Update("price", 11).Error)
		var after item
		require.NoError(t, db.First(&after, 1).Error)
		require.EqualValues(t, 11, after.Price)

		probe.Reset()
		var th through
		require.NoError(t, db.First(&th, 1).Error)
		require.Zero(t, probe.Count(), probe.Statements())
		require.NoError(t, db.Model(&th).Update("price", gorm.Expr("price + ?", 5)).Error)
		probe.Reset()
		var th2 through
		require.NoError(t, db.First(&th2, 1).Error)
		require.EqualValues(t, 15, th2.Price)
		require.Zero(t, probe.Count(), probe.Statements())
		require.NoError(t, db.Delete(&th).Error)
		probe.Reset()
		require.ErrorIs(t, db.First(&th2, 1).Error, gorm.ErrRecordNotFound)
		require.Zero(t, probe.Count(), probe.Statements())

		var n int64
		require.NoError(t, db.Model(&item{}).Where("price > ?", 3).Count(&n).Error)
		require.EqualValues(t, 1, n)
		probe.Reset()
		require.NoError(t, db.Model(&item{}).Where("price > ?", 3).Count(&n).Error)
		require.Zero(t, probe.Count(), probe.Statements())
		require.NoError(t, db.Exec("UPDATE items SET price = 1").Error)
		require.NoError(t, db.Model(&item{}).Where("price > ?", 3).Count(&n).Error)
		require.EqualValues(t, 0, n)
		require.NoError(t, db.First(&after, 1).Error)
		require.EqualValues(t, 1, after.Price)
		require.NoError(t, db.Model(&item{}).Where("price = ?", 1).Update("price", 2).Error)
		require.NoError(t, db.First(&after, 1).Error)
		require.EqualValues(t, 2, after.Price)
		var price int64
		require.NoError(t, db.Raw("UPDATE items SET price = 9 WHERE id = 1 RETURNING price").Scan(&price).Error)
		require.EqualValues(t, 9, price)
		require.NoError(t, db.First(&after, 1).Error)
		require.EqualValues(t, 9, after.Price)
		t.Logf("%+v", cache.Stats())
	})
}
