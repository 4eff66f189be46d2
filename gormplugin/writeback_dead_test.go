package cacheplugin_test

import (
	"fmt"
	"testing"

	"github.com/stretchr/testify/require"
	"gorm.io/gorm"

	cacheplugin "github.com/cachewright/cachewright/gormplugin"
	"github.com/cachewright/cachewright/internal/testkit"
)

func TestARowTheDatabaseRefusesIsADeadLetterAndTheRestIsFlushed(t *testing.T) {
	t.Parallel()
	for name, poison := range map[string][]int64{"first": {1}, "middle": {3}, "last": {5}, "all": {1, 2, 3, 4, 5}} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			testkit.EachDatabase(t, func(t *testing.T, database testkit.Database) {
				letters := make(chan cacheplugin.FlushError, 5) // told by the flusher, after the row has left
				b := openBuffered(t, database, nil, cacheplugin.OnFlushError(func(e cacheplugin.FlushError) { letters <- e }))
				b.ready(t, 1, 2, 3, 4, 5)
				for id := range int64(5) {
					require.NoError(t, b.add(id+1, 1).Error)
				}
				for _, id := range poison {
					require.NoError(t, b.add(id, -5000).Error, "a CHECK is seen at the flush")
				}
				require.ErrorContains(t, b.cache.Flush(t.Context()), fmt.Sprintf("%d became dead letters", len(poison)))
				require.Zero(t, b.stats().Rows)
				require.EqualValues(t, 50+5-len(poison), b.stored(t, "SELECT sum(n) FROM tallies"))
				var told []cacheplugin.FlushError
				for range poison {
					told = append(told, <-letters)
				}
				require.Equal(t, "tallies", told[0].Table)
				require.EqualValues(t, poison[0], told[0].Key["id"])
				require.EqualValues(t, -4999, told[0].Changes[0].Add["n"])
				require.ErrorContains(t, told[0].Err, "n_bound")
				require.EqualValues(t, len(poison), b.stored(t, "SELECT count(*) FROM cachewright_dead_letters WHERE table_name = 'tallies'"))
				var key, changes, cause string
				require.NoError(t, b.raw.QueryRowContext(t.Context(),
					"SELECT row_key, changes, error FROM cachewright_dead_letters ORDER BY id LIMIT 1").Scan(&key, &changes, &cause))
				require.JSONEq(t, fmt.Sprintf(`{"id":%d}`, poison[0]), key)
				require.Contains(t, changes, `"add":{"n":-4999}`)
				require.Contains(t, cause, "n_bound")
				for _, id := range poison {
					var read Tally
					require.NoError(t, b.db.First(&read, id).Error)
					require.EqualValues(t, 10, read.N, "the database's value, not the one that was refused")
				}
			})
		})
	}
}

func TestAQueryGoesOnWhenWhatItFlushedBecameADeadLetter(t *testing.T) {
	eachBuffered(t, func(t *testing.T, b *buffered) {
		b.ready(t, 1, 2)
		require.NoError(t, b.add(1, -5000).Error)
		require.NoError(t, b.add(2, 1).Error)
		var sum int64
		require.NoError(t, b.db.Model(&Tally{}).Select("sum(n)").Scan(&sum).Error)
		require.EqualValues(t, 21, sum)
		require.NoError(t, b.add(1, -5000).Error)
		var all []Tally
		require.NoError(t, b.db.Find(&all, "n > ?", 0).Error)
		require.Len(t, all, 2)
	})
}

func TestARowThatIsGoneBehindTheCacheIsADeadLetter(t *testing.T) {
	eachBuffered(t, func(t *testing.T, b *buffered) {
		b.ready(t, 1)
		require.NoError(t, b.add(1, 1).Error)
		b.exec(t, "DELETE FROM tallies")
		require.ErrorContains(t, b.cache.Flush(t.Context()), "1 became dead letters")
		require.ErrorIs(t, b.db.First(&Tally{}, 1).Error, gorm.ErrRecordNotFound)
	})
}

func TestTablesOfModelsKnownToUseAreThereAfterIt(t *testing.T) {
	eachBuffered(t, func(t *testing.T, b *buffered) {
		require.Zero(t, b.stored(t, "SELECT count(*) FROM cachewright_dead_letters"))
		require.Zero(t, b.stored(t, "SELECT count(*) FROM cachewright_watermarks"))
		fresh := testkit.SQLiteDatabase(t)
		err := fresh.Open(t, nil).Use(cacheplugin.New(cacheplugin.WithoutMigrations(), cacheplugin.WithModels(&Tally{})))
		require.ErrorContains(t, err, "migrations/library/sqlite/00001_dead_letters.sql")
		require.ErrorContains(t, err, "00002_watermarks.sql")
	}, cacheplugin.WithModels(&Tally{}))
}

func TestWithoutMigrationsAMissingDeadLetterTableIsAnErrorThatNamesTheFile(t *testing.T) {
	eachBuffered(t, func(t *testing.T, b *buffered) {
		b.exec(t, "INSERT INTO tallies (id, n) VALUES (1, 10)")
		err := b.add(1, 1).Error
		require.ErrorContains(t, err, "cachewright_dead_letters")
		require.ErrorContains(t, err, "migrations/library/"+b.Name+"/")
		require.EqualValues(t, 10, b.stored(t, "SELECT n FROM tallies"))
	}, cacheplugin.WithoutMigrations())
}
