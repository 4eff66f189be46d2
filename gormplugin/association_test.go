package cacheplugin_test

import (
	"fmt"
	"testing"

	"github.com/stretchr/testify/require"
	"gorm.io/gorm"

	"github.com/cachewright/cachewright/internal/switches"
	"github.com/cachewright/cachewright/internal/testkit"
)

// Shop has wares of its own and tags it shares with other shops.
type Shop struct {
	_      struct{} `cache:"aside"`
	ID     int64
	Name   string
	Shelf  []Shelf `gorm:"constraint:OnDelete:CASCADE"`
	Labels []Label `gorm:"many2many:shop_labels"`
	Owner  *Owner
}

type Shelf struct {
	_      struct{} `cache:"aside"`
	ID     int64
	ShopID *int64
	Name   string
}

type Label struct {
	_    struct{} `cache:"writethrough"`
	ID   int64
	Name string
}

type Owner struct {
	_      struct{} `cache:"aside"`
	ID     int64
	ShopID int64
	Name   string
}

// eachShop runs the test on a database with shop 1, which has shelves 1 and 2, labels 1 and 2 and owner 1, and shop 2.
func eachShop(t *testing.T, test func(t *testing.T, db *gorm.DB, shop func(id int64) string)) {
	t.Helper()
	testkit.EveryDatabase(t, func(t *testing.T, database testkit.Database) {
		db := database.Open(t, nil)
		usePlugin(t, db)
		require.NoError(t, db.AutoMigrate(&Shop{}, &Shelf{}, &Label{}, &Owner{}))
		require.NoError(t, db.Create(&Shop{
			ID: 1, Name: "one", Owner: &Owner{ID: 1, Name: "ann"},
			Shelf:  []Shelf{{ID: 1, Name: "left"}, {ID: 2, Name: "right"}},
			Labels: []Label{{ID: 1, Name: "red"}, {ID: 2, Name: "blue"}},
		}).Error)
		require.NoError(t, db.Create(&Shop{ID: 2, Name: "two", Labels: []Label{{ID: 2}}}).Error)
		byID := func(db *gorm.DB) *gorm.DB { return db.Order("id") }
		shop := func(id int64) string {
			t.Helper()
			var s Shop
			require.NoError(t, db.Preload("Shelf", byID).Preload("Labels", byID).Preload("Owner").First(&s, id).Error)
			text := s.Name
			for _, shelf := range s.Shelf {
				var own Shelf
				require.NoError(t, db.First(&own, shelf.ID).Error)
				require.Equal(t, shelf, own)
				text += " " + shelf.Name
			}
			for _, label := range s.Labels {
				var own Label
				require.NoError(t, db.First(&own, label.ID).Error)
				require.Equal(t, label, own)
				text += " " + label.Name
			}
			if s.Owner != nil {
				text += " " + s.Owner.Name
			}
			return fmt.Sprint(text, " ", db.Model(&s).Association("Shelf").Count(), db.Model(&s).Association("Labels").Count())
		}
		for range 2 {
			require.Equal(t, "one left right red blue ann 2 2", shop(1))
			require.Equal(t, "two blue 0 1", shop(2))
		}
		test(t, db, shop)
	})
}

func TestAssociationWritesAreSeen(t *testing.T) {
	t.Parallel()
	one := func() *Shop { return &Shop{ID: 1, Name: "one"} }
	for _, w := range []struct {
		name  string
		write func(db *gorm.DB) error
		want  string
	}{
		{"append to has many", func(db *gorm.DB) error {
			return db.Model(one()).Association("Shelf").Append(&Shelf{ID: 3, Name: "top"})
		}, "one left right top red blue ann 3 2"},
		{"replace has many", func(db *gorm.DB) error {
			return db.Model(one()).Association("Shelf").Replace(&Shelf{ID: 1, Name: "left"})
		}, "one left red blue ann 1 2"},
		{"delete from has many", func(db *gorm.DB) error {
			return db.Model(one()).Association("Shelf").Delete(&Shelf{ID: 1})
		}, "one right red blue ann 1 2"},
		{"clear has many", func(db *gorm.DB) error { return db.Model(one()).Association("Shelf").Clear() }, "one red blue ann 0 2"},
		{"append to many to many", func(db *gorm.DB) error {
			return db.Model(one()).Association("Labels").Append(&Label{ID: 3, Name: "green"})
		}, "one left right red blue green ann 2 3"},
		{"replace many to many", func(db *gorm.DB) error {
			return db.Model(one()).Association("Labels").Replace(&Label{ID: 2, Name: "blue"})
		}, "one left right blue ann 2 1"},
		{"delete from many to many", func(db *gorm.DB) error {
			return db.Model(one()).Association("Labels").Delete(&Label{ID: 1})
		}, "one left right blue ann 2 1"},
		{"clear many to many", func(db *gorm.DB) error { return db.Model(one()).Association("Labels").Clear() }, "one left right ann 2 0"},
		{"update of a child", func(db *gorm.DB) error {
			return db.Model(&Label{ID: 2}).Update("name", "azure").Error
		}, "one left right red azure ann 2 2"},
		{"save with all associations", func(db *gorm.DB) error {
			s := &Shop{ID: 1, Name: "uno", Shelf: []Shelf{{ID: 1, Name: "links"}}, Labels: []Label{{ID: 1, Name: "rot"}}, Owner: &Owner{ID: 1, Name: "eve"}}
			return db.Session(&gorm.Session{FullSaveAssociations: true}).Save(s).Error
		}, "uno links right rot blue eve 2 2"},
		{"delete of a child", func(db *gorm.DB) error { return db.Delete(&Shelf{ID: 2}).Error }, "one left red blue ann 1 2"},
		{"the join table", func(db *gorm.DB) error {
			return db.Exec("DELETE FROM shop_labels WHERE shop_id = 1 AND label_id = 1").Error
		}, "one left right blue ann 2 1"},
	} {
		t.Run(w.name, func(t *testing.T) {
			t.Parallel()
			eachShop(t, func(t *testing.T, db *gorm.DB, shop func(int64) string) {
				require.NoError(t, w.write(db))
				for range 2 {
					require.Equal(t, w.want, shop(1))
				}
			})
		})
	}
}

func TestADeleteThatCascadesIsSeenInTheOtherTable(t *testing.T) {
	t.Parallel()
	eachShop(t, func(t *testing.T, db *gorm.DB, _ func(int64) string) {
		require.NoError(t, cascade(t, db), "a row that is gone is not served")
	})
}

func TestADeleteThatCascadesUnseenWouldLeaveAStaleRow(t *testing.T) {
	switches.Disable(t, switches.Triggers)
	eachShop(t, func(t *testing.T, db *gorm.DB, _ func(int64) string) { require.Error(t, cascade(t, db)) })
}

// cascade deletes a shop whose shelves go with it and reads a shelf; its error is that the shelf is still served.
func cascade(t *testing.T, db *gorm.DB) error {
	t.Helper()
	require.NoError(t, db.First(&Shelf{}, 1).Error)
	require.NoError(t, db.Exec("DELETE FROM shop_labels").Error)
	require.NoError(t, db.Delete(&Owner{ID: 1}).Error)
	require.NoError(t, db.First(&Shelf{}, 1).Error)
	require.NoError(t, db.Delete(&Shop{ID: 1}).Error)
	if err := db.First(&Shelf{}, 1).Error; err == nil {
		return gorm.ErrInvalidData
	}
	var n int64
	require.NoError(t, db.Model(&Shelf{}).Count(&n).Error)
	require.Zero(t, n)
	return nil
}
