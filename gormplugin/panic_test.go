package cacheplugin_test

import (
	"context"
	"database/sql/driver"
	"fmt"
	"strings"
	"sync"
	"testing"

	"github.com/stretchr/testify/require"
	"gorm.io/gorm"

	"github.com/cachewright/cachewright/internal/testkit"
)

func TestAPanicInAReadLeavesNothingHanging(t *testing.T) {
	t.Parallel()
	eachSetup(t, func(t *testing.T, c *cached) {
		remove := c.probe.Before(func(_ context.Context, call testkit.Call) error {
			if testkit.OnSQL("from \"wares\"")(call) || testkit.OnSQL("from `wares`")(call) {
				panic("the driver")
			}
			return nil
		})
		for range 3 {
			require.PanicsWithValue(t, "the driver", func() { c.First(c.new(), 1) })
			require.PanicsWithValue(t, "the driver", func() { c.Find(c.list()) })
		}
		remove()
		require.EqualValues(t, 10, c.price(t, 1))
		require.Equal(t, []int64{10, 20, 30}, c.prices(t))
		bad := withHook(t, c.DB, func(*gorm.DB, string) error { panic("the hook") })
		for range 3 {
			require.PanicsWithValue(t, "the hook", func() { bad.First(c.new(), 1) })
			require.PanicsWithValue(t, "the hook", func() { bad.Find(c.list()) })
		}
		c.silent(t, func() { require.EqualValues(t, 10, c.price(t, 1)) })
		c.set(t, c.DB, 1, 11)
		require.EqualValues(t, 11, c.price(t, 1))
	})
}

func TestThoseWhoWaitForAReadThatPanicsReadForThemselves(t *testing.T) {
	t.Parallel()
	eachTagged(t, func(t *testing.T, c *cached) {
		reached, proceed := make(chan struct{}), make(chan struct{})
		var once sync.Once
		remove := c.probe.Before(func(_ context.Context, call testkit.Call) error {
			if call.Kind != testkit.Query || !strings.Contains(call.SQL, "wares") {
				return nil
			}
			mine := false
			once.Do(func() { mine = true })
			if mine {
				close(reached)
				<-proceed
				panic("the driver")
			}
			return nil
		})
		defer remove()
		leader := parallel(func() (err error) {
			defer func() { err = fmt.Errorf("panic: %v", recover()) }()
			return c.First(c.new(), 1).Error
		})
		<-reached
		var followers []func() error
		for range 4 {
			followers = append(followers, parallel(func() error { return c.First(c.new(), 1).Error }))
		}
		close(proceed)
		require.EqualError(t, leader(), "panic: the driver")
		for _, follower := range followers {
			require.NoError(t, follower())
		}
	})
}

func TestAPanicInATransactionLeavesTheRowsReadableAndWritable(t *testing.T) {
	t.Parallel()
	eachSetup(t, func(t *testing.T, c *cached) {
		c.warm(t)
		for _, hook := range []string{"BeforeUpdate", "AfterUpdate"} {
			bad := withHook(t, c.DB, func(_ *gorm.DB, name string) error {
				if name == hook {
					panic("the hook")
				}
				return nil
			})
			require.PanicsWithValue(t, "the hook", func() {
				_ = bad.Transaction(func(tx *gorm.DB) error {
					c.set(t, tx, 1, 99)
					return nil
				})
			})
			c.silent(t, func() { require.EqualValues(t, 10, c.price(t, 1)) })
		}
		require.PanicsWithValue(t, "the application", func() {
			_ = c.Transaction(func(tx *gorm.DB) error {
				c.set(t, tx, 1, 99)
				panic("the application")
			})
		})
		require.PanicsWithValue(t, "the argument", func() {
			_ = c.Transaction(func(tx *gorm.DB) error {
				return tx.Model(c.new()).Where("id = ?", 1).Update("price", gorm.Expr("?", panicking{})).Error
			})
		})
		require.EqualValues(t, 10, c.price(t, 1))
		c.set(t, c.DB, 1, 11)
		require.EqualValues(t, 11, c.price(t, 1))
		c.silent(t, func() { require.EqualValues(t, 11, c.price(t, 1)) })
	})
}

// panicking is an argument whose Value method panics.
type panicking struct{}

func (panicking) Value() (driver.Value, error) { panic("the argument") }
