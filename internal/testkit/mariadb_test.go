package testkit_test

import (
	"testing"

	"github.com/stretchr/testify/require"
	"gorm.io/gorm"

	"github.com/cachewright/cachewright/internal/testkit"
)

func TestEachMariaDatabaseIsFreshAndEmpty(t *testing.T) {
	t.Parallel()
	first, second := testkit.MariaDatabase(t), testkit.MariaDatabase(t)
	require.NoError(t, first.Open(t, nil).Exec("CREATE TABLE things (id int); INSERT INTO things VALUES (1)").Error)
	require.Equal(t, 1, count(t, first.Raw(t), "SELECT count(*) FROM information_schema.tables WHERE table_schema = DATABASE()"))
	require.Equal(t, 0, count(t, second.Raw(t), "SELECT count(*) FROM information_schema.tables WHERE table_schema = DATABASE()"))
}

func TestTheMariaDatabaseGoesWithItsTest(t *testing.T) {
	t.Parallel()
	watcher := testkit.MariaDatabase(t).Raw(t)
	const named = "SELECT count(*) FROM information_schema.schemata WHERE schema_name = ?"
	var name string
	t.Run("inner", func(t *testing.T) {
		db := testkit.MariaDatabase(t)
		name = text(t, db.Raw(t), "SELECT DATABASE()")
		require.Equal(t, 1, count(t, watcher, named, name))
	})
	require.Equal(t, 0, count(t, watcher, named, name))
}

func TestOnlyTheTestsOwnUserGetsIntoMariaDB(t *testing.T) {
	t.Parallel()
	db := testkit.MariaDatabase(t)
	require.Equal(t, "cachewright@127.0.0.1", text(t, db.Raw(t), "SELECT CURRENT_USER()"))
	require.Equal(t, 0, count(t, db.Raw(t), "SELECT count(*) FROM mysql.user WHERE User NOT IN ('cachewright', 'mariadb.sys')"))
}

func TestSkipLeavesMariaDBOut(t *testing.T) {
	t.Setenv("CACHEWRIGHT_MARIADB", "skip")
	ran := true
	t.Run("inner", func(t *testing.T) {
		testkit.MariaDB(t)
		ran = false
	})
	require.True(t, ran)
}

func TestAProbeSeesAndBreaksWhatReachesMariaDB(t *testing.T) {
	t.Parallel()
	database := testkit.MariaDatabase(t)
	db, probe := database.OpenCounted(t, nil)
	require.NoError(t, db.Exec("CREATE TABLE things (id int PRIMARY KEY)").Error)
	probe.Reset()
	require.NoError(t, db.Exec("INSERT INTO things VALUES (1)").Error)
	require.Equal(t, []string{"INSERT INTO things VALUES (1)"}, probe.Statements())

	probe.Fail(testkit.OnSQL("INSERT INTO things"), errInjected)
	require.ErrorIs(t, db.Exec("INSERT INTO things VALUES (2)").Error, errInjected)
	probe.Lose(testkit.On(testkit.Commit), errInjected)
	require.ErrorIs(t, db.Transaction(func(tx *gorm.DB) error { return tx.Exec("INSERT INTO things VALUES (3)").Error }), errInjected)
	require.Equal(t, 2, count(t, database.Raw(t), "SELECT count(*) FROM things"), "1, and 3, whose COMMIT happened")
}
