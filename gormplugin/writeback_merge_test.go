package cacheplugin_test

import (
	"fmt"
	"math"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	"gorm.io/gorm"
	"gorm.io/gorm/clause"

	"github.com/cachewright/cachewright/internal/testkit"
)

// mergeTrial is a write that plain GORM and the plugin are both given.
type mergeTrial struct {
	name   string
	merged bool // acknowledged without a statement, but for a read of a row not yet known
	do     func(db *gorm.DB) *gorm.DB
}

func one(id int64) *Tally { return &Tally{ID: id} }

func mergeTrials() []mergeTrial {
	id := clause.OnConflict{Columns: []clause.Column{{Name: "id"}}}
	upsert := func(set clause.Set) clause.OnConflict { c := id; c.DoUpdates = set; return c }
	return []mergeTrial{
		{"plus", true, func(db *gorm.DB) *gorm.DB { return db.Model(one(1)).Update("n", gorm.Expr("n + ?", 3)) }},
		{"minus", true, func(db *gorm.DB) *gorm.DB { return db.Model(one(1)).Update("n", gorm.Expr("n - ?", 3)) }},
		{"plus a uint", true, func(db *gorm.DB) *gorm.DB { return db.Model(one(1)).Update("n", gorm.Expr("n + ?", uint8(3))) }},
		{"plus, tight", true, func(db *gorm.DB) *gorm.DB { return db.Model(one(1)).Update("n", gorm.Expr("n+?", 3)) }},
		{"plus, quoted and prefixed", true, func(db *gorm.DB) *gorm.DB {
			return db.Model(one(1)).Update("n", gorm.Expr(`"tallies"."n" + ?`, 3))
		}},
		{"plus by condition", true, func(db *gorm.DB) *gorm.DB {
			return db.Model(&Tally{}).Where("id = ?", 1).Update("n", gorm.Expr("n + ?", 3))
		}},
		{"plus NULL", true, func(db *gorm.DB) *gorm.DB { return db.Model(one(1)).Update("maybe", gorm.Expr("maybe + ?", 3)) }},
		{"plus on a row that is not there", true, func(db *gorm.DB) *gorm.DB {
			return db.Model(one(9)).Update("n", gorm.Expr("n + ?", 3))
		}},
		{"plus beyond the sum's smallint", true, func(db *gorm.DB) *gorm.DB {
			db.Model(one(1)).Update("small", -32768)
			db.Model(one(1)).Update("small", gorm.Expr("small + ?", 32767))
			return db.Model(one(1)).Update("small", gorm.Expr("small + ?", 32767))
		}},
		{"several columns from a map", true, func(db *gorm.DB) *gorm.DB {
			return db.Model(one(1)).Updates(map[string]any{"n": gorm.Expr("n + ?", 1), "small": gorm.Expr("small - ?", 2), "name": "map"})
		}},
		{"a struct", true, func(db *gorm.DB) *gorm.DB { return db.Model(one(1)).Updates(Tally{N: 4, Name: "struct"}) }},
		{"a struct, selected", true, func(db *gorm.DB) *gorm.DB {
			return db.Model(one(1)).Select("n", "name").Updates(Tally{Name: "zero n"})
		}},
		{"a struct, omitted", true, func(db *gorm.DB) *gorm.DB {
			return db.Model(one(1)).Omit("n").Updates(Tally{N: 4, Name: "omitted"})
		}},
		{"UpdateColumn", true, func(db *gorm.DB) *gorm.DB { return db.Model(one(1)).UpdateColumn("ratio", 0.1) }},
		{"UpdateColumns", true, func(db *gorm.DB) *gorm.DB { return db.Model(one(1)).UpdateColumns(Tally{N: 7, Ratio: -2.5}) }},
		{"NULL", true, func(db *gorm.DB) *gorm.DB { return db.Model(one(1)).Update("maybe", nil) }},
		{"delete", true, func(db *gorm.DB) *gorm.DB { return db.Delete(one(1)) }},
		{"delete by key", true, func(db *gorm.DB) *gorm.DB { return db.Delete(&Tally{}, 1) }},
		{"delete a row that is not there", true, func(db *gorm.DB) *gorm.DB { return db.Delete(&Tally{}, 9) }},
		{"create", true, func(db *gorm.DB) *gorm.DB { return db.Create(&Tally{ID: 5, N: 1, Kind: "own"}) }},
		{"create from a map", true, func(db *gorm.DB) *gorm.DB {
			return db.Model(&Tally{}).Create(map[string]any{"id": 5, "n": 1, "small": 2, "ratio": 1.0, "name": "m", "kind": "k", "edited": 3})
		}},
		{"create, update", true, func(db *gorm.DB) *gorm.DB {
			db.Create(&Tally{ID: 5, Kind: "own"})
			return db.Model(one(5)).Update("n", gorm.Expr("n + ?", 3))
		}},
		{"create, delete", true, func(db *gorm.DB) *gorm.DB {
			db.Create(&Tally{ID: 5, Kind: "own"})
			return db.Delete(one(5))
		}},
		{"delete, create", true, func(db *gorm.DB) *gorm.DB {
			db.Delete(one(1))
			return db.Create(&Tally{ID: 1, Kind: "again"})
		}},
		{"upsert that does nothing", true, func(db *gorm.DB) *gorm.DB {
			return db.Clauses(clause.OnConflict{DoNothing: true}).Create(&Tally{ID: 1, N: 99, Kind: "own"})
		}},
		{"upsert that does nothing, of a new row", true, func(db *gorm.DB) *gorm.DB {
			return db.Clauses(clause.OnConflict{DoNothing: true}).Create(&Tally{ID: 5, N: 99, Kind: "own"})
		}},
		{"upsert of named columns", true, func(db *gorm.DB) *gorm.DB {
			return db.Clauses(upsert(clause.AssignmentColumns([]string{"n", "name"}))).Create(&Tally{ID: 1, N: 99, Name: "up", Kind: "own"})
		}},
		{"upsert that adds", true, func(db *gorm.DB) *gorm.DB {
			return db.Clauses(upsert(clause.Assignments(map[string]any{"n": gorm.Expr("tallies.n + excluded.n")}))).
				Create(&Tally{ID: 1, N: 7, Kind: "own"})
		}},
		{"upsert that adds a constant", true, func(db *gorm.DB) *gorm.DB {
			return db.Clauses(upsert(clause.Assignments(map[string]any{"n": gorm.Expr("tallies.n + ?", 5)}))).
				Create(&Tally{ID: 1, N: 7, Kind: "own"})
		}},

		{"times", false, func(db *gorm.DB) *gorm.DB { return db.Model(one(1)).Update("n", gorm.Expr("n * ?", 3)) }},
		{"another column", false, func(db *gorm.DB) *gorm.DB { return db.Model(one(1)).Update("n", gorm.Expr("small + ?", 1)) }},
		{"plus a float", false, func(db *gorm.DB) *gorm.DB { return db.Model(one(1)).Update("ratio", gorm.Expr("ratio + ?", 0.5)) }},
		{"guarded", false, func(db *gorm.DB) *gorm.DB {
			return db.Model(&Tally{}).Where("id = ? AND n > ?", 1, 0).Update("n", gorm.Expr("n - ?", 1))
		}},
		{"guarded by a second condition", false, func(db *gorm.DB) *gorm.DB {
			return db.Model(one(1)).Where("n > ?", 100).Update("n", gorm.Expr("n - ?", 1))
		}},
		{"several rows", false, func(db *gorm.DB) *gorm.DB {
			return db.Model(&Tally{}).Where("id IN ?", []int64{1, 2}).Update("n", gorm.Expr("n + ?", 1))
		}},
		{"rows nobody names", false, func(db *gorm.DB) *gorm.DB { return db.Model(&Tally{}).Where("n = ?", 10).Update("n", 11) }},
		{"text too long", false, func(db *gorm.DB) *gorm.DB {
			return db.Model(one(1)).Update("name", strings.Repeat("é", 13))
		}},
		{"NULL where none may be", false, func(db *gorm.DB) *gorm.DB { return db.Model(one(1)).Update("n", nil) }},
		{"a unique column", false, func(db *gorm.DB) *gorm.DB { return db.Model(one(1)).Update("code", "c1") }},
		{"create with a unique column", false, func(db *gorm.DB) *gorm.DB {
			code := "c5"
			return db.Create(&Tally{ID: 5, Code: &code, Kind: "own"})
		}},
		{"create with a default", false, func(db *gorm.DB) *gorm.DB { return db.Create(&Tally{ID: 5}) }},
		{"create of several", false, func(db *gorm.DB) *gorm.DB {
			return db.Create([]Tally{{ID: 5, Kind: "a"}, {ID: 6, Kind: "b"}})
		}},
		{"returning", false, func(db *gorm.DB) *gorm.DB {
			return db.Model(one(1)).Clauses(clause.Returning{}).Update("n", gorm.Expr("n + ?", 1))
		}},
		{"the key", false, func(db *gorm.DB) *gorm.DB { return db.Model(one(1)).Update("id", 7) }},
		{"save", false, func(db *gorm.DB) *gorm.DB { return db.Save(&Tally{ID: 1, N: 3, Name: "saved", Kind: "own"}) }},
		{"save of a new row", false, func(db *gorm.DB) *gorm.DB { return db.Save(&Tally{ID: 5, N: 3, Name: "saved", Kind: "own"}) }},
		{"upsert of all", false, func(db *gorm.DB) *gorm.DB {
			return db.Clauses(clause.OnConflict{UpdateAll: true}).Create(&Tally{ID: 1, N: 3, Kind: "own"})
		}},
		{"a subquery", false, func(db *gorm.DB) *gorm.DB {
			return db.Model(one(1)).Update("n", db.Session(&gorm.Session{NewDB: true}).Model(&Tally{}).Select("max(n) + 1"))
		}},
	}
}

