package cacheplugin_test

import (
	"context"
	"testing"

	"gorm.io/gorm"

	cacheplugin "github.com/cachewright/cachewright/gormplugin"
	"github.com/cachewright/cachewright/internal/testkit"
)

func BenchmarkFirstByKeyQuick(b *testing.B) {
	database := testkit.SQLiteDatabase(b)
	db := database.Open(b, &gorm.Config{})
	cache := cacheplugin.New()
	_ = db.Use(cache)
	b.Cleanup(func() { _ = cache.Close(context.Background()) })
	_ = db.AutoMigrate(&item{})
	db.Create(&item{ID: 1, Name: "one", Price: 10})
	floor := database.Open(b, &gorm.Config{})
	_ = floor.Callback().Query().Replace("gorm:query", func(*gorm.DB) {})
	b.Run("floor", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			var got item
			floor.First(&got, 1)
		}
	})
	b.Run("hit", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			var got item
			if db.First(&got, 1).Error != nil || got.Price != 10 {
				b.Fatal("no")
			}
		}
	})
}
