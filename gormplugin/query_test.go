package cacheplugin_test

import (
	"database/sql"
	"fmt"
	"testing"

	"github.com/stretchr/testify/require"
	"gorm.io/gorm"

	"github.com/cachewright/cachewright/coherence"
)

// smallWare is a ware with fewer columns, in another order.
type smallWare struct {
	Price int64
	ID    int64
}

// queries are reads whose answers are compared with the database's own, before and after each write. cached says that the second
// is a hit.
func queries(c *cached) []struct {
	name   string
	cached bool
	ask    func(db *gorm.DB) (any, error)
} {
	answer := func(v any, err error) (any, error) { return v, err }
	find := func(f func(db *gorm.DB) *gorm.DB) func(db *gorm.DB) (any, error) {
		return func(db *gorm.DB) (any, error) {
			list := c.list()
			err := f(db).Find(list).Error
			return c.wares(list), err
		}
	}
	return []struct {
		name   string
		cached bool
		ask    func(db *gorm.DB) (any, error)
	}{
		{"count", true, func(db *gorm.DB) (any, error) {
			var n int64
			return answer(&n, db.Model(c.new()).Where("price > ?", 15).Count(&n).Error)
		}},
		{"pluck", true, func(db *gorm.DB) (any, error) {
			var prices []int64
			return answer(&prices, db.Model(c.new()).Order("id").Pluck("price", &prices).Error)
		}},
		{"find", true, find(func(db *gorm.DB) *gorm.DB { return db.Order("id") })},
		{"find by condition", true, find(func(db *gorm.DB) *gorm.DB { return db.Where("price BETWEEN ? AND ?", 10, 25).Order("id") })},
		{"find by two keys", true, find(func(db *gorm.DB) *gorm.DB { return db.Where("id IN ?", []int64{1, 3}).Order("id") })},
		{"find or", true, find(func(db *gorm.DB) *gorm.DB { return db.Where("id = ?", 1).Or("price = ?", 30).Order("id") })},
		{"find not", true, find(func(db *gorm.DB) *gorm.DB { return db.Not("id = ?", 1).Order("id") })},
		{"limit and offset", true, find(func(db *gorm.DB) *gorm.DB { return db.Order("price DESC").Limit(1).Offset(1) })},
		{"distinct", true, func(db *gorm.DB) (any, error) {
			var names []string
			return answer(&names, db.Model(c.new()).Distinct().Pluck("name", &names).Error)
		}},
		{"group and having", true, func(db *gorm.DB) (any, error) {
			var sums []map[string]any
			return answer(&sums, db.Model(c.new()).Select("name, sum(price) AS total").Group("name").Having("sum(price) > ?", 5).Find(&sums).Error)
		}},
		{"smaller struct", true, func(db *gorm.DB) (any, error) {
			var small []smallWare
			return answer(&small, db.Model(c.new()).Order("id").Find(&small).Error)
		}},
		{"maps", true, func(db *gorm.DB) (any, error) {
			var maps []map[string]any
			return answer(&maps, db.Model(c.new()).Order("id").Find(&maps).Error)
		}},
		{"one map by key", true, func(db *gorm.DB) (any, error) {
			one := map[string]any{}
			return answer(one, db.Model(c.new()).Take(&one, 2).Error)
		}},
		{"last", true, func(db *gorm.DB) (any, error) {
			m := c.new()
			err := db.Last(m).Error
			return *m.ware(), err
		}},
		{"join", true, func(db *gorm.DB) (any, error) {
			var rows []map[string]any
			return answer(&rows, db.Model(c.new()).Select("wares.id, parts.name").Joins("JOIN parts ON parts.ware_id = wares.id").
				Order("parts.id").Find(&rows).Error)
		}},
		{"preload", false, find(func(db *gorm.DB) *gorm.DB { return db.Preload("Parts").Order("id") })},
		{"a subquery", false, find(func(db *gorm.DB) *gorm.DB {
			return db.Where("id IN (?)", c.plain.Table("parts").Select("ware_id")).Order("id")
		})},
		{"scan", false, func(db *gorm.DB) (any, error) {
			var small []smallWare
			return answer(&small, db.Model(c.new()).Order("id").Scan(&small).Error)
		}},
		{"row", false, func(db *gorm.DB) (any, error) {
			var price sql.NullInt64
			err := db.Model(c.new()).Select("max(price)").Row().Scan(&price)
			return price, err
		}},
		{"rows", false, func(db *gorm.DB) (any, error) {
			rows, err := db.Model(c.new()).Select("price").Order("id").Rows()
			if err != nil {
				return nil, err
			}
			defer rows.Close()
			var prices []int64
			for rows.Next() {
				var price int64
				if err := rows.Scan(&price); err != nil {
					return nil, err
				}
				prices = append(prices, price)
			}
			return prices, rows.Err()
		}},
		{"raw", false, func(db *gorm.DB) (any, error) {
			var sum int64
			return answer(&sum, db.Raw("SELECT coalesce(sum(price), 0) FROM wares").Scan(&sum).Error)
		}},
		{"raw into a model", false, func(db *gorm.DB) (any, error) {
			m := c.new()
			err := db.Raw("SELECT * FROM wares WHERE id = ?", 2).First(m).Error
			return *m.ware(), err
		}},
	}
}

