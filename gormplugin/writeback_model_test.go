package cacheplugin_test

import (
	"errors"
	"testing"

	"github.com/stretchr/testify/require"
	"gorm.io/gorm"

	cacheplugin "github.com/cachewright/cachewright/gormplugin"
	"github.com/cachewright/cachewright/internal/testkit"
	"github.com/cachewright/cachewright/policy"
)

// The models here have something that decides whether their writes may wait.
type (
	hookedTally struct {
		_  struct{} `cache:"writeback,flush=1h"`
		ID int64    `gorm:"autoIncrement:false"`
		N  int64
	}
	afterTally struct {
		_  struct{} `cache:"writeback,flush=1h"`
		ID int64    `gorm:"autoIncrement:false"`
		N  int64
	}
	softTally struct {
		_         struct{} `cache:"writeback,flush=1h"`
		ID        int64    `gorm:"autoIncrement:false"`
		N         int64
		DeletedAt gorm.DeletedAt
	}
	madeTally struct {
		_  struct{} `cache:"writeback,flush=1h"`
		ID int64
		N  int64
	}
	owner struct {
		_    struct{} `cache:"writeback,flush=1h"`
		ID   int64    `gorm:"autoIncrement:false"`
		N    int64
		Pets []pet `gorm:"constraint:OnDelete:CASCADE"`
	}
	pet struct {
		_       struct{} `cache:"writeback,flush=1h"`
		ID      int64    `gorm:"autoIncrement:false"`
		OwnerID int64
		N       int64
	}
	keyless struct {
		_ struct{} `cache:"writeback"`
		N int64
	}
	journaled struct {
		_  struct{} `cache:"writeback,ack=disk"`
		ID int64
	}
)

var errHook = errors.New("the hook says no")

func (h *hookedTally) BeforeSave(tx *gorm.DB) error { return hooked(tx, "BeforeSave") }
func (h *afterTally) AfterSave(tx *gorm.DB) error   { return hooked(tx, "AfterSave") }

func eachModels(t *testing.T, test func(t *testing.T, b *buffered), models ...any) {
	t.Helper()
	t.Parallel()
	testkit.EachDatabase(t, func(t *testing.T, database testkit.Database) {
		b := openBuffered(t, database, nil)
		require.NoError(t, b.db.AutoMigrate(models...))
		test(t, b)
	})
}

func TestHooksBeforeAWriteRunOnceAtTheCall(t *testing.T) {
	eachModels(t, func(t *testing.T, b *buffered) {
		require.NoError(t, b.db.Create(&hookedTally{ID: 1, N: 1}).Error)
		calls := 0
		db := withHook(t, b.db, func(*gorm.DB, string) error { calls++; return nil })
		b.probe.Reset()
		require.NoError(t, db.Model(&hookedTally{ID: 1}).Update("n", gorm.Expr("n + ?", 1)).Error)
		require.Equal(t, 1, calls)
		require.Empty(t, b.probe.Calls())
		b.flush(t)
		require.Equal(t, 1, calls)
		refuses := withHook(t, b.db, func(*gorm.DB, string) error { return errHook })
		require.ErrorIs(t, refuses.Model(&hookedTally{ID: 1}).Update("n", gorm.Expr("n + ?", 1)).Error, errHook)
		// What a hook writes belongs to the statement's transaction, and goes with it.
		writes := withHook(t, b.db, func(tx *gorm.DB, _ string) error {
			err := tx.Session(&gorm.Session{NewDB: true}).Create(&pageView{Path: "/hook"}).Error
			return errors.Join(err, errHook)
		})
		require.ErrorIs(t, writes.Model(&hookedTally{ID: 1}).Update("n", gorm.Expr("n + ?", 1)).Error, errHook)
		require.ErrorIs(t, b.db.First(&pageView{}, "path = ?", "/hook").Error, gorm.ErrRecordNotFound)
		both := withHook(t, b.db, func(tx *gorm.DB, _ string) error {
			return tx.Session(&gorm.Session{NewDB: true}).Create(&pageView{Path: "/hook"}).Error
		})
		require.NoError(t, both.Model(&hookedTally{ID: 1}).Update("n", gorm.Expr("n + ?", 1)).Error)
		require.EqualValues(t, 3, b.stored(t, "SELECT n FROM hooked_tallies"))
		require.EqualValues(t, 1, b.stored(t, "SELECT count(*) FROM page_views"))
	}, &hookedTally{})
}

func TestAHookAfterAWriteMayStillUndoIt(t *testing.T) {
	eachModels(t, func(t *testing.T, b *buffered) {
		require.NoError(t, b.db.Create(&afterTally{ID: 1, N: 1}).Error)
		refuses := withHook(t, b.db, func(*gorm.DB, string) error { return errHook })
		require.ErrorIs(t, refuses.Model(&afterTally{ID: 1}).Update("n", gorm.Expr("n + ?", 1)).Error, errHook)
		var read afterTally
		require.NoError(t, b.db.First(&read, 1).Error)
		require.EqualValues(t, 1, read.N)
		require.NoError(t, b.db.Session(&gorm.Session{SkipHooks: true}).Model(&read).Update("n", gorm.Expr("n + ?", 1)).Error)
		require.EqualValues(t, 1, b.stored(t, "SELECT n FROM after_tallies"), "without its hooks it waits")
		require.NoError(t, b.db.Model(&read).Update("n", gorm.Expr("n + ?", 1)).Error)
		require.EqualValues(t, 3, b.stored(t, "SELECT n FROM after_tallies"))
	}, &afterTally{})
}

