package cacheplugin_test

import (
	"context"
	"testing"

	"github.com/stretchr/testify/require"
	"gorm.io/gorm"

	"github.com/cachewright/cachewright/internal/switches"
	"github.com/cachewright/cachewright/internal/testkit"
	"github.com/cachewright/cachewright/store/storetest"
)

// The tests of fills come in pairs: one sees the rule hold in all set-ups, its twin turns the rule off and sees what
// the rule is for. A rule belongs to the whole process, so the twins do not run in parallel.

func TestAFillBeforeCommitIsNotServedAfterIt(t *testing.T) {
	t.Parallel()
	eachSetup(t, func(t *testing.T, c *cached) { require.EqualValues(t, 99, fillBeforeCommit(t, c)) })
}

func TestEffectsBeforeCommitWouldLeaveAFillStale(t *testing.T) {
	switches.Disable(t, switches.EffectsAtCommit)
	eachTagged(t, func(t *testing.T, c *cached) { require.EqualValues(t, 10, fillBeforeCommit(t, c)) })
}

// fillBeforeCommit reads a row between its update and the COMMIT, and again after it.
func fillBeforeCommit(t *testing.T, c *cached) int64 {
	t.Helper()
	require.NoError(t, c.Transaction(func(tx *gorm.DB) error {
		c.set(t, tx, 1, 99)
		require.EqualValues(t, 10, c.price(t, 1))
		require.Equal(t, []int64{10, 20, 30}, c.prices(t))
		return nil
	}))
	price := c.price(t, 1)
	require.Equal(t, []int64{price, 20, 30}, c.prices(t))
	return price
}

func TestAFillWhileCommitIsUnderWayIsNotServedAfterIt(t *testing.T) {
	t.Parallel()
	eachSetup(t, func(t *testing.T, c *cached) {
		c.warm(t)
		gate := c.probe.Hold(testkit.On(testkit.Commit))
		written := parallel(func() error { return c.Model(c.with(Ware{ID: 1})).Update("price", 99).Error })
		<-gate.Reached()
		for range 2 {
			c.sends(t, func() { require.EqualValues(t, 10, c.price(t, 1)) })
			c.sends(t, func() { require.Equal(t, []int64{10, 20, 30}, c.prices(t)) })
			c.silent(t, func() { require.EqualValues(t, 20, c.price(t, 2)) })
		}
		gate.Release()
		require.NoError(t, written())
		require.EqualValues(t, 99, c.price(t, 1))
		require.Equal(t, []int64{99, 20, 30}, c.prices(t))
	})
}

func TestNoOldValueIsServedOnceTheDatabaseHasCommitted(t *testing.T) {
	t.Parallel()
	eachSetup(t, func(t *testing.T, c *cached) { require.EqualValues(t, 99, readBeforeTheAnswerOfCommit(t, c)) })
}

func TestPublishingOnlyAfterCommitWouldServeTheOldValue(t *testing.T) {
	switches.Disable(t, switches.BeginFirst)
	eachTagged(t, func(t *testing.T, c *cached) { require.EqualValues(t, 10, readBeforeTheAnswerOfCommit(t, c)) })
}

// readBeforeTheAnswerOfCommit reads a cached row when the database has committed and the writer does not know it yet.
func readBeforeTheAnswerOfCommit(t *testing.T, c *cached) int64 {
	t.Helper()
	c.warm(t)
	gate := c.probe.HoldAnswer(testkit.On(testkit.Commit))
	written := parallel(func() error { return c.Model(c.with(Ware{ID: 1})).Update("price", 99).Error })
	<-gate.Reached()
	price := c.price(t, 1)
	gate.Release()
	require.NoError(t, written())
	require.EqualValues(t, 99, c.price(t, 1))
	return price
}

func TestALateFillIsNotServed(t *testing.T) {
	t.Parallel()
	eachSetup(t, func(t *testing.T, c *cached) {
		price, prices := lateFill(t, c)
		require.EqualValues(t, 99, price)
		require.Equal(t, []int64{99, 20, 30}, prices)
	})
}

