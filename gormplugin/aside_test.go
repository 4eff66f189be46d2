package cacheplugin_test

import (
	"fmt"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"gorm.io/gorm"
	"gorm.io/gorm/clause"

	cacheplugin "github.com/cachewright/cachewright/gormplugin"
	"github.com/cachewright/cachewright/internal/switches"
	"github.com/cachewright/cachewright/internal/testkit"
	"github.com/cachewright/cachewright/policy"
)

func TestAnUpdateByConditionMovesTheRowsItChanged(t *testing.T) {
	t.Parallel()
	eachSetup(t, func(t *testing.T, c *cached) {
		c.warm(t)
		changed := c.Model(c.new()).Where("price >= ?", 20).Where("name = ?", "ware").Update("price", gorm.Expr("price + 1"))
		require.NoError(t, changed.Error)
		require.EqualValues(t, 2, changed.RowsAffected)
		c.silent(t, func() { require.EqualValues(t, 10, c.price(t, 1), "a row the update did not meet stays cached") })
		require.EqualValues(t, 21, c.price(t, 2))
		require.EqualValues(t, 31, c.price(t, 3))
		require.Equal(t, []int64{10, 21, 31}, c.prices(t))

		deleted := c.Where("price = ?", 21).Delete(c.new())
		require.NoError(t, deleted.Error)
		require.EqualValues(t, 1, deleted.RowsAffected)
		c.silent(t, func() { require.EqualValues(t, 10, c.price(t, 1)) })
		c.missing(t, 2)
		require.Equal(t, []int64{10, 31}, c.prices(t))
	})
}

func TestAnUpdateOfMoreRowsThanAreCountedMovesTheTable(t *testing.T) {
	t.Parallel()
	eachTagged(t, func(t *testing.T, c *cached) {
		var many []Ware
		for i := range int64(1200) {
			many = append(many, Ware{ID: 100 + i, Name: "many", Price: 5})
		}
		require.NoError(t, c.plain.Create(&many).Error)
		c.warm(t)
		require.EqualValues(t, 5, c.price(t, 100))
		require.EqualValues(t, 5, c.price(t, 1299))
		changed := c.Model(c.new()).Where("name = ?", "many").Update("price", 6)
		require.NoError(t, changed.Error)
		require.EqualValues(t, 1200, changed.RowsAffected)
		require.EqualValues(t, 6, c.price(t, 100))
		require.EqualValues(t, 6, c.price(t, 1299))
		keys := make([]int64, 1100)
		for i := range keys {
			keys[i] = 100 + int64(i)
		}
		changed = c.Model(c.new()).Where("id IN ?", keys).Update("price", 7)
		require.NoError(t, changed.Error)
		require.EqualValues(t, 1100, changed.RowsAffected)
		require.EqualValues(t, 7, c.price(t, 100))
		require.EqualValues(t, 6, c.price(t, 1299))
		deleted := c.Delete(c.new(), "name = ?", "many")
		require.NoError(t, deleted.Error)
		require.EqualValues(t, 1200, deleted.RowsAffected)
		c.missing(t, 100)
		c.missing(t, 1299)
		require.EqualValues(t, 10, c.price(t, 1))
	})
}

func TestAnUpdateOfTheKeyMovesBothRows(t *testing.T) {
	t.Parallel()
	eachSetup(t, func(t *testing.T, c *cached) {
		c.warm(t)
		c.missing(t, 9)
		require.NoError(t, c.Model(c.with(Ware{ID: 1})).Update("id", 9).Error)
		c.missing(t, 1)
		require.EqualValues(t, 10, c.price(t, 9))
		require.NoError(t, c.Model(c.new()).Where("price = ?", 20).Updates(map[string]any{"id": 8}).Error)
		c.missing(t, 2)
		require.EqualValues(t, 20, c.price(t, 8))
		require.NoError(t, c.Model(c.new()).Where("id = ?", 3).Update("ID", gorm.Expr("id + 4")).Error)
		c.missing(t, 3)
		require.EqualValues(t, 30, c.price(t, 7))
	})
}

