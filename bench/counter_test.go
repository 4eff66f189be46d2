package bench_test

import (
	"context"
	"fmt"
	"testing"

	"github.com/stretchr/testify/require"
	"gorm.io/gorm"
	"gorm.io/gorm/schema"

	"github.com/cachewright/cachewright/internal/testkit"
)

// hot is how many counters are written in turn.
const hot = 10

// counter is a row that is written often.
type counter struct {
	_    struct{} `cache:"writeback"`
	ID   int64
	Hits int64
}

func counterGroup(tb testing.TB, database testkit.Database) group {
	tb.Helper()
	plain := database.Open(tb, nil)
	seedCounters(tb, plain)
	// A default transaction would be sent to the database even around nothing.
	single := &gorm.Config{SkipDefaultTransaction: true}
	empty := database.Open(tb, single)
	require.NoError(tb, empty.Callback().Update().Replace("gorm:update", func(*gorm.DB) {}))
	return group{
		title: fmt.Sprintf("Update of hits to hits + 1, %d rows in turn", hot),
		floor: measurement{name: "empty update callback", run: increments(empty, hot)},
		others: append(writeBacks(tb, database),
			measurement{name: "plain GORM, PostgreSQL", plain: true, run: increments(plain, hot)},
			measurement{name: "the same without default transaction", run: increments(database.Open(tb, single), hot)}),
	}
}

func seedCounters(tb testing.TB, db *gorm.DB) {
	tb.Helper()
	require.NoError(tb, db.AutoMigrate(&counter{}))
	all := make([]counter, many)
	for i := range all {
		all[i].ID = int64(i + 1)
	}
	require.NoError(tb, db.Create(&all).Error)
}

// increments adds one to the first counters, one after the other, round and round.
func increments(db *gorm.DB, rows int) func(n int) error {
	return func(n int) error {
		for i := range n {
			if err := db.Model(&counter{ID: int64(i%rows + 1)}).Update("hits", gorm.Expr("hits + ?", 1)).Error; err != nil {
				return err
			}
		}
		return nil
	}
}

// writeBacks measures write-back with rows that are hot, and at its worst: no row comes twice before it is flushed, so each
// is loaded, and none is merged. Both are timed until the database has all of it. They have a table of their own, of
// which every increment is accounted for.
func writeBacks(tb testing.TB, database testkit.Database) []measurement {
	tb.Helper()
	ctx := context.Background()
	config := &gorm.Config{NamingStrategy: schema.NamingStrategy{TablePrefix: "written_back_"}}
	seedCounters(tb, database.Open(tb, config))
	db, plugin := withPlugin(tb, database, config)
	stored := database.Raw(tb)
	total := 0
	flushed := func(n, rows int) error {
		total += n
		if err := increments(db, rows)(n); err != nil {
			return err
		}
		return plugin.Flush(ctx)
	}
	check := func() error {
		var sum int
		if err := stored.QueryRowContext(ctx, "SELECT sum(hits) FROM written_back_counters").Scan(&sum); err != nil {
			return fmt.Errorf("sum up the counters: %w", err)
		}
		if sum != total {
			return fmt.Errorf("the database holds %d increments of %d", sum, total)
		}
		return nil
	}
	return []measurement{
		{name: "write-back until flushed", check: check, run: func(n int) error { return flushed(n, hot) }},
		{name: "write-back until flushed, each row once", check: check, run: func(n int) error {
			for ; n > 0; n -= many {
				if err := flushed(min(n, many), many); err != nil {
					return err
				}
			}
			return nil
		}},
	}
}
