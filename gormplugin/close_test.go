package cacheplugin_test

import (
	"context"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/cachewright/cachewright/internal/testkit"
)

func TestAWriteThatClosingOvertakesReturnsItsRows(t *testing.T) {
	t.Parallel()
	eachTagged(t, func(t *testing.T, c *cached) {
		c.notOnMariaDB(t, "it has no UPDATE … RETURNING")
		raw := func(c *cached) error {
			var price int64
			err := c.Raw("UPDATE wares SET price = price + 1 WHERE id = 1 RETURNING price").Scan(&price).Error
			require.EqualValues(t, 11, price)
			return err
		}
		model := func(c *cached) error {
			m := c.with(Ware{Name: "new", Price: 40}) // its key comes back
			err := c.Create(m).Error
			require.NotZero(t, m.ware().ID)
			return err
		}
		for _, write := range []func(*cached) error{raw, model} {
			c := c.again(t, nil)
			gate := c.probe.HoldAnswer(testkit.On(testkit.Commit))
			written := parallel(func() error { return write(c) })
			<-gate.Reached()
			require.NoError(t, c.plugin.Close(context.Background()))
			gate.Release()
			require.NoError(t, written())
		}
	})
}
