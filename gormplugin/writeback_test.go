package cacheplugin_test

import (
	"context"
	"testing"

	"github.com/stretchr/testify/require"
	"gorm.io/gorm"
	"gorm.io/gorm/clause"

	cacheplugin "github.com/cachewright/cachewright/gormplugin"
	"github.com/cachewright/cachewright/internal/testkit"
)

type pageView struct {
	_    struct{} `cache:"writeback,flush=1h"`
	Path string   `gorm:"primaryKey"`
	Hits int64
}

func TestAHundredIncrementsOfARowReachTheDatabaseOnce(t *testing.T) {
	testkit.EachDatabase(t, func(t *testing.T, database testkit.Database) {
		db, probe := database.OpenCounted(t, &gorm.Config{})
		cache := cacheplugin.New()
		require.NoError(t, db.Use(cache))
		t.Cleanup(func() { require.NoError(t, cache.Close(context.Background())) })
		require.NoError(t, db.AutoMigrate(&pageView{}))
		require.NoError(t, db.Create(&pageView{Path: "/"}).Error)
		require.NoError(t, cache.Flush(t.Context()))
		require.NoError(t, db.Model(&pageView{Path: "/"}).Update("hits", gorm.Expr("hits + ?", 1)).Error)

		probe.Reset()
		for range 99 {
			got := db.Model(&pageView{Path: "/"}).Update("hits", gorm.Expr("hits + ?", 1))
			require.NoError(t, got.Error)
			require.EqualValues(t, 1, got.RowsAffected)
		}
		var view pageView
		require.NoError(t, db.First(&view, "path = ?", "/").Error)
		require.EqualValues(t, 100, view.Hits)
		require.Empty(t, probe.Calls(), "an acknowledged increment sends nothing")

		require.NoError(t, cache.Flush(t.Context()))
		require.Equal(t, 1, probe.CountMatching(sentRows), probe.Statements())
		var hits int64
		require.NoError(t, database.Raw(t).QueryRowContext(t.Context(), "SELECT hits FROM page_views").Scan(&hits))
		require.EqualValues(t, 100, hits)
		require.NoError(t, db.First(&view, "path = ?", "/").Error)
		require.EqualValues(t, 100, view.Hits)
	})
}

func TestAQueryOverAWriteBackTableSeesWhatIsPending(t *testing.T) {
	testkit.EachDatabase(t, func(t *testing.T, database testkit.Database) {
		db := database.Open(t, &gorm.Config{})
		cache := cacheplugin.New()
		require.NoError(t, db.Use(cache))
		t.Cleanup(func() { require.NoError(t, cache.Close(context.Background())) })
		require.NoError(t, db.AutoMigrate(&pageView{}))
		require.NoError(t, db.Create(&pageView{Path: "/a", Hits: 3}).Error)
		require.ErrorIs(t, db.Create(&pageView{Path: "/a"}).Error, gorm.ErrDuplicatedKey)
		var sum int64
		require.NoError(t, db.Model(&pageView{}).Select("sum(hits)").Scan(&sum).Error)
		require.EqualValues(t, 3, sum)
		require.NoError(t, db.Clauses(clause.OnConflict{
			Columns: []clause.Column{{Name: "path"}}, DoUpdates: clause.Assignments(map[string]any{"hits": gorm.Expr("page_views.hits + ?", 2)}),
		}).Create(&pageView{Path: "/a", Hits: 1}).Error)
		var all []pageView
		require.NoError(t, db.Find(&all, "hits > ?", 4).Error)
		require.Len(t, all, 1)
		require.EqualValues(t, 5, all[0].Hits)

		require.NoError(t, db.Model(&pageView{Path: "/a"}).Update("hits", gorm.Expr("hits + ?", 1)).Error)
		require.NoError(t, db.Transaction(func(tx *gorm.DB) error {
			return tx.Model(&pageView{Path: "/a"}).Update("hits", gorm.Expr("hits * ?", 2)).Error
		}))
		var view pageView
		require.NoError(t, db.First(&view, "path = ?", "/a").Error)
		require.EqualValues(t, 12, view.Hits)
		require.NoError(t, db.Model(&pageView{Path: "/a"}).Update("hits", gorm.Expr("hits + ?", 1)).Error)
		require.NoError(t, db.Exec("UPDATE page_views SET hits = hits * 2").Error)
		require.NoError(t, db.First(&view, "path = ?", "/a").Error)
		require.EqualValues(t, 26, view.Hits)
		require.NoError(t, db.Delete(&pageView{Path: "/a"}).Error)
		require.ErrorIs(t, db.First(&view, "path = ?", "/a").Error, gorm.ErrRecordNotFound)
		require.NoError(t, db.Create(&pageView{Path: "/a", Hits: 7}).Error)
		require.NoError(t, db.First(&view, "path = ?", "/a").Error)
		require.EqualValues(t, 7, view.Hits)
		require.NoError(t, cache.Flush(t.Context()))
		require.NoError(t, db.First(&view, "path = ?", "/a").Error)
		require.EqualValues(t, 7, view.Hits)
	})
}
