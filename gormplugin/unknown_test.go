package cacheplugin_test

import (
	"context"
	"database/sql/driver"
	"errors"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"gorm.io/gorm"

	"github.com/cachewright/cachewright/coherence"
	cacheplugin "github.com/cachewright/cachewright/gormplugin"
	"github.com/cachewright/cachewright/internal/switches"
	"github.com/cachewright/cachewright/internal/testkit"
)

var errNoAnswer = errors.New("the connection broke")

// published returns a channel that gets a value for each write whose versions moved.
func (c *cached) published(tb testing.TB) <-chan struct{} {
	tb.Helper()
	moved := make(chan struct{}, 64)
	tb.Cleanup(c.plugin.Engine().OnCommit(func([]coherence.Tag) { moved <- struct{}{} }))
	return moved
}

// eachPostgres runs the test on PostgreSQL with the wares cached by their tags. A COMMIT that lands after its caller was told of a
// broken connection needs a server: in SQLite it is over when the call returns.
func eachPostgres(t *testing.T, test func(t *testing.T, c *cached)) {
	t.Helper()
	for _, s := range setups()[:2] {
		t.Run(s.name, func(t *testing.T) { test(t, openCached(t, testkit.PostgresDatabase(t), s)) })
	}
}

func TestAfterACommitWithoutAnswerNobodyIsServedTheOldValue(t *testing.T) {
	t.Parallel()
	eachPostgres(t, func(t *testing.T, c *cached) {
		c.warm(t)
		moved := c.published(t)
		late := c.probe.Late(errNoAnswer)
		require.ErrorIs(t, c.Model(c.with(Ware{ID: 1})).Update("price", 99).Error, errNoAnswer)
		for range 20 { // for as long as the outcome is open
			c.sends(t, func() { require.EqualValues(t, 10, c.price(t, 1)) })
			c.sends(t, func() { require.Equal(t, []int64{10, 20, 30}, c.prices(t)) })
		}
		c.silent(t, func() { require.EqualValues(t, 20, c.price(t, 2)) })
		late.Release()
		<-late.Done()
		require.NoError(t, late.Err())
		require.EqualValues(t, 99, c.price(t, 1))
		require.Equal(t, []int64{99, 20, 30}, c.prices(t))
		<-moved // the outcome is settled
		require.EqualValues(t, 99, c.price(t, 1))
		c.silent(t, func() { require.EqualValues(t, 99, c.price(t, 1)) })
		require.EqualValues(t, 1, c.plugin.Stats().UnknownOutcomes)
	})
}

func TestAnUnknownOutcomeStaysOpenOnAServerWhereNothingElseHappens(t *testing.T) {
	t.Parallel()
	server := testkit.StartPostgres(t)
	c := openCached(t, testkit.Database{Name: "postgres", DSN: server.DSN("")}, setups()[0])
	c.warm(t)
	late := c.probe.Late(errNoAnswer)
	require.ErrorIs(t, c.Model(c.with(Ware{ID: 1})).Update("price", 99).Error, errNoAnswer)
	for range 200 {
		c.sends(t, func() { require.EqualValues(t, 10, c.price(t, 1)) })
	}
	late.Release()
	<-late.Done()
	require.NoError(t, late.Err())
	require.EqualValues(t, 99, c.price(t, 1))
}

func TestPublishingAnUnknownOutcomeAtOnceWouldServeTheOldValueForEver(t *testing.T) {
	switches.Disable(t, switches.UnknownStays)
	eachPostgres(t, func(t *testing.T, c *cached) {
		c.warm(t)
		late := c.probe.Late(errNoAnswer)
		require.ErrorIs(t, c.Model(c.with(Ware{ID: 1})).Update("price", 99).Error, errNoAnswer)
		require.EqualValues(t, 10, c.price(t, 1))
		late.Release()
		<-late.Done()
		require.NoError(t, late.Err())
		c.silent(t, func() { require.EqualValues(t, 10, c.price(t, 1)) })
	})
}

func TestACommitWhoseAnswerIsLostIsSettled(t *testing.T) {
	t.Parallel()
	eachTagged(t, func(t *testing.T, c *cached) {
		if c.database.Name == "mysql" {
			c = c.again(t, nil, cacheplugin.WithGrace(100*time.Millisecond)) // nobody can be asked there
		}
		c.warm(t)
		moved := c.published(t)
		c.probe.Lose(testkit.On(testkit.Commit), driver.ErrBadConn)
		require.ErrorIs(t, c.Model(c.with(Ware{ID: 1})).Update("price", 99).Error, driver.ErrBadConn)
		require.EqualValues(t, 99, c.price(t, 1))
		<-moved
		require.EqualValues(t, 99, c.price(t, 1))
		c.silent(t, func() { require.EqualValues(t, 99, c.price(t, 1)) })
		require.Zero(t, c.plugin.Stats().Engine.Installs, "nothing is installed of what nobody confirmed")
	})
}

