package cacheplugin_test

import (
	"encoding/json"
	"errors"
	"testing"

	"github.com/stretchr/testify/require"
	"gorm.io/gorm"
	"gorm.io/gorm/clause"
)

var errRollback = errors.New("rolled back on purpose")

func TestUncommittedRowsAreServedToNobodyElse(t *testing.T) {
	t.Parallel()
	eachSetup(t, func(t *testing.T, c *cached) {
		c.warm(t)
		require.NoError(t, c.Transaction(func(tx *gorm.DB) error {
			c.set(t, tx, 1, 99)
			require.NoError(t, tx.Create(c.with(Ware{ID: 4, Price: 40})).Error)
			require.NoError(t, tx.Delete(c.with(Ware{ID: 2})).Error)
			require.EqualValues(t, 99, c.read(t, tx, 1).Price, "the transaction sees its own write")
			require.EqualValues(t, 10, c.price(t, 1))
			require.EqualValues(t, 20, c.price(t, 2))
			c.missing(t, 4)
			require.Equal(t, []int64{10, 20, 30}, c.prices(t))
			return nil
		}))
		require.EqualValues(t, 99, c.price(t, 1))
		c.missing(t, 2)
		require.EqualValues(t, 40, c.price(t, 4))
		require.Equal(t, []int64{99, 30, 40}, c.prices(t))
	})
}

func TestRowsOfARolledBackTransactionAreNeverServed(t *testing.T) {
	t.Parallel()
	eachSetup(t, func(t *testing.T, c *cached) {
		c.warm(t)
		require.ErrorIs(t, c.Transaction(func(tx *gorm.DB) error {
			c.set(t, tx, 1, 99)
			require.NoError(t, tx.Create(c.with(Ware{ID: 4, Price: 40})).Error)
			require.NoError(t, tx.Delete(c.with(Ware{ID: 2})).Error)
			require.EqualValues(t, 99, c.read(t, tx, 1).Price)
			c.missing(t, 4)
			return errRollback
		}), errRollback)
		require.EqualValues(t, 10, c.price(t, 1))
		require.EqualValues(t, 20, c.price(t, 2))
		c.missing(t, 4)
		require.Equal(t, []int64{10, 20, 30}, c.prices(t))
	})
}

func TestLockingReadsGoToTheDatabase(t *testing.T) {
	t.Parallel()
	eachSetup(t, func(t *testing.T, c *cached) {
		c.warm(t)
		locking := c.Clauses(clause.Locking{Strength: "UPDATE"})
		for range 2 {
			c.sends(t, func() { c.read(t, locking, 1) })
			c.sends(t, func() { require.NoError(t, locking.Find(c.list()).Error) })
		}
		require.NoError(t, c.Transaction(func(tx *gorm.DB) error {
			c.sends(t, func() { c.read(t, tx.Clauses(clause.Locking{Strength: "UPDATE"}), 1) })
			if c.database.Name == "postgres" {
				require.Contains(t, c.probe.Statements()[0], "FOR UPDATE")
			}
			return nil
		}))
	})
}

func TestReadsInATransactionGoToTheDatabaseAndFillNothing(t *testing.T) {
	t.Parallel()
	eachSetup(t, func(t *testing.T, c *cached) {
		require.NoError(t, c.Transaction(func(tx *gorm.DB) error {
			for range 2 {
				c.sends(t, func() { c.read(t, tx, 1) })
				c.sends(t, func() { require.NoError(t, tx.Find(c.list()).Error) })
			}
			return nil
		}))
		c.sends(t, func() { c.price(t, 1) })
		c.sends(t, func() { c.prices(t) })
	})
}

func TestExecIsAWrite(t *testing.T) {
	t.Parallel()
	eachSetup(t, func(t *testing.T, c *cached) {
		c.warm(t)
		require.NoError(t, c.Exec("UPDATE wares SET price = ? WHERE id = 1", 99).Error)
		require.EqualValues(t, 99, c.price(t, 1))
		require.Equal(t, []int64{99, 20, 30}, c.prices(t))
		require.NoError(t, c.Exec("DELETE FROM wares WHERE id = 1").Error)
		c.missing(t, 1)
		require.NoError(t, c.Exec("INSERT INTO wares (id, name, price) VALUES (1, 'again', 5)").Error)
		require.EqualValues(t, 5, c.price(t, 1))
	})
}

func TestRawThatWritesAndReturnsRowsIsAWrite(t *testing.T) {
	t.Parallel()
	eachSetup(t, func(t *testing.T, c *cached) {
		c.notOnMariaDB(t, "UPDATE returns no rows")
		c.warm(t)
		var price int64
		require.NoError(t, c.Raw("UPDATE wares SET price = price + 1 WHERE id = 1 RETURNING price").Scan(&price).Error)
		require.EqualValues(t, 11, price)
		require.EqualValues(t, 11, c.price(t, 1))

		require.NoError(t, c.Raw("UPDATE wares SET price = price + 1 WHERE id = 1 RETURNING price").Row().Scan(&price))
		require.EqualValues(t, 12, price)
		require.EqualValues(t, 12, c.price(t, 1))

		m := c.new()
		require.NoError(t, c.Raw("UPDATE wares SET price = price + 1 WHERE id = 1 RETURNING *").Find(m).Error)
		require.EqualValues(t, 13, m.ware().Price)
		require.EqualValues(t, 13, c.price(t, 1))

		rows, err := c.Raw("UPDATE wares SET price = price + 1 RETURNING price").Rows()
		require.NoError(t, err)
		require.EqualValues(t, 14, c.price(t, 1), "the write is done before its rows are read")
		n := 0
		for rows.Next() {
			n++
		}
		require.NoError(t, rows.Err())
		require.NoError(t, rows.Close())
		require.Equal(t, 3, n)
		require.Equal(t, []int64{14, 21, 31}, c.prices(t))
	})
}

