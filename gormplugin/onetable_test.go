package cacheplugin_test

import (
	"testing"

	"github.com/stretchr/testify/require"
	"gorm.io/gorm"
	"gorm.io/gorm/clause"

	cacheplugin "github.com/cachewright/cachewright/gormplugin"
	"github.com/cachewright/cachewright/internal/testkit"
	"github.com/cachewright/cachewright/policy"
)

// Speaker speaks languages.
type Speaker struct {
	ID        int64
	Code      string `gorm:"uniqueIndex;size:20"`
	Name      string
	DeletedAt gorm.DeletedAt
	Languages []Language `gorm:"many2many:speaker_languages"`
}

// CodedSpeaker is a speaker known by another key.
type CodedSpeaker struct {
	Code string `gorm:"primaryKey"`
	Name string
}

func (CodedSpeaker) TableName() string { return "speakers" }

// PastSpeaker is a speaker who may be deleted, and is read all the same.
type PastSpeaker struct {
	ID   int64
	Name string
}

func (PastSpeaker) TableName() string { return "speakers" }

// Language is spoken. Its side of the join table has the key's columns in the other order.
type Language struct {
	ID       int64
	Speakers []Speaker `gorm:"many2many:speaker_languages"`
}

// SpeakerLanguage is a row of the join table.
type SpeakerLanguage struct {
	SpeakerID  int64 `gorm:"primaryKey;autoIncrement:false"`
	LanguageID int64 `gorm:"primaryKey;autoIncrement:false"`
}

// Reading has a key that is none in the database.
type Reading struct {
	Sensor int64 `gorm:"primaryKey;autoIncrement:false"`
	Value  int64
}

// eachSpeakers runs the test on each database, all models cached aside and write-through, with the speakers 1 and 2, whose codes
// are each other's numbers, and two languages.
func eachSpeakers(t *testing.T, test func(t *testing.T, db, plain *gorm.DB)) {
	t.Helper()
	for _, strategy := range []policy.Strategy{policy.Aside, policy.WriteThrough} {
		t.Run(strategy.String(), func(t *testing.T) {
			testkit.EveryDatabase(t, func(t *testing.T, database testkit.Database) {
				plain := database.Open(t, nil)
				require.NoError(t, plain.AutoMigrate(&Speaker{}, &Language{}))
				require.NoError(t, plain.Exec("CREATE TABLE readings (sensor bigint, value bigint)").Error)
				require.NoError(t, plain.Create([]Speaker{{ID: 1, Code: "2", Name: "one"}, {ID: 2, Code: "1", Name: "two"}}).Error)
				require.NoError(t, plain.Create([]Language{{ID: 1}, {ID: 2}}).Error)
				db := database.Open(t, nil)
				usePlugin(t, db, cacheplugin.WithDefaultPolicy(policy.Policy{Strategy: strategy}))
				test(t, db, plain)
			})
		})
	}
}

func TestAWriteByAnotherKeyMovesTheRow(t *testing.T) {
	t.Parallel()
	eachSpeakers(t, func(t *testing.T, db, _ *gorm.DB) {
		require.NoError(t, db.First(&Speaker{}, 2).Error)
		require.NoError(t, db.Model(&CodedSpeaker{Code: "1"}).Update("name", "new").Error)
		var s Speaker
		require.NoError(t, db.First(&s, 2).Error)
		require.Equal(t, "new", s.Name)
	})
}

func TestARowByAnotherKeyIsAnotherRow(t *testing.T) {
	t.Parallel()
	eachSpeakers(t, func(t *testing.T, db, _ *gorm.DB) {
		require.NoError(t, db.First(&Speaker{}, 1).Error)
		var s CodedSpeaker
		require.NoError(t, db.First(&s, "code = ?", "1").Error)
		require.Equal(t, "two", s.Name)
	})
}

