package cacheplugin_test

import (
	"database/sql"
	"testing"

	"github.com/stretchr/testify/require"
	"gorm.io/gorm"
	"gorm.io/gorm/clause"

	cacheplugin "github.com/cachewright/cachewright/gormplugin"
	"github.com/cachewright/cachewright/internal/switches"
	"github.com/cachewright/cachewright/internal/testkit"
	"github.com/cachewright/cachewright/policy"
)

// serializable and repeatable are isolation levels for Begin.
var (
	serializable = &sql.TxOptions{Isolation: sql.LevelSerializable}   //nolint:gochecknoglobals // constants in all but the language
	repeatable   = &sql.TxOptions{Isolation: sql.LevelRepeatableRead} //nolint:gochecknoglobals // as above
)

func TestAnUpdateThatMetNoRowDoesNotHideAnothersInsert(t *testing.T) {
	t.Parallel()
	eachPostgres(t, func(t *testing.T, c *cached) { require.NoError(t, updateBesideAnInsert(t, c, nil)) })
}

func TestAnUpdateThatMetNoRowInItsSnapshotDoesNotHideAnothersInsert(t *testing.T) {
	t.Parallel()
	eachPostgres(t, func(t *testing.T, c *cached) { require.NoError(t, updateBesideAnInsert(t, c, repeatable)) })
}

func TestInstallingTheAbsenceOfRowsNotLockedWouldHideAnothersInsert(t *testing.T) {
	for _, level := range []*sql.TxOptions{nil, repeatable} {
		switches.Disable(t, switches.InstallReturned)
		t.Run("through", func(t *testing.T) {
			c := openCached(t, testkit.PostgresDatabase(t), setups()[1])
			require.ErrorIs(t, updateBesideAnInsert(t, c, level), gorm.ErrRecordNotFound)
		})
	}
}

// updateBesideAnInsert updates a row that is not there yet, lets another client insert it, commits, and reads it. The insert comes
// from where the plugin cannot see it, so that only the update's own effects tell.
func updateBesideAnInsert(t *testing.T, c *cached, level *sql.TxOptions) error {
	t.Helper()
	tx := c.Begin(level)
	changed := tx.Model(c.with(Ware{ID: 7})).Update("price", 99)
	require.NoError(t, changed.Error)
	require.Zero(t, changed.RowsAffected)
	require.NoError(t, c.plain.Create(&Ware{ID: 7, Price: 70}).Error)
	require.NoError(t, tx.Commit().Error)
	return c.First(c.new(), 7).Error
}

func TestWhatAnAfterTriggerStoredIsWhatIsServed(t *testing.T) {
	t.Parallel()
	eachPostgres(t, func(t *testing.T, c *cached) {
		afterTrigger(t, c, "")
		c.warm(t)
		c.set(t, c.DB, 1, 6)
		require.EqualValues(t, 1006, c.price(t, 1))
		m := c.with(Ware{ID: 8, Price: 5})
		require.NoError(t, c.Create(m).Error)
		require.EqualValues(t, 5, m.ware().Price, "the caller's struct ends as GORM leaves it")
		require.EqualValues(t, 1005, c.price(t, 8))
	})
}

func TestWhatADeferredTriggerStoresAtCommitIsWhatIsServed(t *testing.T) {
	t.Parallel()
	eachPostgres(t, func(t *testing.T, c *cached) {
		afterTrigger(t, c, "deferred")
		c.warm(t)
		require.NoError(t, c.Transaction(func(tx *gorm.DB) error {
			c.set(t, tx, 1, 6)
			require.EqualValues(t, 6, c.read(t, tx, 1).Price, "the trigger waits for COMMIT")
			return nil
		}))
		require.EqualValues(t, 1006, c.price(t, 1))
	})
}

func TestInstallingUnderAnAfterTriggerWouldServeWhatWasNotStored(t *testing.T) {
	switches.Disable(t, switches.Triggers)
	for _, when := range []string{"", "deferred"} {
		c := openCached(t, testkit.PostgresDatabase(t), setups()[1])
		afterTrigger(t, c, when)
		c.set(t, c.DB, 1, 6)
		require.EqualValues(t, 6, c.price(t, 1))
	}
}

// afterTrigger adds 1000 to every price once it is stored, at once or at COMMIT.
func afterTrigger(t *testing.T, c *cached, when string) {
	t.Helper()
	require.NoError(t, c.plain.Exec(`CREATE FUNCTION raise_price() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
		IF NEW.price < 1000 THEN UPDATE wares SET price = NEW.price + 1000 WHERE id = NEW.id; END IF;
		RETURN NULL; END $$`).Error)
	kind := "CREATE TRIGGER raise_price AFTER INSERT OR UPDATE ON wares FOR EACH ROW EXECUTE FUNCTION raise_price()"
	if when == "deferred" {
		kind = `CREATE CONSTRAINT TRIGGER raise_price AFTER INSERT OR UPDATE ON wares DEFERRABLE INITIALLY DEFERRED
			FOR EACH ROW EXECUTE FUNCTION raise_price()`
	}
	require.NoError(t, c.plain.Exec(kind).Error)
}

