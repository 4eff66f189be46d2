package testkit_test

import (
	"sync"
	"testing"

	"github.com/stretchr/testify/require"
	"gorm.io/gorm"

	"github.com/cachewright/cachewright/internal/testkit"
)

// thing is the model of these tests.
type thing struct {
	ID   int64
	Name string `gorm:"unique"`
}

func TestHandlesShareTheDatabase(t *testing.T) {
	t.Parallel()
	testkit.EachDatabase(t, func(t *testing.T, db testkit.Database) {
		t.Parallel()
		writer, reader := db.Open(t, nil), db.Open(t, &gorm.Config{TranslateError: true})
		require.Equal(t, db.Name, writer.Name())
		require.NoError(t, writer.AutoMigrate(&thing{}))
		require.NoError(t, writer.Create(&thing{Name: "one"}).Error)
		var got thing
		require.NoError(t, reader.First(&got, "name = ?", "one").Error)
		require.Equal(t, 1, count(t, db.Raw(t), "SELECT count(*) FROM things"))
		require.ErrorIs(t, reader.Create(&thing{Name: "one"}).Error, gorm.ErrDuplicatedKey)
		require.NotErrorIs(t, writer.Create(&thing{Name: "one"}).Error, gorm.ErrDuplicatedKey)
	})
}

func TestConcurrentWritersWaitForEachOther(t *testing.T) {
	t.Parallel()
	testkit.EachDatabase(t, func(t *testing.T, db testkit.Database) {
		t.Parallel()
		handle := db.Open(t, nil)
		require.NoError(t, handle.AutoMigrate(&thing{}))
		const writers, each = 8, 20
		errs := make(chan error, writers*each)
		var done sync.WaitGroup
		for range writers {
			done.Go(func() {
				for range each {
					errs <- handle.Exec("INSERT INTO things (name) VALUES (NULL)").Error
				}
			})
		}
		done.Wait()
		for range writers * each {
			require.NoError(t, <-errs)
		}
		require.Equal(t, writers*each, count(t, db.Raw(t), "SELECT count(*) FROM things"))
	})
}