func TestBothSidesOfAJoinTableWriteTheSameRows(t *testing.T) {
	t.Parallel()
	eachSpeakers(t, func(t *testing.T, db, _ *gorm.DB) {
		find := func(speaker, language int64) error {
			return db.First(&SpeakerLanguage{}, "speaker_id = ? AND language_id = ?", speaker, language).Error
		}
		require.ErrorIs(t, find(1, 2), gorm.ErrRecordNotFound)
		require.NoError(t, db.Model(&Language{ID: 2}).Association("Speakers").Append(&Speaker{ID: 1}))
		require.NoError(t, find(1, 2))
		require.ErrorIs(t, find(2, 1), gorm.ErrRecordNotFound)
		require.NoError(t, db.Model(&Speaker{ID: 1}).Association("Languages").Clear())
		require.ErrorIs(t, find(1, 2), gorm.ErrRecordNotFound)
	})
}

func TestEachStructSeesTheRowsThatAreDeletedForIt(t *testing.T) {
	t.Parallel()
	eachSpeakers(t, func(t *testing.T, db, plain *gorm.DB) {
		require.NoError(t, plain.Delete(&Speaker{}, 1).Error)
		require.ErrorIs(t, db.First(&Speaker{}, 1).Error, gorm.ErrRecordNotFound)
		require.NoError(t, db.First(&PastSpeaker{}, 1).Error)
		require.NoError(t, db.Delete(&Speaker{}, 2).Error)
		require.NoError(t, db.First(&PastSpeaker{}, 2).Error)
		require.ErrorIs(t, db.First(&Speaker{}, 2).Error, gorm.ErrRecordNotFound)
		require.NoError(t, db.Unscoped().First(&Speaker{}, 2).Error)
	})
}

func TestAKeyThatIsNoneInTheDatabaseMayHaveSeveralRows(t *testing.T) {
	t.Parallel()
	eachSpeakers(t, func(t *testing.T, db, plain *gorm.DB) {
		require.NoError(t, plain.Create([]Reading{{1, 10}, {1, 20}}).Error)
		require.NoError(t, db.First(&Reading{}, 1).Error)
		var all []Reading
		require.NoError(t, db.Find(&all, 1).Error)
		require.Len(t, all, 2)
	})
}

func TestARowThatAnotherReplacesIsGone(t *testing.T) {
	t.Parallel()
	eachSpeakers(t, func(t *testing.T, db, plain *gorm.DB) {
		if db.Name() != "sqlite" {
			t.Skip("SQLite's OR REPLACE")
		}
		require.NoError(t, db.First(&Speaker{}, 2).Error)
		require.NoError(t, db.Clauses(clause.Update{Modifier: "OR REPLACE"}).Model(&Speaker{ID: 1}).Update("code", "1").Error)
		require.ErrorIs(t, db.First(&Speaker{}, 2).Error, gorm.ErrRecordNotFound)
		require.NoError(t, db.First(&Speaker{}, 1).Error)
		require.NoError(t, db.Clauses(clause.Insert{Modifier: "OR REPLACE"}).Create(&Speaker{ID: 3, Code: "1"}).Error)
		require.ErrorIs(t, db.First(&Speaker{}, 1).Error, gorm.ErrRecordNotFound)
	})
}

func TestASoftDeleteMayLookAtOtherTables(t *testing.T) {
	t.Parallel()
	eachSpeakers(t, func(t *testing.T, db, _ *gorm.DB) {
		if db.Name() == "mysql" {
			t.Skip("has no UPDATE FROM")
		}
		require.NoError(t, db.First(&Speaker{}, 2).Error)
		others := clause.From{Tables: []clause.Table{{Name: "languages"}}}
		require.NoError(t, db.Clauses(others).Where("speakers.id = languages.id AND languages.id = 2").Delete(&Speaker{}).Error)
		require.ErrorIs(t, db.First(&Speaker{}, 2).Error, gorm.ErrRecordNotFound)
	})
}