func TestRowsThatAreOnlyMarkedAsDeletedAreWrittenAtOnce(t *testing.T) {
	eachModels(t, func(t *testing.T, b *buffered) {
		require.NoError(t, b.db.Create(&softTally{ID: 1, N: 1}).Error)
		require.NoError(t, b.db.Model(&softTally{ID: 1}).Update("n", gorm.Expr("n + ?", 1)).Error)
		require.EqualValues(t, 2, b.stored(t, "SELECT n FROM soft_tallies"))
		require.NoError(t, b.db.Delete(&softTally{ID: 1}).Error)
		require.ErrorIs(t, b.db.First(&softTally{}, 1).Error, gorm.ErrRecordNotFound)
	}, &softTally{})
}

func TestAKeyTheDatabaseMakesIsMadeAtTheCallAndUpdatesOfItsRowWait(t *testing.T) {
	eachModels(t, func(t *testing.T, b *buffered) {
		made := madeTally{N: 1}
		require.NoError(t, b.db.Create(&made).Error)
		require.NotZero(t, made.ID)
		require.EqualValues(t, 1, b.stored(t, "SELECT count(*) FROM made_tallies"))
		require.NoError(t, b.db.Model(&made).Update("n", gorm.Expr("n + ?", 1)).Error)
		require.EqualValues(t, 1, b.stored(t, "SELECT n FROM made_tallies"))
		require.NoError(t, b.db.Create(&madeTally{ID: 90, N: 1}).Error)
		require.EqualValues(t, 1, b.stored(t, "SELECT count(*) FROM made_tallies"))
		b.flush(t)
		require.EqualValues(t, 3, b.stored(t, "SELECT sum(n) FROM made_tallies"))
	}, &madeTally{})
}

func TestParentsComeBeforeChildrenAndTakeThemAlong(t *testing.T) {
	eachModels(t, func(t *testing.T, b *buffered) {
		require.NoError(t, b.db.Create(&pet{ID: 9, OwnerID: 8}).Error, "a foreign key is seen at the flush")
		require.NoError(t, b.db.Create(&owner{ID: 8}).Error)
		require.NoError(t, b.db.Create(&owner{ID: 1, Pets: []pet{{ID: 1}, {ID: 2}}}).Error)
		require.NoError(t, b.db.Model(&pet{ID: 1}).Update("n", gorm.Expr("n + ?", 1)).Error)
		require.NoError(t, b.db.Model(&owner{ID: 1}).Update("n", gorm.Expr("n + ?", 1)).Error)
		var read owner
		require.NoError(t, b.db.Preload("Pets").First(&read, 1).Error)
		require.Len(t, read.Pets, 2)
		require.EqualValues(t, 1, read.N)
		require.EqualValues(t, 1, read.Pets[0].N+read.Pets[1].N)
		b.flush(t)
		require.EqualValues(t, 3, b.stored(t, "SELECT count(*) FROM pets"))

		require.NoError(t, b.db.Model(&pet{ID: 1}).Update("n", gorm.Expr("n + ?", 1)).Error)
		require.NoError(t, b.db.Delete(&owner{ID: 1}).Error)
		require.ErrorIs(t, b.db.First(&pet{}, 1).Error, gorm.ErrRecordNotFound, "the parent took it along at once")
		b.flush(t)
		require.EqualValues(t, 1, b.stored(t, "SELECT count(*) FROM pets"))
	}, &owner{}, &pet{})
}

func TestARowThatTriggersChangeIsWrittenAtOnce(t *testing.T) {
	t.Parallel()
	b := openBuffered(t, testkit.PostgresDatabase(t), nil)
	b.exec(t, "CREATE FUNCTION twice() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN NEW.n := 2 * NEW.n; RETURN NEW; END'")
	b.exec(t, "CREATE TRIGGER twice BEFORE INSERT ON page_views FOR EACH ROW EXECUTE FUNCTION twice()")
	b.exec(t, "CREATE OR REPLACE FUNCTION twice() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN NEW.hits := 2 * NEW.hits; RETURN NEW; END'")
	require.NoError(t, b.db.Create(&pageView{Path: "/", Hits: 3}).Error)
	var read pageView
	require.NoError(t, b.db.First(&read, "path = ?", "/").Error)
	require.EqualValues(t, 6, read.Hits)
}

func TestAnAcknowledgementNothingCanGiveAndAMissingKeyAreErrors(t *testing.T) {
	t.Parallel()
	database := testkit.SQLiteDatabase(t)
	for want, model := range map[string]any{"ack=disk": &journaled{}, "primary key": &keyless{}} {
		require.ErrorContains(t, database.Open(t, nil).Use(cacheplugin.New(cacheplugin.WithModels(model))), want)
		db := database.Open(t, nil)
		usePlugin(t, db)
		require.ErrorContains(t, db.Create(model).Error, want)
	}
	wants := policy.Policy{Strategy: policy.WriteBack, Ack: policy.AckJournal}
	require.ErrorContains(t, database.Open(t, nil).Use(cacheplugin.New(cacheplugin.WithPolicy(&Tally{}, wants))), "ack=journal")
}
