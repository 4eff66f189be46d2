package bench_test

import (
	"context"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/allegro/bigcache/v3"
	"github.com/stretchr/testify/require"
	"gorm.io/gorm"

	cacheplugin "github.com/cachewright/cachewright/gormplugin"
	"github.com/cachewright/cachewright/internal/testkit"
)

// many is how many rows the reads go round: enough that they do not all stay in the processor's caches.
const many = 1000

// firstID is the key of the first article. Numbers below 256 would be arguments for nothing.
const firstID = 1_000_001

// article is a row of a usual kind, of about 170 bytes.
type article struct {
	_         struct{} `cache:"aside"`
	ID        int64
	Name      string
	Summary   string
	Price     int64
	Stock     int64
	UpdatedAt time.Time
}

func rowGroup(tb testing.TB, database testkit.Database) group {
	tb.Helper()
	plain := database.Open(tb, nil)
	seedArticles(tb, plain)
	return group{
		title:  "First by primary key",
		floor:  measurement{name: "empty query callback", run: firsts(withoutQuery(tb, database))},
		others: []measurement{cachedFirst(tb, database), {name: "plain GORM, PostgreSQL", plain: true, run: firsts(plain)}, bareGet(tb)},
	}
}

func seedArticles(tb testing.TB, db *gorm.DB) {
	tb.Helper()
	require.NoError(tb, db.AutoMigrate(&article{}))
	all := make([]article, many)
	for i := range all {
		all[i] = article{
			ID: int64(firstID + i), Name: fmt.Sprint("article ", i), Summary: strings.Repeat("All that is said of it. ", 4),
			Price: int64(100 * i), Stock: int64(i),
		}
	}
	require.NoError(tb, db.Create(&all).Error)
}

// withoutQuery is a handle whose reads do all that GORM does around gorm:query, and nothing in it.
func withoutQuery(tb testing.TB, database testkit.Database) *gorm.DB {
	tb.Helper()
	db := database.Open(tb, nil)
	require.NoError(tb, db.Callback().Query().Replace("gorm:query", func(*gorm.DB) {}))
	return db
}

// withPlugin is a handle with the plugin, whose entries live until they are written.
func withPlugin(tb testing.TB, database testkit.Database, config *gorm.Config, more ...cacheplugin.Option) (*gorm.DB, *cacheplugin.Plugin) {
	tb.Helper()
	db := database.Open(tb, config)
	plugin := cacheplugin.New(append(more, cacheplugin.WithSingleProcess())...)
	require.NoError(tb, db.Use(plugin))
	tb.Cleanup(func() { require.NoError(tb, plugin.Close(context.Background())) })
	return db, plugin
}

// firsts reads the articles one after the other, round and round.
func firsts(db *gorm.DB) func(n int) error {
	return func(n int) error {
		for i := range n {
			var got article
			if err := db.First(&got, firstID+i%many).Error; err != nil {
				return err
			}
		}
		return nil
	}
}

func cachedFirst(tb testing.TB, database testkit.Database) measurement {
	tb.Helper()
	db, plugin := withPlugin(tb, database, nil)
	run := firsts(db)
	require.NoError(tb, run(many))
	filled := plugin.Stats()
	require.EqualValues(tb, many, filled.Misses)
	var last article
	require.NoError(tb, db.First(&last, firstID+many-1).Error)
	require.EqualValues(tb, many-1, last.Stock, "a hit fills the row")
	return measurement{
		name: "First, served from the cache", bound: 8, run: run,
		check: func() error {
			if now := plugin.Stats(); now.Misses != filled.Misses || len(now.Uncached) > 0 {
				return fmt.Errorf("%d reads missed and %v were not cached", now.Misses-filled.Misses, now.Uncached)
			}
			return nil
		},
	}
}

// bareGet is BigCache by itself, with keys and values of the size that a row's have.
func bareGet(tb testing.TB) measurement {
	tb.Helper()
	config := bigcache.DefaultConfig(24 * time.Hour)
	config.Verbose, config.CleanWindow, config.MaxEntrySize = false, 0, 256
	cache, err := bigcache.New(context.Background(), config)
	require.NoError(tb, err)
	tb.Cleanup(func() { require.NoError(tb, cache.Close()) })
	keys := make([]string, many)
	for i := range keys {
		keys[i] = fmt.Sprint("postgres articles row ", firstID+i)
		require.NoError(tb, cache.Set(keys[i], make([]byte, 200)))
	}
	return measurement{name: "bare BigCache Get, 200 bytes", run: func(n int) error {
		for i := range n {
			if _, err := cache.Get(keys[i%many]); err != nil {
				return err
			}
		}
		return nil
	}}
}
