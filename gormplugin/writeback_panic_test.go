package cacheplugin_test

import (
	"context"
	"runtime"
	"testing"

	"github.com/stretchr/testify/require"
	"gorm.io/gorm"

	"github.com/cachewright/cachewright/internal/testkit"
)

// HookedTally is a write-back model whose hook may panic, when its row is written and its gate held.
type HookedTally struct {
	_  struct{} `cache:"writeback,flush=1h"`
	ID int64    `gorm:"autoIncrement:false"`
	N  int64    `gorm:"not null"`
}

func (*HookedTally) AfterUpdate(tx *gorm.DB) error { return hooked(tx, "AfterUpdate") }

func TestAPanicInAHookDoesNotKeepTheRowFromOthersForEver(t *testing.T) {
	t.Parallel()
	testkit.EachDatabase(t, func(t *testing.T, database testkit.Database) {
		db := database.Open(t, nil)
		require.NoError(t, db.AutoMigrate(&HookedTally{}))
		plugin := usePlugin(t, db)
		require.NoError(t, db.Create(&HookedTally{ID: 1, N: 10}).Error)
		add := func() error {
			return db.Model(&HookedTally{ID: 1}).UpdateColumn("n", gorm.Expr("n + ?", 1)).Error
		}
		require.NoError(t, add())
		require.EqualValues(t, 1, plugin.Stats().WriteBack["hooked_tallies"].Rows)
		bad := withHook(t, db, func(*gorm.DB, string) error { panic("the hook") })
		require.PanicsWithValue(t, "the hook", func() { bad.Model(&HookedTally{ID: 1}).Update("n", 99) })

		done := make(chan error, 1)
		go func() { done <- add() }()
		for waiting := true; waiting; {
			runtime.GC() // GORM has left the transaction open, and nobody can end it
			select {
			case err := <-done:
				require.NoError(t, err)
				waiting = false
			default:
			}
		}
		require.NoError(t, plugin.Flush(context.Background()))
		var n int64
		require.NoError(t, database.Raw(t).QueryRowContext(t.Context(), "SELECT n FROM hooked_tallies").Scan(&n))
		require.EqualValues(t, 12, n, "what the panic left was rolled back")
	})
}
