package cacheplugin_test

import (
	"fmt"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"gorm.io/gorm"

	cacheplugin "github.com/cachewright/cachewright/gormplugin"
	"github.com/cachewright/cachewright/internal/testkit"
)

func TestDeadLettersAreListedRetriedAndDiscarded(t *testing.T) {
	eachBuffered(t, func(t *testing.T, b *buffered) {
		ctx := t.Context()
		b.ready(t, 1, 2)
		letters, err := b.cache.DeadLetters(ctx)
		require.NoError(t, err)
		require.Empty(t, letters)
		for id := range int64(2) {
			require.NoError(t, b.add(id+1, -5000).Error)
		}
		require.ErrorContains(t, b.cache.Flush(ctx), "2 became dead letters")
		letters, err = b.cache.DeadLetters(ctx)
		require.NoError(t, err)
		require.Len(t, letters, 2)
		require.Equal(t, "tallies", letters[0].Table)
		require.Equal(t, "1", fmt.Sprint(letters[0].Key["id"]))
		require.Equal(t, map[string]int64{"n": -5000}, letters[0].Changes[0].Add)
		require.Contains(t, letters[0].Error, "n_bound")
		require.WithinDuration(t, time.Now(), letters[0].At, time.Hour)

		require.ErrorContains(t, b.cache.RetryDeadLetter(ctx, letters[0].ID), "n_bound", "nothing has changed")
		require.NoError(t, b.add(1, 6000).Error, "pending when it is tried again")
		var read Tally
		require.NoError(t, b.db.First(&read, 1).Error)
		require.NoError(t, b.cache.RetryDeadLetter(ctx, letters[0].ID))
		require.EqualValues(t, 1010, b.stored(t, "SELECT n FROM tallies WHERE id = 1"))
		require.NoError(t, b.db.First(&read, 1).Error)
		require.EqualValues(t, 1010, read.N, "what was cached is not shown any more")
		require.ErrorIs(t, b.cache.RetryDeadLetter(ctx, letters[0].ID), cacheplugin.ErrNoDeadLetter)

		require.NoError(t, b.cache.DiscardDeadLetter(ctx, letters[1].ID))
		require.ErrorIs(t, b.cache.DiscardDeadLetter(ctx, letters[1].ID), cacheplugin.ErrNoDeadLetter)
		letters, err = b.cache.DeadLetters(ctx)
		require.NoError(t, err)
		require.Empty(t, letters)
		require.EqualValues(t, 1020, b.stored(t, "SELECT sum(n) FROM tallies"))
	})
}

// TestALetterKeepsValuesOfEveryType has changes refused because their rows are gone, and does them when they are back.
func TestALetterKeepsValuesOfEveryType(t *testing.T) {
	const rows = 13 // one for each odd text but "", which GORM takes for no key
	t.Parallel()
	testkit.EachDatabase(t, func(t *testing.T, database testkit.Database) {
		b := openBuffered(t, database, nil)
		plain := database.Open(t, nil)
		require.NoError(t, plain.AutoMigrate(&specimen{}))
		change := func(db *gorm.DB, i int) *gorm.DB {
			s := specimenOf(i + 1000)
			return db.Model(&specimen{Shelf: oddTexts[i], Place: int64(i) - 50}).Updates(map[string]any{
				"big": gorm.Expr("big - ?", i), "small": s.Small, "yes": s.Yes, "ratio": s.Ratio, "text": s.Text, "blob": s.Blob, "at": s.At,
			})
		}
		seed := func() {
			for i := 1; i <= rows; i++ {
				s := specimenOf(i)
				require.NoError(t, plain.Create(&s).Error)
			}
		}
		seed()
		for i := 1; i <= rows; i++ {
			require.NoError(t, change(b.db, i).Error)
		}
		require.Equal(t, rows, b.cache.Stats().WriteBack["specimens"].Rows)
		b.exec(t, "DELETE FROM specimens")
		require.ErrorContains(t, b.cache.Flush(t.Context()), "dead letters")
		seed()
		letters, err := b.cache.DeadLetters(t.Context())
		require.NoError(t, err)
		require.Len(t, letters, rows)
		for _, letter := range letters {
			require.NoError(t, b.cache.RetryDeadLetter(t.Context(), letter.ID))
		}
		twin := testkit.SQLiteDatabase(t)
		if database.Name == "postgres" {
			twin = testkit.PostgresDatabase(t)
		}
		want := twin.Open(t, nil)
		require.NoError(t, want.AutoMigrate(&specimen{}))
		for i := 1; i <= rows; i++ {
			s := specimenOf(i)
			require.NoError(t, want.Create(&s).Error)
			require.NoError(t, change(want, i).Error)
		}
		requireTwins(t, b.db, want)
	})
}
