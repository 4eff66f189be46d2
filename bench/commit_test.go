package bench_test

import (
	"context"
	"sync/atomic"
	"testing"

	"github.com/stretchr/testify/require"
	"gorm.io/gorm"

	"github.com/cachewright/cachewright/backplane/pgbackplane"
	cacheplugin "github.com/cachewright/cachewright/gormplugin"
	"github.com/cachewright/cachewright/internal/testkit"
)

// account is a row that is written in transactions.
type account struct {
	_       struct{} `cache:"aside"`
	ID      int64
	Balance int64
}

// writers is how many goroutines commit at once.
const writers = 16

// BenchmarkCommits is one update in a transaction, by 16 writers at once, each on rows of its own, on a server that flushes its log.
// A line is what it costs to tell other processes: not at all, by the outbox of the backplane, and by pg_notify in each
// transaction, which the backplane avoids.
func BenchmarkCommits(b *testing.B) {
	server := testkit.StartPostgres(b, testkit.WithFsync())
	database := testkit.Database{Name: "postgres", DSN: server.Database(b)}
	require.NoError(b, database.Open(b, nil).AutoMigrate(&account{}))
	for id := range int64(writers) {
		require.NoError(b, database.Open(b, nil).Create(&account{ID: id + 1}).Error)
	}
	notify := func(tx *gorm.DB) error { return tx.Exec("SELECT pg_notify('accounts', 'written')").Error }
	for _, way := range []struct {
		name    string
		options []cacheplugin.Option
		also    func(tx *gorm.DB) error
	}{
		{"alone", []cacheplugin.Option{cacheplugin.WithSingleProcess()}, nil},
		{"outbox", []cacheplugin.Option{cacheplugin.WithBackplane(pgbackplane.New(database.DSN))}, nil},
		{"pg_notify", []cacheplugin.Option{cacheplugin.WithSingleProcess()}, notify},
	} {
		b.Run(way.name, func(b *testing.B) {
			db := database.Open(b, nil)
			pool, err := db.DB()
			require.NoError(b, err)
			pool.SetMaxOpenConns(writers)
			pool.SetMaxIdleConns(writers)
			plugin := cacheplugin.New(way.options...)
			require.NoError(b, db.Use(plugin))
			defer func() { require.NoError(b, plugin.Close(context.Background())) }()
			var next atomic.Int64
			b.SetParallelism(writers) // times GOMAXPROCS; those above 16 wait for a connection
			b.ResetTimer()
			b.RunParallel(func(pb *testing.PB) {
				id := next.Add(1)%writers + 1
				for pb.Next() {
					err := db.Transaction(func(tx *gorm.DB) error {
						if err := tx.Model(&account{ID: id}).Update("balance", gorm.Expr("balance + 1")).Error; err != nil || way.also == nil {
							return err
						}
						return way.also(tx)
					})
					if err != nil {
						b.Error(err)
						return
					}
				}
			})
			b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "commits/s")
		})
	}
}
