package migrations_test

import (
	"database/sql"
	"io/fs"
	"slices"
	"testing"

	"github.com/pressly/goose/v3"
	"github.com/stretchr/testify/require"

	"github.com/cachewright/cachewright/internal/testkit"
	"github.com/cachewright/cachewright/migrations"
)

// sets are the folders of migrations with the tables each makes.
var sets = map[string]struct {
	open   func(dialect string) (fs.FS, error)
	tables []string // on each database
	more   map[string][]string
	alone  []string // files that only one database has
}{
	"library": {migrations.Library, []string{"cachewright_dead_letters", "cachewright_watermarks"}, map[string][]string{
		"postgres": {"cachewright_outbox", "cachewright_outbox_state"},
	}, []string{"00003_outbox.sql", "00004_watch.sql"}},
	"demo": {migrations.Demo, []string{
		"categories", "customers", "order_items", "orders", "page_views", "products", "sensor_metrics",
	}, nil, nil},
}

func TestMigrationsGoUpAndDownAndUpAgain(t *testing.T) {
	t.Parallel()
	for name, set := range sets {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			testkit.EachDatabase(t, func(t *testing.T, db testkit.Database) {
				t.Parallel()
				pool := db.Raw(t)
				files, err := set.open(db.Name)
				require.NoError(t, err)
				provider := newProvider(t, db.Name, pool, files)

				// Goose's own table comes with the first look at the version and stays.
				_, err = provider.GetDBVersion(t.Context())
				require.NoError(t, err)
				empty := schema(t, db.Name, pool)

				applied, err := provider.Up(t.Context())
				require.NoError(t, err)
				require.Len(t, applied, len(provider.ListSources()))
				full := schema(t, db.Name, pool)
				want := append(slices.Clone(set.tables), set.more[db.Name]...)
				require.Subset(t, tables(t, db.Name, pool), want)
				require.Len(t, tables(t, db.Name, pool), len(want)+1, "and goose's own")

				_, err = provider.DownTo(t.Context(), 0)
				require.NoError(t, err)
				require.Equal(t, empty, schema(t, db.Name, pool), "nothing is left behind")

				_, err = provider.Up(t.Context())
				require.NoError(t, err)
				require.Equal(t, full, schema(t, db.Name, pool))
			})
		})
	}
}

func TestEachStepDownUndoesOneStepUp(t *testing.T) {
	t.Parallel()
	testkit.EachDatabase(t, func(t *testing.T, db testkit.Database) {
		t.Parallel()
		pool := db.Raw(t)
		files, err := migrations.Demo(db.Name)
		require.NoError(t, err)
		provider := newProvider(t, db.Name, pool, files)
		_, err = provider.GetDBVersion(t.Context())
		require.NoError(t, err)
		steps := [][]string{schema(t, db.Name, pool)}
		for range provider.ListSources() {
			_, err := provider.UpByOne(t.Context())
			require.NoError(t, err)
			steps = append(steps, schema(t, db.Name, pool))
		}
		for i := len(steps) - 2; i >= 0; i-- {
			_, err := provider.Down(t.Context())
			require.NoError(t, err)
			require.Equal(t, steps[i], schema(t, db.Name, pool))
		}
	})
}

func TestEveryDatabaseHasTheSameSteps(t *testing.T) {
	t.Parallel()
	for name, set := range sets {
		var first []string
		for _, dialect := range []string{"postgres", "sqlite"} {
			files, err := set.open(dialect)
			require.NoError(t, err)
			names, err := fs.Glob(files, "*.sql")
			require.NoError(t, err)
			require.NotEmpty(t, names)
			names = slices.DeleteFunc(names, func(file string) bool { return slices.Contains(set.alone, file) })
			if first == nil {
				first = names
			}
			require.Equal(t, first, names, name)
		}
	}
}

func TestAnotherDatabaseIsAnErrorThatNamesThoseThereAre(t *testing.T) {
	t.Parallel()
	for _, dialect := range []string{"mysql", "", "../demo", "postgres, sqlite"} {
		_, err := migrations.Library(dialect)
		require.ErrorContains(t, err, "there are some for postgres, sqlite")
		_, err = migrations.Demo(dialect)
		require.ErrorContains(t, err, "there are some for postgres, sqlite")
		_, err = migrations.LibraryScripts(dialect)
		require.ErrorContains(t, err, "there are some for postgres, sqlite")
	}
}

func TestAnOrderTakesItsItemsAlong(t *testing.T) {
	t.Parallel()
	testkit.EachDatabase(t, func(t *testing.T, db testkit.Database) {
		t.Parallel()
		pool := db.Raw(t)
		files, err := migrations.Demo(db.Name)
		require.NoError(t, err)
		_, err = newProvider(t, db.Name, pool, files).Up(t.Context())
		require.NoError(t, err)
		now := "CURRENT_TIMESTAMP"
		exec(t, pool, `INSERT INTO categories (id, slug, name) VALUES (1, 'tea', 'Tea')`)
		exec(t, pool, `INSERT INTO products (id, category_id, sku, name, description, price_cents, stock, updated_at)
			VALUES (1, 1, 'T-1', 'Assam', '', 100, 5, `+now+`)`)
		exec(t, pool, `INSERT INTO customers (id, name, email, created_at) VALUES (1, 'Ada', 'ada@example.com', `+now+`)`)
		exec(t, pool, `INSERT INTO orders (id, customer_id, status, note, total_cents, revision, placed_at)
			VALUES (1, 1, 'placed', '', 200, 1, `+now+`)`)
		exec(t, pool, `INSERT INTO order_items (id, order_id, product_id, quantity, unit_price_cents) VALUES (1, 1, 1, 2, 100)`)
		exec(t, pool, `DELETE FROM orders WHERE id = 1`)
		var left int
		require.NoError(t, pool.QueryRowContext(t.Context(), `SELECT count(*) FROM order_items`).Scan(&left))
		require.Zero(t, left)

		_, err = pool.ExecContext(t.Context(), `UPDATE products SET stock = -1 WHERE id = 1`)
		require.Error(t, err, "stock never goes below nothing")
	})
}

func newProvider(tb testing.TB, dialect string, pool *sql.DB, files fs.FS) *goose.Provider {
	tb.Helper()
	gooseDialect := map[string]goose.Dialect{"postgres": goose.DialectPostgres, "sqlite": goose.DialectSQLite3}[dialect]
	provider, err := goose.NewProvider(gooseDialect, pool, files, goose.WithTableName(migrations.VersionTable))
	require.NoError(tb, err)
	return provider
}