func TestAStatementWithoutAnswerMayRunLater(t *testing.T) {
	t.Parallel()
	eachPostgres(t, func(t *testing.T, c *cached) {
		c.warm(t)
		alone := c.Session(&gorm.Session{SkipDefaultTransaction: true})
		c.probe.Fail(testkit.OnSQL("UPDATE wares"), errNoAnswer)
		require.ErrorIs(t, alone.Exec("UPDATE wares SET price = 99 WHERE id = 1").Error, errNoAnswer)
		for range 20 {
			c.sends(t, func() { require.EqualValues(t, 10, c.price(t, 1)) })
		}
		// The server gets to it only now; it had no number that could be waited for.
		require.NoError(t, c.plain.Exec("UPDATE wares SET price = 99 WHERE id = 1").Error)
		require.EqualValues(t, 99, c.price(t, 1))
		require.Equal(t, []int64{99, 20, 30}, c.prices(t))
	})
}

func TestACommitWhoseContextEndsUnderWayIsAnErrorAndNoStaleRead(t *testing.T) {
	t.Parallel()
	eachTagged(t, func(t *testing.T, c *cached) {
		c.warm(t)
		ctx, cancel := context.WithCancel(t.Context())
		gate := c.probe.HoldAnswer(testkit.On(testkit.Commit))
		written := parallel(func() error {
			return c.WithContext(ctx).Transaction(func(tx *gorm.DB) error {
				return tx.Model(c.with(Ware{ID: 1})).Update("price", 99).Error
			})
		})
		<-gate.Reached()
		cancel()
		require.EqualValues(t, 99, c.price(t, 1), "it is committed, whatever its caller will hear")
		gate.Release()
		_ = written() // either answer is right: the context ended while COMMIT was under way
		require.EqualValues(t, 99, c.price(t, 1))
		require.Equal(t, []int64{99, 20, 30}, c.prices(t))
	})
}

func TestACommitThatTheServerRefusedLeavesTheEntriesGood(t *testing.T) {
	t.Parallel()
	eachPostgres(t, func(t *testing.T, c *cached) {
		require.NoError(t, c.plain.Exec("ALTER TABLE wares ADD CONSTRAINT price_once UNIQUE (price) DEFERRABLE INITIALLY DEFERRED").Error)
		c.warm(t)
		err := c.Model(c.with(Ware{ID: 1})).Update("price", 20).Error
		var state interface{ SQLState() string }
		require.ErrorAs(t, err, &state, "only COMMIT finds the duplicate")
		require.Equal(t, "23505", state.SQLState())
		c.unmoved(t)
	})
}

func TestASerializationFailureLeavesTheEntriesGood(t *testing.T) {
	t.Parallel()
	eachPostgres(t, func(t *testing.T, c *cached) {
		c.warm(t)
		one := c.Begin(serializable)
		two := c.plain.Begin(serializable)
		var sum int64
		// Each reads what the other writes: one of them must fail.
		require.NoError(t, one.Raw("SELECT sum(price) FROM wares").Scan(&sum).Error)
		require.NoError(t, two.Raw("SELECT sum(price) FROM wares").Scan(&sum).Error)
		require.NoError(t, two.Exec("UPDATE wares SET price = 21 WHERE id = 2").Error)
		c.set(t, one, 1, 99)
		require.NoError(t, two.Commit().Error)
		err := one.Commit().Error
		var state interface{ SQLState() string }
		require.ErrorAs(t, err, &state)
		require.Equal(t, "40001", state.SQLState())
		one.Rollback()
		c.unmoved(t)
	})
}

// unmoved requires that what was cached before a failed write of ware 1 is still served. A write-through write has
// replaced the entry of its own row before COMMIT, to prove that the cache can take it: that one is read again.
func (c *cached) unmoved(t *testing.T) {
	t.Helper()
	c.silent(t, func() {
		require.Equal(t, []int64{10, 20, 30}, c.prices(t))
		require.EqualValues(t, 20, c.price(t, 2))
		if !c.through {
			require.EqualValues(t, 10, c.price(t, 1))
		}
	})
	require.EqualValues(t, 10, c.price(t, 1))
}
