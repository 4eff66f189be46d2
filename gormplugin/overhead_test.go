package cacheplugin_test

import (
	"slices"
	"testing"

	"github.com/stretchr/testify/require"
	"gorm.io/gorm"

	"github.com/cachewright/cachewright/internal/testkit"
)

// passBudget is how many allocations a call that the plugin does not serve may cost beyond plain GORM's.
const passBudget = 3

// Pebble is a model without a policy.
type Pebble struct {
	ID     int64
	Weight int64
}

func TestACallThatIsNotServedAllocatesLittleMoreThanPlainGORM(t *testing.T) { //nolint:paralleltest // the allocations of all goroutines are counted
	testkit.EachDatabase(t, func(t *testing.T, database testkit.Database) {
		plain, with := database.Open(t, nil), database.Open(t, nil)
		usePlugin(t, with)
		require.NoError(t, plain.AutoMigrate(&Pebble{}))
		require.NoError(t, plain.Create(&[]Pebble{{ID: 1, Weight: 10}, {ID: 2, Weight: 20}, {ID: 3, Weight: 30}}).Error)
		for name, call := range map[string]func(db *gorm.DB) error{
			"First":      func(db *gorm.DB) error { return db.First(&Pebble{}, 1).Error },
			"Find":       func(db *gorm.DB) error { return db.Where("weight > ?", 10).Find(&[]Pebble{}).Error },
			"Count":      func(db *gorm.DB) error { return db.Model(&Pebble{}).Count(new(int64)).Error },
			"Pluck":      func(db *gorm.DB) error { return db.Model(&Pebble{}).Pluck("weight", &[]int64{}).Error },
			"into a map": func(db *gorm.DB) error { return db.Model(&Pebble{}).Take(&map[string]any{}).Error },
			"Raw": func(db *gorm.DB) error {
				return db.Raw("SELECT weight FROM pebbles WHERE id = ?", 2).Scan(new(int64)).Error
			},
			"Scan": func(db *gorm.DB) error { return db.Model(&Pebble{}).Select("weight").Scan(&[]int64{}).Error },
		} {
			without, own := leastAllocations(t, plain, call), leastAllocations(t, with, call)
			t.Logf("%s: %v allocations, plain GORM %v", name, own, without)
			require.LessOrEqual(t, own, without+passBudget, name)
		}
	})
}

// leastAllocations is what a call allocates when the pools it uses are filled: garbage collection empties them, and the race
// detector has them forget at random.
func leastAllocations(tb testing.TB, db *gorm.DB, call func(*gorm.DB) error) float64 {
	tb.Helper()
	counts := make([]float64, 50)
	for i := range counts {
		counts[i] = testing.AllocsPerRun(1, func() { require.NoError(tb, call(db)) })
	}
	return slices.Min(counts)
}