func TestWithoutStampsALateFillWouldBeServed(t *testing.T) {
	switches.Disable(t, switches.StampCheck)
	eachTagged(t, func(t *testing.T, c *cached) {
		price, prices := lateFill(t, c)
		require.EqualValues(t, 10, price)
		require.Equal(t, []int64{10, 20, 30}, prices)
	})
}

// lateFill reads a row and a list whose answers reach the store only after a write has committed, then reads both again.
func lateFill(t *testing.T, c *cached) (price int64, prices []int64) {
	t.Helper()
	c, faulty := c.withFaulty(t)
	reached, proceed := make(chan struct{}, 2), make(chan struct{})
	hold := storetest.Fault{Before: func(context.Context) error {
		reached <- struct{}{}
		<-proceed
		return nil
	}}
	faulty.Script(storetest.OpSet, hold, hold)
	m, all := c.new(), c.list()
	rowRead := parallel(func() error { return c.First(m, 1).Error })
	listRead := parallel(func() error { return c.DB.Order("id").Find(all).Error })
	<-reached
	<-reached
	c.set(t, c.DB, 1, 99)
	close(proceed)
	require.NoError(t, rowRead())
	require.NoError(t, listRead())
	require.EqualValues(t, 10, m.ware().Price, "it had read before the write")
	return c.price(t, 1), c.prices(t)
}

// readsWares picks the reads of GORM from the table.
func readsWares(call testkit.Call) bool {
	return testkit.OnSQL("FROM \"wares\"")(call) || testkit.OnSQL("FROM `wares`")(call)
}

func TestAReadThatStartsAfterAWriteDoesNotJoinOneThatBeganBefore(t *testing.T) {
	t.Parallel()
	eachSetup(t, func(t *testing.T, c *cached) {
		gate := c.probe.HoldAnswer(readsWares)
		early := c.new()
		read := parallel(func() error { return c.First(early, 1).Error })
		<-gate.Reached()
		c.set(t, c.DB, 1, 99)
		require.EqualValues(t, 99, c.price(t, 1), "while the early read is under way still")
		gate.Release()
		require.NoError(t, read())
		require.EqualValues(t, 99, c.price(t, 1))
	})
}

func TestAReadWhileAWriteIsUnderWayJoinsNobody(t *testing.T) {
	t.Parallel()
	eachTagged(t, func(t *testing.T, c *cached) {
		commit := c.probe.Hold(testkit.On(testkit.Commit))
		written := parallel(func() error { return c.Model(c.with(Ware{ID: 1})).Update("price", 99).Error })
		<-commit.Reached()
		answer := c.probe.HoldAnswer(readsWares)
		early := c.new()
		read := parallel(func() error { return c.First(early, 1).Error })
		<-answer.Reached()
		require.EqualValues(t, 10, c.price(t, 1), "it reads for itself and does not wait for the early read")
		commit.Release()
		require.NoError(t, written())
		answer.Release()
		require.NoError(t, read())
		require.EqualValues(t, 99, c.price(t, 1))
	})
}

func TestARollbackLeavesTheEntriesGood(t *testing.T) {
	t.Parallel()
	eachSetup(t, func(t *testing.T, c *cached) {
		c.warm(t)
		rollBackAnUpdate(t, c)
		c.silent(t, func() {
			require.EqualValues(t, 10, c.price(t, 1))
			require.Equal(t, []int64{10, 20, 30}, c.prices(t))
		})
	})
}

func TestInstallingAtRollbackWouldServeWhatNeverWas(t *testing.T) {
	switches.Disable(t, switches.RollbackDrops)
	eachThrough(t, func(t *testing.T, c *cached) {
		c.warm(t)
		rollBackAnUpdate(t, c)
		require.EqualValues(t, 99, c.price(t, 1))
	})
}

func rollBackAnUpdate(t *testing.T, c *cached) {
	t.Helper()
	require.ErrorIs(t, c.Transaction(func(tx *gorm.DB) error {
		c.set(t, tx, 1, 99)
		return errRollback
	}), errRollback)
}
