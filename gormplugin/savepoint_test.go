package cacheplugin_test

import (
	"testing"

	"github.com/stretchr/testify/require"
	"gorm.io/gorm"

	"github.com/cachewright/cachewright/internal/switches"
)

func TestARollbackToASavepointTakesItsWritesBack(t *testing.T) {
	t.Parallel()
	eachSetup(t, func(t *testing.T, c *cached) {
		c.warm(t)
		require.NoError(t, c.Transaction(func(tx *gorm.DB) error {
			c.set(t, tx, 2, 22)
			require.ErrorIs(t, tx.Transaction(func(inner *gorm.DB) error {
				c.set(t, inner, 1, 99)
				return errRollback
			}), errRollback)
			return nil
		}))
		require.EqualValues(t, 10, c.price(t, 1))
		require.EqualValues(t, 22, c.price(t, 2))
		require.Equal(t, []int64{10, 22, 30}, c.prices(t))
	})
}

func TestARowStagedBeforeASavepointAndAgainAfterItIsReadFromTheDatabase(t *testing.T) {
	t.Parallel()
	eachSetup(t, func(t *testing.T, c *cached) { require.EqualValues(t, 50, stageTwice(t, c)) })
}

func TestInstallingWhatWasRolledBackToASavepointWouldServeWhatNeverWas(t *testing.T) {
	switches.Disable(t, switches.SavepointDrops)
	eachThrough(t, func(t *testing.T, c *cached) {
		c.notOnMariaDB(t, "what is installed is read again before COMMIT")
		require.EqualValues(t, 99, stageTwice(t, c))
	})
}

// stageTwice writes a row before a savepoint and again after it, and rolls back to it.
func stageTwice(t *testing.T, c *cached) int64 {
	t.Helper()
	require.NoError(t, c.Transaction(func(tx *gorm.DB) error {
		c.set(t, tx, 1, 50)
		require.NoError(t, tx.SavePoint("middle").Error)
		c.set(t, tx, 1, 99)
		return tx.RollbackTo("middle").Error
	}))
	return c.price(t, 1)
}

func TestAWriteAfterARollbackToASavepointCounts(t *testing.T) {
	t.Parallel()
	eachSetup(t, func(t *testing.T, c *cached) {
		c.warm(t)
		require.NoError(t, c.Transaction(func(tx *gorm.DB) error {
			require.NoError(t, tx.SavePoint("one").Error)
			c.set(t, tx, 1, 50)
			require.NoError(t, tx.SavePoint("two").Error)
			c.set(t, tx, 1, 60)
			require.NoError(t, tx.RollbackTo("two").Error)
			require.NoError(t, tx.Exec("RELEASE SAVEPOINT two").Error)
			require.NoError(t, tx.RollbackTo("one").Error)
			c.set(t, tx, 1, 70)
			return nil
		}))
		require.EqualValues(t, 70, c.price(t, 1))
		require.Equal(t, []int64{70, 20, 30}, c.prices(t))
	})
}