func TestARoleThatMayNotReadAllColumnsCanStillWrite(t *testing.T) {
	t.Parallel()
	eachPostgres(t, func(t *testing.T, c *cached) {
		clerk := "clerk_of_" + c.plain.Migrator().CurrentDatabase() // roles belong to the server, databases to the test
		require.NoError(t, c.plain.Exec("CREATE ROLE "+clerk).Error)
		t.Cleanup(func() {
			c.plain.Exec("DROP OWNED BY " + clerk)
			c.plain.Exec("DROP ROLE " + clerk)
		})
		require.NoError(t, c.plain.Exec("GRANT SELECT (id), UPDATE, INSERT, DELETE ON wares TO "+clerk).Error)
		pool, err := c.DB.DB()
		require.NoError(t, err)
		pool.SetMaxOpenConns(1) // the role belongs to the connection
		require.NoError(t, c.Exec("SET ROLE "+clerk).Error)
		changed := c.Model(c.with(Ware{ID: 1})).Update("price", 99)
		require.NoError(t, changed.Error)
		require.EqualValues(t, 1, changed.RowsAffected)
		changed = c.Model(c.new()).Where("id > ?", 1).Update("price", 50)
		require.NoError(t, changed.Error)
		require.EqualValues(t, 2, changed.RowsAffected)
		require.NoError(t, c.Delete(c.with(Ware{ID: 3})).Error)
		require.NoError(t, c.Exec("RESET ROLE").Error)
		require.Equal(t, []int64{99, 50}, c.prices(t))
		require.EqualValues(t, 99, c.price(t, 1))
	})
}

func TestARawUpdateThatReturnsRowsIsCommittedWhenItsCallReturns(t *testing.T) {
	t.Parallel()
	eachTagged(t, func(t *testing.T, c *cached) {
		c.notOnMariaDB(t, "UPDATE returns no rows")
		rows, err := c.Raw("UPDATE wares SET price = 99 WHERE id = 1 RETURNING price").Rows()
		require.NoError(t, err)
		defer func() { require.NoError(t, rows.Close()) }()
		var there Ware
		require.NoError(t, c.plain.First(&there, 1).Error)
		require.EqualValues(t, 99, there.Price, "another client sees it while the rows are open")
		require.EqualValues(t, 99, c.price(t, 1))
		require.True(t, rows.Next())
		require.NoError(t, rows.Err())
	})
}

func TestAnUpdateOfManyRowsLeavesRowsAffectedAlone(t *testing.T) {
	t.Parallel()
	eachSetup(t, func(t *testing.T, c *cached) {
		c.warm(t)
		changed := c.Model(c.new()).Where("price > ?", 10).Update("price", 5)
		require.NoError(t, changed.Error)
		require.EqualValues(t, 2, changed.RowsAffected)
		require.Equal(t, []int64{10, 5, 5}, c.prices(t))
		require.EqualValues(t, 5, c.price(t, 3))

		c.notOnMariaDB(t, "UPDATE returns no rows")
		list := c.list()
		changed = c.Model(list).Clauses(clause.Returning{}).Where("price = ?", 5).Update("price", 6)
		require.NoError(t, changed.Error)
		require.EqualValues(t, 2, changed.RowsAffected)
		require.Len(t, c.wares(list), 2)
		require.EqualValues(t, 6, c.wares(list)[0].Price)
		require.Equal(t, []int64{10, 6, 6}, c.prices(t))
	})
}

func TestPluckDoesNotTakeTheRowForItsColumn(t *testing.T) {
	t.Parallel()
	eachSetup(t, func(t *testing.T, c *cached) {
		c.warm(t)
		for range 2 {
			var prices []int64
			require.NoError(t, c.Model(c.new()).Order("id").Pluck("price", &prices).Error)
			require.Equal(t, []int64{10, 20, 30}, prices)
			prices = nil
			require.NoError(t, c.Model(c.new()).Where("id = ?", 1).Pluck("price", &prices).Error)
			require.Equal(t, []int64{10}, prices)
		}
	})
}

func TestAViewIsAsFreshAsItsTable(t *testing.T) {
	t.Parallel()
	eachTagged(t, func(t *testing.T, c *cached) {
		require.NoError(t, c.plain.Exec("CREATE VIEW cheap AS SELECT * FROM wares WHERE price < 15").Error)
		c = c.again(t, nil, cacheplugin.WithDefaultPolicy(policy.Policy{Strategy: policy.Aside}))
		var n int64
		for range 2 {
			require.NoError(t, c.Table("cheap").Count(&n).Error)
			require.EqualValues(t, 1, n)
		}
		c.set(t, c.DB, 1, 99)
		require.NoError(t, c.Table("cheap").Count(&n).Error)
		require.Zero(t, n)
	})
}