// show is a table as a test compares it, without the time of the last edit.
func show(tb testing.TB, db *gorm.DB) string {
	tb.Helper()
	var all []Tally
	require.NoError(tb, db.Order("id").Find(&all).Error)
	var b strings.Builder
	for _, t := range all {
		maybe, code := "NULL", "NULL"
		if t.Maybe != nil {
			maybe = fmt.Sprint(*t.Maybe)
		}
		if t.Code != nil {
			code = *t.Code
		}
		fmt.Fprintln(&b, t.ID, t.N, t.Small, maybe, t.Ratio, t.Name, code, t.Kind)
	}
	return b.String()
}

func TestAWriteDoesWhatPlainGORMDoesWhetherItMergesOrNot(t *testing.T) {
	eachBuffered(t, func(t *testing.T, b *buffered) {
		b.ready(t, 1, 2)
		plainDatabase := testkit.SQLiteDatabase(t)
		if b.Name == "postgres" {
			plainDatabase = testkit.PostgresDatabase(t)
		}
		plain := plainDatabase.Open(t, nil)
		require.NoError(t, plain.AutoMigrate(&Tally{}))
		for _, trial := range mergeTrials() {
			for _, known := range []bool{false, true} {
				t.Run(fmt.Sprintf("%s, known=%t", trial.name, known), func(t *testing.T) {
					b.flush(t)
					for _, db := range []*gorm.DB{b.db, plain} {
						require.NoError(t, db.Exec("DELETE FROM tallies").Error)
						require.NoError(t, db.Exec("INSERT INTO tallies (id, n, small, ratio, name, kind, edited) VALUES "+
							"(1, 10, 5, 1.5, 'seed', 'plain', 0), (2, 20, 6, 2.5, 'seed', 'plain', 0)").Error)
					}
					if known {
						require.NoError(t, b.add(1, 1).Error)
						require.NoError(t, plain.Model(one(1)).UpdateColumn("n", gorm.Expr("n + ?", 1)).Error)
					}
					b.probe.Reset()
					got, want := trial.do(b.db), trial.do(plain)
					if writes := b.probe.CountMatching(sent); trial.merged || b.Name == "sqlite" && trial.name == "text too long" {
						require.Zero(t, writes, b.probe.Calls())
					} else if want.Error == nil {
						require.NotZero(t, writes)
					}
					require.Equal(t, want.Error == nil, got.Error == nil, "want %v, got %v", want.Error, got.Error)
					require.Equal(t, want.RowsAffected, got.RowsAffected)
					for _, id := range []int64{1, 2, 5, 7} {
						var a, e Tally
						require.Equal(t, plain.First(&e, id).Error, b.db.First(&a, id).Error)
						a.Edited, e.Edited = 0, 0
						require.Equal(t, e, a)
					}
					require.Equal(t, show(t, plain), show(t, b.db))
					require.Zero(t, b.stats().Rows, "a list flushes")
					require.Equal(t, show(t, plain), show(t, b.Open(t, nil)))
				})
			}
		}
	})
}

