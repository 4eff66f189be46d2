package cacheplugin_test

import (
	"testing"

	"github.com/stretchr/testify/require"
	"gorm.io/gorm"

	"github.com/cachewright/cachewright/internal/testkit"
)

// hitBudget is how many allocations a hit may cost beyond GORM's own, which are those of the same call with an empty query callback.
const hitBudget = 8

func TestAHitAllocatesLittle(t *testing.T) { // not in parallel: the allocations of all goroutines are counted
	testkit.EachDatabase(t, func(t *testing.T, database testkit.Database) {
		c := openCached(t, database, setups()[0])
		floor := emptyQuery(t, database)
		c.price(t, 1)
		ours := testing.AllocsPerRun(500, func() {
			var w AsideWare
			if err := c.First(&w, 1).Error; err != nil || w.Price != 10 {
				t.Errorf("ware %v, error %v", w, err)
			}
		})
		least := testing.AllocsPerRun(500, func() {
			var w AsideWare
			floor.First(&w, 1)
		})
		t.Logf("a hit: %v allocations, the floor: %v", ours, least)
		require.LessOrEqual(t, ours, least+hitBudget)
	})
}

func BenchmarkFirstByKey(b *testing.B) {
	for name, open := range map[string]func(testing.TB) testkit.Database{"sqlite": testkit.SQLiteDatabase, "postgres": testkit.PostgresDatabase} {
		b.Run(name, func(b *testing.B) {
			database := open(b)
			c := openCached(b, database, setups()[0])
			floor := emptyQuery(b, database)
			b.Run("hit", func(b *testing.B) {
				b.ReportAllocs()
				for b.Loop() {
					var w AsideWare
					if err := c.First(&w, 1).Error; err != nil || w.Price != 10 {
						b.Fatal(w, err)
					}
				}
			})
			b.Run("floor", func(b *testing.B) {
				b.ReportAllocs()
				for b.Loop() {
					var w AsideWare
					floor.First(&w, 1)
				}
			})
		})
	}
}

// emptyQuery is a handle without the plugin whose queries do nothing.
func emptyQuery(tb testing.TB, database testkit.Database) *gorm.DB {
	tb.Helper()
	db := database.Open(tb, nil)
	require.NoError(tb, db.Callback().Query().Replace("gorm:query", func(*gorm.DB) {}))
	return db
}
