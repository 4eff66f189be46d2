package pgbackplane_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/cachewright/cachewright/backplane/backplanetest"
	"github.com/cachewright/cachewright/backplane/pgbackplane"
	"github.com/cachewright/cachewright/coherence"
	"github.com/cachewright/cachewright/internal/testkit"
	"github.com/cachewright/cachewright/migrations"
)

func TestItIsABackplane(t *testing.T) {
	t.Parallel()
	backplanetest.Run(t, func(tb testing.TB) backplanetest.Group {
		db := testkit.PostgresDatabase(tb)
		pool := db.Raw(tb)
		scripts, err := migrations.LibraryScripts(db.Name)
		require.NoError(tb, err)
		for _, script := range scripts {
			for _, text := range script.Up {
				_, err := pool.ExecContext(tb.Context(), text)
				require.NoError(tb, err)
			}
		}
		return backplanetest.Group{
			Join: func(testing.TB) coherence.Backplane { return pgbackplane.New(db.DSN) },
			JoinCut: func(tb testing.TB) (coherence.Backplane, func(), func()) {
				p, dsn := newProxy(tb, db.DSN)
				return pgbackplane.New(dsn), p.cut, p.mend
			},
		}
	})
}
