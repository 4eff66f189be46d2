package cacheplugin_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"gorm.io/gorm"

	cacheplugin "github.com/cachewright/cachewright/gormplugin"
	"github.com/cachewright/cachewright/internal/testkit"
	"github.com/cachewright/cachewright/policy"
)

func TestAdviceFollowsItsFormulaInEachOfItsRegions(t *testing.T) {
	t.Parallel()
	const minute = time.Minute
	for name, c := range map[string]struct {
		mix    cacheplugin.Mix
		sends  uint64
		better policy.Strategy
		saves  uint64
		line   string
	}{
		"too few calls to say anything": {
			cacheplugin.Mix{Strategy: policy.Off, Uncached: 98, Writes: 1, Over: minute},
			99, policy.Off, 0,
			"things: 99 calls are too few to say anything",
		},
		"uncached and read often: aside": {
			cacheplugin.Mix{Strategy: policy.Off, Uncached: 990, Writes: 10, Over: minute},
			1000, policy.Aside, 981,
			"things: 990 reads, 10 writes: aside would have saved 981 of 1000 statements that no cache sends",
		},
		"uncached, read as often as written: writethrough saves what aside misses": {
			cacheplugin.Mix{Strategy: policy.Off, Uncached: 500, Writes: 500, Over: minute},
			1000, policy.WriteThrough, 500,
			"things: 500 reads, 500 writes: writethrough would have saved 500 of 1000 statements that no cache sends",
		},
		"written only: nothing to save": {
			cacheplugin.Mix{Strategy: policy.Off, Writes: 500, Over: minute},
			500, policy.Off, 0,
			"things: 0 reads, 500 writes: no cache serves this well",
		},
		"aside and seldom written: it stays": {
			cacheplugin.Mix{Strategy: policy.Aside, Hits: 980, Misses: 10, Writes: 10, Over: minute},
			19, policy.Aside, 0,
			"things: 990 reads, 10 writes: aside serves this well",
		},
		"aside and written often: writethrough": {
			cacheplugin.Mix{Strategy: policy.Aside, Hits: 300, Misses: 300, Writes: 400, Over: minute},
			640, policy.WriteThrough, 240,
			"things: 600 reads, 400 writes: writethrough would have saved 240 of 640 statements that aside sends",
		},
		"aside, but its reads did not miss: writes and reads are of different rows": {
			cacheplugin.Mix{Strategy: policy.Aside, Hits: 590, Misses: 10, Writes: 400, Over: minute},
			410, policy.Aside, 0,
			"things: 600 reads, 400 writes: aside serves this well",
		},
		"one call in twenty is the least worth a change": {
			cacheplugin.Mix{Strategy: policy.Aside, Hits: 850, Misses: 50, Writes: 100, Over: minute},
			150, policy.WriteThrough, 50,
			"things: 900 reads, 100 writes: writethrough would have saved 50 of 150 statements that aside sends",
		},
		"and less is not": {
			cacheplugin.Mix{Strategy: policy.Aside, Hits: 851, Misses: 49, Writes: 100, Over: minute},
			149, policy.Aside, 0,
			"things: 900 reads, 100 writes: aside serves this well",
		},
		"counted up and nothing else: writeback": {
			cacheplugin.Mix{Strategy: policy.WriteThrough, Hits: 100, Writes: 9000, Arithmetic: 9000, Over: minute},
			9000, policy.WriteBack, 8878,
			"things: 100 reads, 9000 writes: writeback would have saved 8878 of 9000 statements that writethrough sends",
		},
		"counted up, but critical: never writeback": {
			cacheplugin.Mix{Strategy: policy.WriteThrough, Critical: true, Hits: 100, Writes: 9000, Arithmetic: 9000, Over: minute},
			9000, policy.WriteThrough, 0,
			"things: 100 reads, 9000 writes: writethrough serves this well",
		},
		"set as well as counted: never writeback": {
			cacheplugin.Mix{Strategy: policy.WriteThrough, Hits: 100, Writes: 9000, Arithmetic: 8999, Absolute: 1, Over: minute},
			9000, policy.WriteThrough, 0,
			"things: 100 reads, 9000 writes: writethrough serves this well",
		},
		"rows that only come are no counters": {
			cacheplugin.Mix{Strategy: policy.WriteThrough, Hits: 100, Writes: 9000, Over: minute},
			9000, policy.WriteThrough, 0,
			"things: 100 reads, 9000 writes: writethrough serves this well",
		},
		"writeback where many changes share a flush: it stays": {
			cacheplugin.Mix{Strategy: policy.WriteBack, Hits: 100, Writes: 9000, Over: minute},
			122, policy.WriteBack, 0,
			"things: 100 reads, 9000 writes: writeback serves this well",
		},
		"writeback with less than a change for each flush: writethrough": {
			cacheplugin.Mix{Strategy: policy.WriteBack, Hits: 100, Writes: 50, Over: minute},
			100, policy.WriteThrough, 50,
			"things: 100 reads, 50 writes: writethrough would have saved 50 of 100 statements that writeback sends",
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			a := c.mix.Advice("things")
			require.Equal(t, c.line, a.Line)
			require.Equal(t, c.sends, a.Sends)
			require.Equal(t, c.better, a.Better)
			require.Equal(t, c.saves, a.Saves)
		})
	}
}

type adviceCounter struct {
	_    struct{} `cache:"aside"`
	ID   int64
	Hits int64
}

type adviceUntagged struct {
	ID   int64
	Name string
}

func TestAdviceCountsWhatWasDone(t *testing.T) {
	t.Parallel()
	db := testkit.SQLiteDatabase(t).Open(t, nil)
	require.NoError(t, db.AutoMigrate(&adviceCounter{}, &adviceUntagged{}))
	cache := cacheplugin.New()
	require.Empty(t, cache.Advise(), "before db.Use nothing was measured")
	require.NoError(t, db.Use(cache))
	t.Cleanup(func() { require.NoError(t, cache.Close(t.Context())) })

	require.NoError(t, db.Create(&adviceCounter{ID: 1}).Error)
	require.Error(t, db.Create(&adviceCounter{ID: 1}).Error, "a write that fails does not count")
	for range 100 {
		require.NoError(t, db.Model(&adviceCounter{ID: 1}).Update("hits", gorm.Expr("hits + ?", 1)).Error)
		require.NoError(t, db.Take(&adviceCounter{}, 1).Error)
		require.NoError(t, db.Find(&[]adviceUntagged{}).Error)
	}
	all := cache.Advise()
	require.Len(t, all, 2)
	counters, untagged := all[0], all[1]
	require.Equal(t, "advice_counters", counters.Table)
	require.Equal(t, uint64(100), counters.Reads)
	require.Equal(t, uint64(101), counters.Writes)
	require.Equal(t, policy.Aside, counters.Policy.Strategy)
	require.Equal(t, policy.WriteBack, counters.Better, counters.Line)
	require.Equal(t, uint64(100), untagged.Reads)
	require.Zero(t, untagged.Hits)
	require.Equal(t, policy.Aside, untagged.Better, untagged.Line)

	require.NoError(t, db.Model(&adviceCounter{ID: 1}).Update("hits", 7).Error)
	require.Equal(t, policy.WriteThrough, cache.Advise()[0].Better, "what is set is no counter")
}