func TestEveryQueryAnswersAsTheDatabaseDoes(t *testing.T) {
	t.Parallel()
	eachSetup(t, func(t *testing.T, c *cached) {
		require.NoError(t, c.plain.Create(&[]Part{{ID: 1, WareID: 1, Name: "bolt"}, {ID: 2, WareID: 2, Name: "nut"}}).Error)
		all := queries(c)
		compare := func(when string) {
			t.Helper()
			for _, q := range all {
				want, wantErr := q.ask(c.plain)
				for round := range 3 {
					c.probe.Reset()
					got, err := q.ask(c.DB)
					require.Equal(t, wantErr, err, "%s, %s", q.name, when)
					require.Equal(t, want, got, "%s, %s, time %d", q.name, when, round)
					if q.cached && round > 0 {
						require.Empty(t, c.probe.Statements(), "%s, %s, time %d", q.name, when, round)
					}
				}
			}
		}
		compare("at first")
		c.set(t, c.DB, 2, 21)
		compare("after an update")
		require.NoError(t, c.Create(c.with(Ware{ID: 4, Name: "new", Price: 15})).Error)
		compare("after a create")
		require.NoError(t, c.Create(&Part{ID: 3, WareID: 4, Name: "screw"}).Error)
		compare("after a create in the joined table")
		require.NoError(t, c.Exec("UPDATE wares SET price = price + 1").Error)
		compare("after an exec")
		require.NoError(t, c.Where("ware_id > ?", 1).Delete(&Part{}).Error)
		require.NoError(t, c.Delete(c.with(Ware{ID: 2})).Error)
		compare("after deletes")
		require.NoError(t, c.Exec("DELETE FROM parts").Error)
		require.NoError(t, c.Where("1 = 1").Delete(c.new()).Error)
		compare("of an empty table")
	})
}

func TestAQueryOfATableWithoutAModelIsNotCached(t *testing.T) {
	t.Parallel()
	eachTagged(t, func(t *testing.T, c *cached) {
		for range 2 {
			var rows []map[string]any
			c.sends(t, func() { require.NoError(t, c.Table("wares").Find(&rows).Error) })
		}
	})
}

func TestWhyAReadWasNotCachedIsCounted(t *testing.T) {
	t.Parallel()
	eachTagged(t, func(t *testing.T, c *cached) {
		random := "random() IS NOT NULL"
		if c.database.Name == "mysql" {
			random = "rand() IS NOT NULL"
		}
		for reason, read := range map[coherence.Reason]func() error{
			coherence.ReasonRaw:         func() error { return c.Raw("SELECT * FROM wares").Find(c.list()).Error },
			coherence.ReasonTransaction: func() error { return c.Transaction(func(tx *gorm.DB) error { return tx.First(c.new(), 1).Error }) },
			coherence.ReasonVolatile:    func() error { return c.Where(random).Find(c.list()).Error },
			coherence.ReasonOff:         func() error { return c.Find(&[]Part{}).Error },
		} {
			before := c.plugin.Stats().Uncached[reason]
			require.NoError(t, read())
			require.Equal(t, before+1, c.plugin.Stats().Uncached[reason], reason)
		}
	})
}

func TestReadsInParallelWithWritesSeeOneOfTheStates(t *testing.T) {
	t.Parallel()
	eachTagged(t, func(t *testing.T, c *cached) {
		const rounds = 40
		written := parallel(func() error {
			for i := range int64(rounds) {
				if err := c.Transaction(func(tx *gorm.DB) error {
					for id := range int64(3) {
						if err := tx.Model(c.with(Ware{ID: id + 1})).Update("price", 100+i).Error; err != nil {
							return err
						}
					}
					return nil
				}); err != nil {
					return err
				}
			}
			return nil
		})
		var readers []func() error
		for range 3 {
			readers = append(readers, parallel(func() error {
				last := int64(0)
				for range rounds {
					list := c.list()
					if err := c.DB.Order("id").Find(list).Error; err != nil {
						return err
					}
					w := c.wares(list)
					if w[0].Price >= 100 && (w[0].Price != w[1].Price || w[1].Price != w[2].Price) {
						return fmt.Errorf("a list of two states: %v", w)
					}
					m := c.new()
					if err := c.First(m, 1).Error; err != nil {
						return err
					}
					if m.ware().Price < last || m.ware().Price < w[0].Price {
						return fmt.Errorf("went back to %d after %d", m.ware().Price, max(last, w[0].Price))
					}
					last = m.ware().Price
				}
				return nil
			}))
		}
		require.NoError(t, written())
		for _, r := range readers {
			require.NoError(t, r())
		}
		require.EqualValues(t, 100+rounds-1, c.price(t, 1))
	})
}
