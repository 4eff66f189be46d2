package cacheplugin_test

import (
	"context"
	"testing"

	"gorm.io/gorm"

	cacheplugin "github.com/cachewright/cachewright/gormplugin"
	"github.com/cachewright/cachewright/internal/testkit"
)

// BenchmarkIncrement compares an acknowledged increment with the same call to a GORM whose update does nothing.
func BenchmarkIncrement(b *testing.B) {
	database := testkit.SQLiteDatabase(b)
	db := database.Open(b, nil)
	_ = db.AutoMigrate(&pageView{})
	cache := cacheplugin.New()
	_ = db.Use(cache)
	b.Cleanup(func() { _ = cache.Close(context.Background()) })
	floor := database.Open(b, &gorm.Config{SkipDefaultTransaction: true})
	_ = floor.Callback().Update().Replace("gorm:update", func(*gorm.DB) {})
	db.Create(&pageView{Path: "/"})
	increment := func(db *gorm.DB) *gorm.DB {
		return db.Model(&pageView{Path: "/"}).UpdateColumn("hits", gorm.Expr("hits + ?", 1))
	}
	b.Run("floor", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			increment(floor)
		}
	})
	b.Run("acknowledged", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			if got := increment(db); got.Error != nil || got.RowsAffected != 1 {
				b.Fatal(got.Error)
			}
		}
	})
}