func TestADryRunStoresNothing(t *testing.T) {
	t.Parallel()
	eachSetup(t, func(t *testing.T, c *cached) {
		dry := c.Session(&gorm.Session{DryRun: true})
		require.NoError(t, dry.First(c.new(), 1).Error)
		require.NoError(t, dry.Find(c.list()).Error)
		require.NoError(t, dry.Model(c.with(Ware{ID: 1})).Update("price", 99).Error)
		require.NoError(t, dry.Delete(c.with(Ware{ID: 1})).Error)
		require.EqualValues(t, 10, c.price(t, 1))
		require.Equal(t, []int64{10, 20, 30}, c.prices(t))
		m := c.new()
		require.NoError(t, dry.First(m, 1).Error)
		require.Zero(t, *m.ware(), "a dry run is not served either")
		require.NotEmpty(t, dry.First(m, 1).Statement.SQL.String())
	})
}

func TestMapsKeepTheTypesOfTheDatabase(t *testing.T) {
	t.Parallel()
	eachSetup(t, func(t *testing.T, c *cached) {
		var want []map[string]any
		require.NoError(t, c.plain.Model(&Ware{}).Order("id").Find(&want).Error)
		one := map[string]any{}
		require.NoError(t, c.plain.Model(&Ware{}).First(&one, 1).Error)
		require.IsType(t, int64(0), one["price"])
		for range 3 {
			var got []map[string]any
			require.NoError(t, c.Model(c.new()).Order("id").Find(&got).Error)
			require.Equal(t, want, got)
			m := map[string]any{}
			require.NoError(t, c.Model(c.new()).First(&m, 1).Error)
			require.Equal(t, one, m)
			got = nil
			require.NoError(t, c.Table("wares").Order("id").Find(&got).Error)
			require.Equal(t, want, got)
		}
		c.silent(t, func() { require.NoError(t, c.Model(c.new()).First(&map[string]any{}, 1).Error) })
	})
}

func TestFieldsThatJSONLeavesOutAreServed(t *testing.T) {
	t.Parallel()
	eachSetup(t, func(t *testing.T, c *cached) {
		c.warm(t)
		c.silent(t, func() {
			got := c.read(t, c.DB, 1)
			require.Equal(t, "secret", got.Secret)
			text, err := json.Marshal(got)
			require.NoError(t, err)
			require.NotContains(t, string(text), "secret")
		})
	})
}

func TestPreloadedChildrenStayWithTheReadThatAskedForThem(t *testing.T) {
	t.Parallel()
	eachSetup(t, func(t *testing.T, c *cached) {
		require.NoError(t, c.Create(&Part{ID: 7, WareID: 1, Name: "bolt"}).Error)
		bolt := []Part{{ID: 7, WareID: 1, Name: "bolt"}}
		for range 2 {
			require.Equal(t, bolt, c.read(t, c.Preload("Parts"), 1).Parts)
			require.Nil(t, c.read(t, c.DB, 1).Parts)
		}
		c.silent(t, func() { require.Nil(t, c.read(t, c.DB, 1).Parts) })
		require.NoError(t, c.Create(&Part{ID: 8, WareID: 1, Name: "nut"}).Error)
		require.Len(t, c.read(t, c.Preload("Parts"), 1).Parts, 2)
		require.NoError(t, c.Model(&Part{ID: 7}).Update("name", "screw").Error)
		require.Equal(t, "screw", c.read(t, c.Preload("Parts", func(db *gorm.DB) *gorm.DB { return db.Order("id") }), 1).Parts[0].Name)
	})
}

func TestASelectOfSomeColumnsDoesNotStandForTheRow(t *testing.T) {
	t.Parallel()
	eachSetup(t, func(t *testing.T, c *cached) {
		whole := Ware{ID: 1, Name: "ware", Price: 10, Secret: "secret", Found: 1}
		for range 2 {
			require.Equal(t, Ware{ID: 1, Name: "ware", Found: 1}, c.read(t, c.Select("id", "name"), 1))
			require.Equal(t, Ware{ID: 1, Name: "ware", Price: 10, Found: 1}, c.read(t, c.Omit("Secret"), 1))
			require.Equal(t, whole, c.read(t, c.DB, 1))
		}
		c.silent(t, func() {
			require.Equal(t, whole, c.read(t, c.DB, 1))
			require.Equal(t, Ware{ID: 1, Name: "ware", Found: 1}, c.read(t, c.Select("id", "name"), 1))
		})
	})
}

func TestAfterFindRunsOnceForEachRead(t *testing.T) {
	t.Parallel()
	eachSetup(t, func(t *testing.T, c *cached) {
		for range 3 {
			require.Equal(t, 1, c.read(t, c.DB, 1).Found)
			list := c.list()
			require.NoError(t, c.Find(list).Error)
			for _, w := range c.wares(list) {
				require.Equal(t, 1, w.Found)
			}
			require.Zero(t, c.read(t, c.Session(&gorm.Session{SkipHooks: true}), 1).Found)
		}
		c.set(t, c.DB, 1, 11)
		for range 2 {
			require.Equal(t, 1, c.read(t, c.DB, 1).Found, "after a write, too")
		}
	})
}
