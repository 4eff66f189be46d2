package cacheplugin_test

import (
	"testing"

	"github.com/stretchr/testify/require"
	"gorm.io/gorm"
	"gorm.io/gorm/clause"

	cacheplugin "github.com/cachewright/cachewright/gormplugin"
	"github.com/cachewright/cachewright/internal/testkit"
	"github.com/cachewright/cachewright/policy"
)

// Rack is what goods stand on.
type Rack struct {
	ID    int64
	Name  string   `gorm:"uniqueIndex"`
	Goods []Racked `gorm:"constraint:OnDelete:CASCADE"`
}

// Racked goes with its rack.
type Racked struct {
	ID     int64
	RackID int64
}

func TestARowThatIsReplacedTakesItsChildrenWithIt(t *testing.T) {
	t.Parallel()
	database := testkit.SQLiteDatabase(t)
	db := database.Open(t, nil)
	require.NoError(t, db.AutoMigrate(&Rack{}, &Racked{}))
	usePlugin(t, db, cacheplugin.WithDefaultPolicy(policy.Policy{Strategy: policy.Aside}))
	for _, write := range []func(tx *gorm.DB) *gorm.DB{
		func(tx *gorm.DB) *gorm.DB {
			return tx.Clauses(clause.Insert{Modifier: "OR REPLACE"}).Create(&Rack{Name: "high"})
		},
		func(tx *gorm.DB) *gorm.DB {
			return tx.Clauses(clause.Update{Modifier: "OR REPLACE"}).Model(&Rack{}).Where("name = ?", "low").Update("name", "high")
		},
	} {
		require.NoError(t, db.Where("true").Delete(&Rack{}).Error)
		require.NoError(t, db.Create([]Rack{{ID: 1, Name: "high", Goods: []Racked{{ID: 1}}}, {ID: 2, Name: "low"}}).Error)
		require.NoError(t, db.First(&Racked{}, 1).Error)
		require.NoError(t, write(db).Error)
		require.ErrorIs(t, db.First(&Racked{}, 1).Error, gorm.ErrRecordNotFound)
	}
}
