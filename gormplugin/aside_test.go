package cacheplugin_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"gorm.io/gorm"
	"gorm.io/gorm/clause"

	cacheplugin "github.com/cachewright/cachewright/gormplugin"
	"github.com/cachewright/cachewright/policy"
)

func TestAnUpdateByConditionMovesTheRowsItChanged(t *testing.T) {
	t.Parallel()
	eachSetup(t, func(t *testing.T, c *cached) {
		c.warm(t)
		changed := c.Model(c.new()).Where("price >= ?", 20).Where("name = ?", "ware").Update("price", gorm.Expr("price + 1"))
		require.NoError(t, changed.Error)
		require.EqualValues(t, 2, changed.RowsAffected)
		silent := c.silent
		if c.database.Name == "mysql" {
			silent = func(_ testing.TB, f func()) { f() } // an UPDATE does not tell which rows it met
		}
		silent(t, func() { require.EqualValues(t, 10, c.price(t, 1), "a row the update did not meet stays cached") })
		require.EqualValues(t, 21, c.price(t, 2))
		require.EqualValues(t, 31, c.price(t, 3))
		require.Equal(t, []int64{10, 21, 31}, c.prices(t))

		deleted := c.Where("price = ?", 21).Delete(c.new())
		require.NoError(t, deleted.Error)
		require.EqualValues(t, 1, deleted.RowsAffected)
		silent(t, func() { require.EqualValues(t, 10, c.price(t, 1)) })
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
