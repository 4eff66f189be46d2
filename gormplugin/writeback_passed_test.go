package cacheplugin_test

import (
	"testing"

	"github.com/stretchr/testify/require"
	"gorm.io/gorm"

	"github.com/cachewright/cachewright/internal/testkit"
)

// A transaction that wrote before the model was first used has passed where its gates are now.
func TestNothingIsAcknowledgedBesideATransactionThatIsOlderThanTheGates(t *testing.T) {
	t.Parallel()
	testkit.EachDatabase(t, func(t *testing.T, database testkit.Database) {
		c := openCached(t, database, writeBackSetup())
		tx := c.Begin()
		require.NoError(t, tx.Exec("INSERT INTO wares (id, price) VALUES (7, 70)").Error)
		gate := c.probe.Hold(testkit.OnSQL("INSERT INTO"))
		skipping := c.Session(&gorm.Session{SkipHooks: true})
		done := make(chan error, 1)
		go func() { done <- skipping.Create(c.with(Ware{ID: 7, Price: 71})).Error }()
		select {
		case <-gate.Reached():
		case err := <-done:
			require.FailNow(t, "acknowledged", "beside a transaction that inserts the row: %v", err)
		}
		gate.Release()
		require.NoError(t, tx.Commit().Error)
		require.Error(t, <-done, "the key is taken")
		require.EqualValues(t, 70, c.price(t, 7))

		// From now on there are gates.
		c.probe.Reset()
		require.NoError(t, skipping.Model(c.with(Ware{ID: 7})).Updates(c.with(Ware{Price: 72})).Error)
		require.Zero(t, c.probe.CountMatching(updates), "acknowledged: %v", c.probe.Statements())
		require.EqualValues(t, 72, c.price(t, 7))
	})
}
