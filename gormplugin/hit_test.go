package cacheplugin_test

import (
	"testing"

	"github.com/stretchr/testify/require"
	"gorm.io/gorm"

	"github.com/cachewright/cachewright/internal/testkit"
)

// hitBudget is how many allocations a hit may cost beyond GORM's own, which are those of the same call with an empty
// query callback.
const hitBudget = 8

// coin is a model without hooks, which GORM would run for a hit and not for the empty callback.
type coin struct {
	_     struct{} `cache:"aside"`
	ID    int64
	Name  string
	Price int64
}

func TestAHitAllocatesLittle(t *testing.T) { // not in parallel: the allocations of all goroutines are counted
	testkit.EveryDatabase(t, func(t *testing.T, database testkit.Database) {
		db, floor := coins(t, database)
		var allocs [2]float64
		for i, h := range []*gorm.DB{floor, db} {
			allocs[i] = testing.AllocsPerRun(500, func() {
				var c coin
				if h.First(&c, 1); h == db && c.Price != 10 {
					t.Errorf("the coin is %v", c)
				}
			})
		}
		t.Logf("a hit: %v allocations, the floor: %v", allocs[1], allocs[0])
		require.LessOrEqual(t, allocs[1], allocs[0]+hitBudget)
	})
}

func BenchmarkFirstByKey(b *testing.B) {
	database := testkit.SQLiteDatabase(b) // a hit does not ask which database it is
	db, floor := coins(b, database)
	b.Run("hit", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			var c coin
			if err := db.First(&c, 1).Error; err != nil || c.Price != 10 {
				b.Fatal(c, err)
			}
		}
	})
	b.Run("floor", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			var c coin
			floor.First(&c, 1)
		}
	})
}

// coins returns two handles: one whose cache holds coin 1, and one without the plugin whose queries do nothing.
func coins(tb testing.TB, database testkit.Database) (db, floor *gorm.DB) {
	tb.Helper()
	db, floor = database.Open(tb, nil), database.Open(tb, nil)
	usePlugin(tb, db)
	require.NoError(tb, db.AutoMigrate(&coin{}))
	require.NoError(tb, db.Create(&coin{ID: 1, Name: "one", Price: 10}).Error)
	require.NoError(tb, db.First(&coin{}, 1).Error)
	require.NoError(tb, floor.Callback().Query().Replace("gorm:query", func(*gorm.DB) {}))
	return db, floor
}