func TestAnUpsertThatChangesTheKeyMovesBothRows(t *testing.T) {
	t.Parallel()
	eachTagged(t, func(t *testing.T, c *cached) {
		require.NoError(t, c.plain.Exec("CREATE UNIQUE INDEX one_price ON wares (price)").Error)
		c.warm(t)
		c.missing(t, 9)
		rekey := clause.OnConflict{Columns: []clause.Column{{Name: "price"}}, DoUpdates: clause.AssignmentColumns([]string{"id"})}
		require.NoError(t, c.Clauses(rekey).Create(c.with(Ware{ID: 9, Price: 10})).Error)
		c.missing(t, 1)
		require.EqualValues(t, 10, c.price(t, 9))
	})
}

func TestAnAbsentRowIsRememberedUntilItIsCreated(t *testing.T) {
	t.Parallel()
	for name, create := range map[string]func(c *cached) error{
		"create":   func(c *cached) error { return c.Create(c.with(Ware{ID: 4, Price: 40})).Error },
		"save":     func(c *cached) error { return c.Save(c.with(Ware{ID: 4, Price: 40})).Error },
		"exec":     func(c *cached) error { return c.Exec("INSERT INTO wares (id, price) VALUES (4, 40)").Error },
		"from map": func(c *cached) error { return c.Model(c.new()).Create(map[string]any{"id": 4, "price": 40}).Error },
		"batch": func(c *cached) error {
			return c.Table("wares").Create([]map[string]any{{"id": 4, "price": 40}, {"id": 5, "price": 50}}).Error
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			eachTagged(t, func(t *testing.T, c *cached) {
				c.missing(t, 4)
				c.silent(t, func() { c.missing(t, 4) })
				require.NoError(t, create(c))
				require.EqualValues(t, 40, c.price(t, 4))
			})
		})
	}
}

func TestNegativeOffRemembersNothing(t *testing.T) {
	t.Parallel()
	eachWith(t, policy.Policy{Strategy: policy.Aside, Negative: policy.NegativeOff}, func(t *testing.T, c *cached) {
		c.missing(t, 4)
		c.sends(t, func() { c.missing(t, 4) })
		c.warm(t)
	})
	eachWith(t, policy.Policy{Strategy: policy.WriteThrough, Negative: policy.NegativeOff}, func(t *testing.T, c *cached) {
		require.NoError(t, c.Delete(c.with(Ware{ID: 1})).Error)
		c.sends(t, func() { c.missing(t, 1) })
	})
}

func TestQueriesOffCachesRowsOnly(t *testing.T) {
	t.Parallel()
	eachWith(t, policy.Policy{Strategy: policy.Aside, Queries: policy.QueriesOff}, func(t *testing.T, c *cached) {
		for range 2 {
			c.sends(t, func() { c.prices(t) })
		}
		c.price(t, 1)
		c.silent(t, func() { c.price(t, 1) })
	})
}

func TestAnOffModelIsReadFromTheDatabase(t *testing.T) {
	t.Parallel()
	eachWith(t, policy.Policy{Strategy: policy.Off}, func(t *testing.T, c *cached) {
		for range 2 {
			c.sends(t, func() { c.price(t, 1) })
			c.sends(t, func() { c.prices(t) })
		}
	})
}

func TestAPolicyInCodeWinsOverTheTag(t *testing.T) {
	t.Parallel()
	eachTagged(t, func(t *testing.T, c *cached) {
		c = c.again(t, nil, cacheplugin.WithPolicy(c.new(), policy.Policy{Strategy: policy.Off}))
		for range 2 {
			c.sends(t, func() { c.price(t, 1) })
		}
	})
}

func TestATimeToLiveEnds(t *testing.T) {
	t.Parallel()
	eachWith(t, policy.Policy{Strategy: policy.Aside, TTL: time.Nanosecond}, func(t *testing.T, c *cached) {
		c.price(t, 1)
		// The write is one nobody told the plugin of; only the entry's life bounds how long it stays unseen.
		require.NoError(t, c.plain.Exec("UPDATE wares SET price = 99 WHERE id = 1").Error)
		require.Eventually(t, func() bool { return c.price(t, 1) == 99 }, 10*time.Second, time.Millisecond)
	})
}

// eachWith runs the test with wares under the policy.
func eachWith(t *testing.T, p policy.Policy, test func(t *testing.T, c *cached)) {
	t.Helper()
	s := setups()[2]
	s.name, s.options = p.String(), []cacheplugin.Option{cacheplugin.WithDefaultPolicy(p)}
	runSetups(t, []setup{s}, test)
}

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
	testkit.EachDatabase(t, func(t *testing.T, database testkit.Database) {
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
