package cacheplugin_test

import (
	"context"
	"testing"

	"github.com/stretchr/testify/require"
	"gorm.io/gorm"
	"gorm.io/gorm/clause"

	cacheplugin "github.com/cachewright/cachewright/gormplugin"
	"github.com/cachewright/cachewright/internal/testkit"
	"github.com/cachewright/cachewright/policy"
)

// Loud is compared in upper case, by an expression of its own.
type Loud string

func (l Loud) GormValue(context.Context, *gorm.DB) clause.Expr {
	return clause.Expr{SQL: "UPPER(?)", Vars: []any{string(l)}}
}

// Term is a word that is keyed by its text.
type Term struct {
	Word string `gorm:"primaryKey;size:20"`
	N    int64
}

// Logged has a value that writes a term when it is stored.
type Logged struct {
	ID    int64
	Value Logging `gorm:"type:text"`
}

// Logging writes a term while the statement it is a part of is built.
type Logging string

func (l Logging) GormValue(_ context.Context, db *gorm.DB) clause.Expr {
	_ = db.AddError(db.Session(&gorm.Session{NewDB: true}).Create(&Term{Word: "logged " + string(l)}).Error)
	return clause.Expr{SQL: "?", Vars: []any{string(l)}}
}

// eachTerms runs the test on each database, with the terms A and B, all models cached aside.
func eachTerms(t *testing.T, test func(t *testing.T, db *gorm.DB)) {
	t.Helper()
	testkit.EachDatabase(t, func(t *testing.T, database testkit.Database) {
		db := database.Open(t, nil)
		require.NoError(t, db.AutoMigrate(&Term{}, &Logged{}))
		require.NoError(t, db.Create([]Term{{Word: "A", N: 1}, {Word: "B", N: 1}}).Error)
		usePlugin(t, db, cacheplugin.WithDefaultPolicy(policy.Policy{Strategy: policy.Aside}))
		test(t, db)
	})
}

func requireTerm(t *testing.T, db *gorm.DB, word string, n int64) {
	t.Helper()
	var l Term
	require.NoError(t, db.First(&l, "word = ?", word).Error)
	require.Equal(t, n, l.N)
}

func TestAnArgumentThatIsAnExpressionNamesNoKey(t *testing.T) {
	t.Parallel()
	eachTerms(t, func(t *testing.T, db *gorm.DB) {
		requireTerm(t, db, "A", 1)
		require.NoError(t, db.Model(&Term{}).Where("word = ?", Loud("a")).Update("n", 2).Error)
		requireTerm(t, db, "A", 2)
	})
}

func TestAKeyAtTheEndOfAnExpressionIsNoCondition(t *testing.T) {
	t.Parallel()
	for _, text := range []string{"terms.n=1\nOR\nterms.word = ?", "terms.n=1\tOR\tterms.word=?", "terms.n=1/**/OR/**/terms.word = ?"} {
		eachTerms(t, func(t *testing.T, db *gorm.DB) {
			requireTerm(t, db, "B", 1)
			require.NoError(t, db.Model(&Term{}).Where(text, "A").Update("n", 2).Error)
			requireTerm(t, db, "B", 2)
		})
	}
}

func TestAStatementMayBeSentWhileAnotherIsBuilt(t *testing.T) {
	t.Parallel()
	eachTerms(t, func(t *testing.T, db *gorm.DB) {
		require.ErrorIs(t, db.First(&Term{}, "word = ?", "logged y").Error, gorm.ErrRecordNotFound)
		require.NoError(t, db.Create(&Logged{Value: "x"}).Error)
		require.NoError(t, db.Session(&gorm.Session{SkipDefaultTransaction: true}).Create(&Logged{Value: "y"}).Error)
		require.NoError(t, db.Session(&gorm.Session{SkipDefaultTransaction: true}).Model(&Logged{ID: 1}).Update("value", Logging("z")).Error)
		for _, word := range []string{"logged x", "logged y", "logged z"} {
			requireTerm(t, db, word, 0)
		}
	})
}
