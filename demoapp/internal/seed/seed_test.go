package seed_test

import (
	"log/slog"
	"path/filepath"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/cachewright/cachewright/demoapp/internal/database"
	"github.com/cachewright/cachewright/demoapp/internal/seed"
	"github.com/cachewright/cachewright/demoapp/internal/shop"
	"github.com/cachewright/cachewright/internal/testkit"
)

func TestMain(m *testing.M) { testkit.Main(m) }

func TestTheShopIsFilledOnceAddsUpAndIsAlwaysTheSame(t *testing.T) {
	t.Parallel()
	testkit.EachDatabase(t, func(t *testing.T, db testkit.Database) {
		t.Parallel()
		dsn := db.DSN
		if db.Name == "sqlite" {
			dsn = "sqlite:" + filepath.Join(t.TempDir(), "shop.db")
		}
		opened, err := database.Open(t.Context(), dsn, slog.New(slog.DiscardHandler))
		require.NoError(t, err)
		t.Cleanup(func() { require.NoError(t, opened.Close()) })
		require.NoError(t, opened.Migrate(t.Context()))
		begun := time.Now()
		told := map[string]int{}
		require.NoError(t, seed.Seed(t.Context(), opened.GORM, func(what string, rows int) { told[what] = rows }))
		t.Logf("seeded in %s", time.Since(begun))
		require.Equal(t, seed.Products, told["products"])

		require.NoError(t, seed.Seed(t.Context(), opened.GORM, nil), "a second time there is nothing to do")
		for model, want := range map[any]int64{
			&shop.Category{}: 12, &shop.Product{}: seed.Products, &shop.Customer{}: seed.Customers, &shop.Order{}: seed.Orders,
		} {
			var n int64
			require.NoError(t, opened.GORM.Model(model).Count(&n).Error)
			require.Equal(t, want, n)
		}
		var wrong, twice int64
		require.NoError(t, opened.GORM.Raw(`SELECT count(*) FROM orders WHERE total_cents <>
			(SELECT sum(quantity * unit_price_cents) FROM order_items WHERE order_id = orders.id)`).Scan(&wrong).Error)
		require.Zero(t, wrong, "every order is the sum of its items")
		require.NoError(t, opened.GORM.Raw(`SELECT count(*) FROM (SELECT 1 FROM order_items
			GROUP BY order_id, product_id HAVING count(*) > 1) AS t`).Scan(&twice).Error)
		require.Zero(t, twice, "no order has a product twice")

		var first shop.Product
		require.NoError(t, opened.GORM.Order("id").First(&first).Error)
		require.Equal(t, "Ivy House Large Oolong", first.Name)
		var revenue int64
		require.NoError(t, opened.GORM.Raw(`SELECT sum(total_cents) FROM orders`).Scan(&revenue).Error)
		require.Equal(t, int64(124_967_070), revenue)
	})
}
