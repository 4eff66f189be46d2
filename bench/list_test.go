package bench_test

import (
	"fmt"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"gorm.io/gorm"
	"gorm.io/gorm/callbacks"

	"github.com/cachewright/cachewright/internal/testkit"
)

// listed is how many rows a list has.
const listed = 100

func listGroup(tb testing.TB, database testkit.Database) group {
	tb.Helper()
	plain := database.Open(tb, prefixed("listed_"))
	seedArticles(tb, plain)
	return group{
		title: fmt.Sprintf("Find of %d rows by a condition", listed),
		floor: measurement{name: "gorm.Scan, fed from memory", run: lists(fedFromMemory(tb, database, plain))},
		others: []measurement{
			cachedList(tb, database),
			{name: "plain GORM, PostgreSQL", plain: true, run: lists(plain)},
		},
	}
}

// lists reads the first articles as a list.
func lists(db *gorm.DB) func(n int) error {
	return func(n int) error {
		for range n {
			var got []article
			if err := db.Where("stock < ?", listed).Order("id").Find(&got).Error; err != nil {
				return err
			}
			if len(got) != listed || got[listed-1].Stock != listed-1 || got[0].Summary == "" || got[1].UpdatedAt.IsZero() {
				return fmt.Errorf("%d rows: %v", len(got), got)
			}
		}
		return nil
	}
}

func cachedList(tb testing.TB, database testkit.Database) measurement {
	tb.Helper()
	db, plugin := withPlugin(tb, database, prefixed("listed_"))
	run := lists(db)
	require.NoError(tb, run(1))
	filled := plugin.Stats()
	return measurement{
		name: "Find, served from the cache", limit: 1, run: run,
		check: func() error {
			if now := plugin.Stats(); now.Misses != filled.Misses || len(now.Uncached) > 0 {
				return fmt.Errorf("%d reads missed and %v were not cached", now.Misses-filled.Misses, now.Uncached)
			}
			return nil
		},
	}
}

// fedFromMemory is a handle whose queries build their SQL and give gorm.Scan the same rows from memory: the least that a
// cache costs which keeps the answers as Go values and lets GORM put them in place.
func fedFromMemory(tb testing.TB, database testkit.Database, plain *gorm.DB) *gorm.DB {
	tb.Helper()
	var all []article
	require.NoError(tb, plain.Where("stock < ?", listed).Order("id").Find(&all).Error)
	db := database.Open(tb, prefixed("listed_"))
	require.NoError(tb, db.Callback().Query().Replace("gorm:query", func(db *gorm.DB) {
		callbacks.BuildQuerySQL(db)
		gorm.Scan(&memoryRows{all: all, at: -1}, db, 0)
	}))
	return db
}

// memoryRows are articles as gorm.Scan wants its rows.
type memoryRows struct {
	gorm.Rows

	all []article
	at  int
}

func (r *memoryRows) Columns() ([]string, error) {
	return []string{"id", "name", "summary", "price", "stock", "updated_at"}, nil
}

func (r *memoryRows) Next() bool                   { r.at++; return r.at < len(r.all) }
func (r *memoryRows) Close() error                 { return nil }
func (r *memoryRows) Err() error                   { return nil }
func (r *memoryRows) Scan(dest ...any) (err error) { return scan(&r.all[r.at], dest) }

func scan(a *article, dest []any) error {
	for i, value := range []*int64{&a.ID, nil, nil, &a.Price, &a.Stock, nil} {
		if value == nil {
			continue
		}
		to, ok := dest[i].(**int64)
		if !ok {
			return fmt.Errorf("column %d goes into %T", i, dest[i])
		}
		*to = value
	}
	name, isName := dest[1].(**string)
	summary, isSummary := dest[2].(**string)
	at, isTime := dest[5].(**time.Time)
	if !isName || !isSummary || !isTime {
		return fmt.Errorf("columns go into %T, %T and %T", dest[1], dest[2], dest[5])
	}
	*name, *summary, *at = &a.Name, &a.Summary, &a.UpdatedAt
	return nil
}
