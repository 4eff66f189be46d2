package cacheplugin_test

import (
	"testing"

	"github.com/stretchr/testify/require"
	"gorm.io/gorm"
	"gorm.io/gorm/clause"

	"github.com/cachewright/cachewright/internal/testkit"
)

// onMariaDB is eachTagged on MariaDB alone.
func onMariaDB(t *testing.T, test func(t *testing.T, c *cached)) {
	t.Helper()
	for _, s := range setups()[:2] {
		t.Run(s.name, func(t *testing.T) { test(t, openCached(t, testkit.MariaDatabase(t), s)) })
	}
}

func TestDDLInATransactionShowsWhatItDidUntilThen(t *testing.T) {
	t.Parallel()
	onMariaDB(t, func(t *testing.T, c *cached) {
		c.warm(t)
		require.ErrorIs(t, c.Transaction(func(tx *gorm.DB) error {
			c.set(t, tx, 1, 99)
			require.EqualValues(t, 10, c.price(t, 1))
			require.NoError(t, tx.Exec("CREATE TABLE more (id INT)").Error)
			require.EqualValues(t, 99, c.price(t, 1), "MariaDB has committed")
			c.warm(t)
			c.set(t, tx, 1, 98)
			require.EqualValues(t, 98, c.price(t, 1), "each statement commits by itself now")
			require.NoError(t, tx.Create(c.with(Ware{Name: "new", Price: 7})).Error)
			require.Equal(t, []int64{98, 20, 30, 7}, c.prices(t))
			return errRollback
		}), errRollback)
		require.EqualValues(t, 98, c.price(t, 1))
		require.Equal(t, []int64{98, 20, 30, 7}, c.prices(t))
	})
}

func TestATransactionThatADeadlockEndedInstallsNothingOfItsOwn(t *testing.T) {
	t.Parallel()
	onMariaDB(t, func(t *testing.T, c *cached) {
		c.warm(t)
		// The application goes on after a deadlock, of which MariaDB has rolled back everything.
		require.NoError(t, c.Transaction(func(tx *gorm.DB) error {
			c.set(t, tx, 1, 99)
			require.ErrorContains(t, tx.Exec("SIGNAL SQLSTATE '40001' SET MYSQL_ERRNO = 1213, MESSAGE_TEXT = 'deadlock'").Error, "deadlock")
			require.NoError(t, tx.Exec("ROLLBACK").Error) // as the server does by itself
			c.set(t, tx, 2, 98)
			require.EqualValues(t, 98, c.price(t, 2), "it has committed by itself")
			return nil
		}))
		require.EqualValues(t, 10, c.price(t, 1))
		require.EqualValues(t, 98, c.price(t, 2))
		require.Equal(t, []int64{10, 98, 30}, c.prices(t))
	})
}

func TestAKeyThatTheServerMakesOfZeroIsNotTakenForZero(t *testing.T) {
	t.Parallel()
	onMariaDB(t, func(t *testing.T, c *cached) {
		c.missing(t, 1001)
		require.NoError(t, c.Model(c.new()).Create(map[string]any{"id": 0, "name": "made", "price": 5}).Error)
		require.EqualValues(t, 5, c.price(t, 1001))
	})
}

// Padded has a key of a binary collation, which pads with spaces.
type Padded struct {
	_    struct{} `cache:"writethrough"`
	Code string   `gorm:"primaryKey;type:varchar(9) COLLATE utf8mb4_bin"`
	Name string   `gorm:"uniqueIndex;size:9"`
	N    int64
}

func TestTrailingSpacesOfAKeyDoNotMatterToMariaDB(t *testing.T) {
	t.Parallel()
	database := testkit.MariaDatabase(t)
	db, probe := database.OpenCounted(t, nil)
	usePlugin(t, db)
	require.NoError(t, db.AutoMigrate(&Padded{}))
	require.NoError(t, db.Create([]Padded{{Code: "a", Name: "x", N: 1}, {Code: "A", Name: "y", N: 2}}).Error)
	read := func(code string) int64 {
		var p Padded
		require.NoError(t, db.First(&p, "code = ?", code).Error)
		return p.N
	}
	probe.Reset()
	require.EqualValues(t, 1, read("a"), "installed")
	require.EqualValues(t, 1, read("a  "))
	require.EqualValues(t, 2, read("A"))
	require.Zero(t, probe.Count(), probe.Statements())
	require.NoError(t, db.Model(&Padded{}).Where("code = ?", "a ").Update("n", 3).Error)
	require.EqualValues(t, 3, read("a"))
	require.EqualValues(t, 2, read("A"))

	// An upsert whose row is in the way by another unique key changes that row.
	up := db.Clauses(clause.OnConflict{UpdateAll: true}).Create(&Padded{Code: "b", Name: "y", N: 9})
	require.NoError(t, up.Error)
	require.EqualValues(t, 9, read("A"))
	require.ErrorIs(t, db.First(&Padded{}, "code = ?", "b").Error, gorm.ErrRecordNotFound)
}
