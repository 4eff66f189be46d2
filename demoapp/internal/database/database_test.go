package database_test

import (
	"context"
	"log/slog"
	"net/url"
	"path/filepath"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"gorm.io/gorm"

	"github.com/cachewright/cachewright/demoapp/internal/database"
	"github.com/cachewright/cachewright/demoapp/internal/shop"
	"github.com/cachewright/cachewright/internal/testkit"
)

func TestADatabaseIsOpenedMigratedAndCounted(t *testing.T) {
	t.Parallel()
	onEach(t, func(t *testing.T, dsn string) {
		db := open(t, dsn)
		require.NoError(t, db.Migrate(t.Context()), "twice is once")
		require.NoError(t, db.Ping(t.Context()))
		before := db.Meter.Counts()
		require.NoError(t, db.GORM.Create(&shop.PageView{Path: "/", Hits: 1}).Error)
		require.Equal(t, int64(1), db.Meter.Counts().Since(before).Writes("page_views").Statements)

		before = db.Meter.Counts()
		var hits int
		require.NoError(t, db.Outside.QueryRowContext(t.Context(), "SELECT hits FROM page_views").Scan(&hits))
		require.Equal(t, 1, hits)
		require.Zero(t, db.Meter.Counts().Since(before).Statements(), "who looks from outside is not counted")

		require.ErrorIs(t, db.GORM.Create(&shop.PageView{Path: "/", Hits: 1}).Error, gorm.ErrDuplicatedKey)
	})
}

func TestTransactionsThatReadAndThenWriteWaitForEachOther(t *testing.T) {
	t.Parallel()
	onEach(t, func(t *testing.T, dsn string) {
		db := open(t, dsn)
		require.NoError(t, db.GORM.Create(&shop.PageView{Path: "/"}).Error)
		const writers, each = 8, 10
		var done sync.WaitGroup
		errs := make(chan error, writers*each)
		for range writers {
			done.Go(func() {
				for range each {
					errs <- db.GORM.Transaction(func(tx *gorm.DB) error {
						if err := tx.Take(&shop.PageView{}, "path = ?", "/").Error; err != nil {
							return err
						}
						return tx.Model(&shop.PageView{Path: "/"}).Update("hits", gorm.Expr("hits + 1")).Error
					})
				}
			})
		}
		done.Wait()
		for range writers * each {
			require.NoError(t, <-errs)
		}
		var view shop.PageView
		require.NoError(t, db.GORM.Take(&view).Error)
		require.Equal(t, int64(writers*each), view.Hits)
	})
}

func TestAServerThatDoesNotAnswerIsGivenUp(t *testing.T) {
	t.Parallel()
	ctx, cancel := context.WithTimeout(t.Context(), time.Nanosecond)
	defer cancel()
	_, err := database.Open(ctx, "postgres://me:hunter2@127.0.0.1:1/shop?password=hunter2", slog.New(slog.DiscardHandler))
	require.ErrorContains(t, err, "connect to the database postgres://me:xxxxx@127.0.0.1:1/shop")
	require.NotContains(t, err.Error(), "hunter2")
}

func TestAPasswordInTheQueryIsNotShown(t *testing.T) {
	t.Parallel()
	dsn, err := url.Parse(testkit.Postgres(t))
	require.NoError(t, err)
	password, _ := dsn.User.Password()
	dsn.User = url.User(dsn.User.Username())
	query := dsn.Query()
	query.Set("password", password)
	dsn.RawQuery = query.Encode()
	require.NotContains(t, open(t, dsn.String()).Name, "password")
}

func TestAPathMayHoldWhatMeansSomethingInAURL(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "my shop?100%#1.db")
	db := open(t, "sqlite:"+path)
	require.Equal(t, "sqlite:"+path, db.Name)
	require.FileExists(t, path)
	var foreignKeys int
	require.NoError(t, db.Outside.QueryRowContext(t.Context(), "PRAGMA foreign_keys").Scan(&foreignKeys))
	require.Equal(t, 1, foreignKeys, "the settings hold all the same")
}

// onEach runs the test with a DSN of each kind.
func onEach(t *testing.T, test func(t *testing.T, dsn string)) {
	t.Helper()
	t.Run("sqlite", func(t *testing.T) {
		t.Parallel()
		test(t, "sqlite:"+filepath.Join(t.TempDir(), "shop.db"))
	})
	t.Run("postgres", func(t *testing.T) {
		t.Parallel()
		test(t, testkit.Postgres(t))
	})
}

func open(tb testing.TB, dsn string) *database.Database {
	tb.Helper()
	db, err := database.Open(tb.Context(), dsn, slog.New(slog.DiscardHandler))
	require.NoError(tb, err)
	tb.Cleanup(func() { require.NoError(tb, db.Close()) })
	require.NoError(tb, db.Migrate(tb.Context()))
	return db
}
