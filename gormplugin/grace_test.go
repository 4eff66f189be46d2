package cacheplugin_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"gorm.io/gorm"

	cacheplugin "github.com/cachewright/cachewright/gormplugin"
)

func TestAWriteInATransactionOfTheApplicationsOwnIsReadFromTheDatabaseForTheGraceTime(t *testing.T) {
	t.Parallel()
	eachTagged(t, func(t *testing.T, c *cached) {
		write := func(c *cached) {
			pool, err := c.DB.DB()
			require.NoError(t, err)
			own, err := pool.BeginTx(t.Context(), nil)
			require.NoError(t, err)
			inside := c.Session(&gorm.Session{Context: t.Context(), SkipDefaultTransaction: true})
			inside.Statement.ConnPool = own
			c.set(t, inside, 1, 99)
			require.NoError(t, own.Commit())
		}
		short := c.again(t, nil, cacheplugin.WithGrace(time.Millisecond))
		short.warm(t)
		settled := short.published(t)
		write(short)
		for range short.plugin.Stats().UnknownOutcomes {
			<-settled
		}
		require.EqualValues(t, 99, short.price(t, 1))
		short.silent(t, func() { require.EqualValues(t, 99, short.price(t, 1)) })
		require.NoError(t, c.plain.Exec("UPDATE wares SET price = 10 WHERE id = 1").Error)
		if c.database.Name == "postgres" {
			return // asks the server instead
		}
		long := c.again(t, nil, cacheplugin.WithGrace(time.Hour))
		long.warm(t)
		write(long)
		for range 20 {
			long.sends(t, func() { require.EqualValues(t, 99, long.price(t, 1)) })
		}
	})
}

func TestAGraceTimeOfNothingIsAnErrorOfUse(t *testing.T) {
	t.Parallel()
	eachAside(t, func(t *testing.T, c *cached) {
		require.ErrorContains(t, c.plain.Use(cacheplugin.New(cacheplugin.WithGrace(0))), "WithGrace(0s)")
	})
}