func TestWhatDoesNotFitIsAnErrorOfTheCallThatNamesTheColumn(t *testing.T) {
	eachBuffered(t, func(t *testing.T, b *buffered) {
		b.ready(t, 1)
		require.NoError(t, b.db.Model(one(1)).UpdateColumn("n", int64(math.MaxInt64-1)).Error)
		require.NoError(t, b.add(1, 1).Error)
		got := b.add(1, 1)
		require.ErrorContains(t, got.Error, "tallies.n")
		require.Zero(t, got.RowsAffected)
		if b.Name == "postgres" {
			require.ErrorContains(t, b.db.Model(one(1)).UpdateColumn("small", 40000).Error, "tallies.small")
		}
		var kept Tally
		require.NoError(t, b.db.First(&kept, 1).Error)
		require.EqualValues(t, math.MaxInt64, kept.N)
		require.EqualValues(t, 5, kept.Small)
		b.flush(t)
		require.EqualValues(t, math.MaxInt64, b.stored(t, "SELECT n FROM tallies"))
	})
}

func TestACreateOfAKeyThatExistsIsADuplicateWhereverTheRowIs(t *testing.T) {
	eachBuffered(t, func(t *testing.T, b *buffered) {
		b.ready(t, 1)
		require.ErrorIs(t, b.db.Create(&Tally{ID: 1, Kind: "own"}).Error, gorm.ErrDuplicatedKey)
		require.NoError(t, b.db.Create(&Tally{ID: 2, Kind: "own"}).Error)
		require.ErrorIs(t, b.db.Create(&Tally{ID: 2, Kind: "own"}).Error, gorm.ErrDuplicatedKey)
		require.NoError(t, b.db.Delete(one(2)).Error)
		require.NoError(t, b.db.Create(&Tally{ID: 2, N: 4, Kind: "own"}).Error)
		require.EqualValues(t, 1, b.stored(t, "SELECT count(*) FROM tallies"))
		b.flush(t)
		require.EqualValues(t, 4, b.stored(t, "SELECT n FROM tallies WHERE id = 2"))
	})
}

func TestACreateThatIsDeletedAgainIsNeverSent(t *testing.T) {
	eachBuffered(t, func(t *testing.T, b *buffered) {
		b.ready(t)
		require.NoError(t, b.db.Create(&Tally{ID: 3, Kind: "own"}).Error)
		require.NoError(t, b.add(3, 1).Error)
		require.NoError(t, b.db.Delete(one(3)).Error)
		require.ErrorIs(t, b.db.First(&Tally{}, 3).Error, gorm.ErrRecordNotFound)
		b.flush(t)
		require.Zero(t, b.probe.CountMatching(sent), b.probe.Calls())
	})
}
