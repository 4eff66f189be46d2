package cacheplugin_test

import (
	"context"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"gorm.io/gorm"

	cacheplugin "github.com/cachewright/cachewright/gormplugin"
	"github.com/cachewright/cachewright/internal/testkit"
)

// A COMMIT without an answer is settled when the transactions that were open then have ended, and keeps its gates until
// then: one of those that waited for such a gate would wait for ever.
func TestATransactionDoesNotWaitForOneWhoseOutcomeWaitsForItsEnd(t *testing.T) {
	t.Parallel()
	for name, before := range map[string]bool{"it comes to the gate later": false, "it waits at the gate already": true} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			c := openCached(t, testkit.PostgresDatabase(t), writeBackSetup())
			c.warm(t)
			moved := c.published(t)
			ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
			defer cancel()
			price := func(db *gorm.DB, id, price int64) error {
				return db.Model(c.with(Ware{ID: id})).UpdateColumn("price", price).Error
			}
			open, lost := c.WithContext(ctx).Begin(), c.Begin()
			require.NoError(t, price(open, 2, 22))
			require.NoError(t, price(lost, 1, 99))
			var refused error
			if before {
				asks := newWaiting(ctx)
				waits := parallel(func() error { return price(open.WithContext(asks), 1, 98) })
				<-asks.asked
				c.probe.Lose(testkit.On(testkit.Commit), errNoAnswer)
				require.ErrorIs(t, lost.Commit().Error, errNoAnswer)
				refused = waits()
			} else {
				c.probe.Lose(testkit.On(testkit.Commit), errNoAnswer)
				require.ErrorIs(t, lost.Commit().Error, errNoAnswer)
				refused = price(open, 1, 98)
			}
			require.ErrorIs(t, refused, cacheplugin.ErrDeadlock)
			require.NoError(t, open.Rollback().Error)
			<-moved // the outcome is settled
			require.NoError(t, price(c.DB, 1, 97))
			require.Equal(t, []int64{97, 20, 30}, c.prices(t))
		})
	}
}
