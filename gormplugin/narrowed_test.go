package cacheplugin_test

import (
	"fmt"
	"testing"

	"github.com/stretchr/testify/require"
	"gorm.io/gorm"
	"gorm.io/gorm/clause"

	cacheplugin "github.com/cachewright/cachewright/gormplugin"
	"github.com/cachewright/cachewright/internal/switches"
	"github.com/cachewright/cachewright/internal/testkit"
	"github.com/cachewright/cachewright/policy"
)

// billWrite is a write of bills of user 8, or of 7 and 8, and the users whose answers are hits after it.
type billWrite struct {
	name string
	hits []int64
	do   func(db *gorm.DB) error
}

var (
	others = []int64{7, 9}
	third  = []int64{9}
	none   = []int64(nil)
)

func billWrites() []billWrite {
	return []billWrite{
		{"create", others, func(db *gorm.DB) error { return db.Create(&Bill{UserID: 8}).Error }},
		{"create with a key", others, func(db *gorm.DB) error { return db.Create(&Bill{ID: 500, UserID: 8}).Error }},
		{"create many", third, func(db *gorm.DB) error { return db.Create([]Bill{{UserID: 8}, {UserID: 7}, {UserID: 10}}).Error }},
		{"update by key", others, func(db *gorm.DB) error { return db.Model(&Bill{ID: 80}).Update("total", 5).Error }},
		{"update by key and condition", others, func(db *gorm.DB) error {
			return db.Model(&Bill{}).Where("id = ? AND status = ?", 80, "open").Updates(map[string]any{"total": gorm.Expr("total + 1"), "status": "late"}).Error
		}},
		{"update of no row", []int64{7, 8, 9}, func(db *gorm.DB) error { return db.Model(&Bill{ID: 4711}).Update("total", 5).Error }},
		{"update by condition", others, func(db *gorm.DB) error {
			return db.Model(&Bill{}).Where("user_id = ?", 8).Update("status", "void").Error
		}},
		{"update of all", none, func(db *gorm.DB) error { return db.Model(&Bill{}).Where("1 = 1").Update("status", "void").Error }},
		{"soft delete", others, func(db *gorm.DB) error { return db.Delete(&Bill{ID: 80}).Error }},
		{"soft delete by condition", others, func(db *gorm.DB) error { return db.Delete(&Bill{}, "user_id = ?", 8).Error }},
		{"delete", others, func(db *gorm.DB) error { return db.Unscoped().Delete(&Bill{ID: 80}).Error }},
		{"delete by condition", third, func(db *gorm.DB) error {
			return db.Unscoped().Delete(&Bill{}, "user_id IN ?", []int64{7, 8}).Error
		}},
		{"delete with RETURNING", others, func(db *gorm.DB) error {
			var gone []Bill
			return db.Unscoped().Clauses(clause.Returning{}).Where("user_id = ?", 8).Delete(&gone).Error
		}},
		{"update with RETURNING", others, func(db *gorm.DB) error {
			return db.Model(&Bill{ID: 80}).Clauses(clause.Returning{Columns: []clause.Column{{Name: "total"}}}).Update("total", 5).Error
		}},
		{"upsert that does nothing", others, func(db *gorm.DB) error {
			return db.Clauses(clause.OnConflict{DoNothing: true}).Create([]Bill{{ID: 70, UserID: 9}, {ID: 501, UserID: 8}}).Error
		}},
		{"upsert of another column", others, func(db *gorm.DB) error {
			return db.Clauses(clause.OnConflict{Columns: []clause.Column{{Name: "id"}}, DoUpdates: clause.AssignmentColumns([]string{"total"})}).
				Create([]Bill{{ID: 80, UserID: 9, Total: 6}, {ID: 502, UserID: 8}}).Error
		}},
		{"a transaction", third, func(db *gorm.DB) error {
			return db.Transaction(func(tx *gorm.DB) error {
				if err := tx.Model(&Bill{ID: 80}).Update("total", 5).Error; err != nil {
					return err
				}
				return tx.Create(&Bill{UserID: 7}).Error
			})
		}},
		{"a rollback", []int64{7, 8, 9}, func(db *gorm.DB) error {
			tx := db.Begin()
			if err := tx.Model(&Bill{ID: 80}).Update("total", 5).Error; err != nil {
				return err
			}
			return tx.Rollback().Error
		}},

		// The value that was there is not returned.
		{"update of the column", none, func(db *gorm.DB) error { return db.Model(&Bill{ID: 80}).Update("user_id", 7).Error }},
		{"update of the column by condition", none, func(db *gorm.DB) error {
			return db.Model(&Bill{}).Where("user_id = ?", 8).Update("user_id", 7).Error
		}},
		{"upsert of all columns", none, func(db *gorm.DB) error {
			return db.Clauses(clause.OnConflict{UpdateAll: true}).Create(&Bill{ID: 80, UserID: 7}).Error
		}},
		{"save", none, func(db *gorm.DB) error { return db.Save(&Bill{ID: 80, UserID: 7}).Error }},

		// Nobody looks at the rows.
		{"raw SQL", none, func(db *gorm.DB) error { return db.Exec("UPDATE bills SET total = 9 WHERE id = ?", 80).Error }},
		{"update of the key", none, func(db *gorm.DB) error { return db.Model(&Bill{}).Where("id = ?", 80).Update("id", 503).Error }},
		{"an autocommit update", none, func(db *gorm.DB) error {
			return db.Session(&gorm.Session{SkipDefaultTransaction: true}).Model(&Bill{ID: 80}).Update("total", 5).Error
		}},
		{"update of NULL", others, func(db *gorm.DB) error { return db.Model(&Bill{ID: 80}).Update("payer", nil).Error }},
	}
}

func TestAWriteMovesOnlyTheQueriesOfItsValues(t *testing.T) {
	t.Parallel()
	eachBills(t, func(b *bills) {
		for _, w := range billWrites() {
			b.Run(w.name, func(b *bills) {
				b.warm()
				b.do(w)
				if hits := b.right(); !b.coarser(w) {
					require.Equal(b.t, w.hits, hits)
				}
			})
		}
	})
}

// Run runs a part of a test on tables as they were in the beginning.
func (b *bills) Run(name string, f func(b *bills)) {
	b.t.Helper()
	b.t.Run(name, func(t *testing.T) {
		part := *b
		part.t = t
		var was []Bill
		require.NoError(t, b.plain.Unscoped().Find(&was).Error)
		f(&part)
		require.NoError(t, b.plain.Exec("DELETE FROM bills").Error)
		require.NoError(t, b.plain.Create(was).Error)
		require.NoError(t, b.plugin.Invalidate(t.Context(), &Bill{}))
	})
}

func (b *bills) do(w billWrite) {
	b.t.Helper()
	require.NoError(b.t, w.do(b.WithContext(b.t.Context())))
}

// coarser is true of writes that a write-through table does in another way: outside a transaction they get one.
func (b *bills) coarser(w billWrite) bool {
	m := cacheplugin.Policy(b.plugin, b.DB, &Bill{})
	return m == policy.WriteThrough && w.name == "an autocommit update"
}

func TestTheOldValueIsThatOfTheRowInTheCache(t *testing.T) {
	t.Parallel()
	eachBills(t, func(b *bills) {
		for _, w := range []billWrite{
			{"update", third, func(db *gorm.DB) error { return db.Model(&Bill{ID: 80}).Update("user_id", 7).Error }},
			{"save", third, func(db *gorm.DB) error { return db.Save(&Bill{ID: 80, UserID: 7}).Error }},
			{"save as it is", others, func(db *gorm.DB) error { return db.Save(&Bill{ID: 80, UserID: 8, Total: 4}).Error }},
			{"upsert", third, func(db *gorm.DB) error {
				return db.Clauses(clause.OnConflict{UpdateAll: true}).Create(&Bill{ID: 80, UserID: 7}).Error
			}},
			{"update twice", none, func(db *gorm.DB) error {
				return db.Transaction(func(tx *gorm.DB) error {
					if err := tx.Model(&Bill{ID: 80}).Update("user_id", 9).Error; err != nil {
						return err
					}
					return tx.Model(&Bill{ID: 80}).Update("user_id", 7).Error
				})
			}},
			{"update and soft delete", third, func(db *gorm.DB) error {
				return db.Transaction(func(tx *gorm.DB) error {
					if err := tx.Model(&Bill{ID: 80}).Update("user_id", 7).Error; err != nil {
						return err
					}
					return tx.Delete(&Bill{ID: 80}).Error
				})
			}},
			{"update of two of which one is there", none, func(db *gorm.DB) error {
				return db.Model(&Bill{}).Where("id IN ?", []int64{80, 81}).Update("user_id", 7).Error
			}},
		} {
			b.Run(w.name, func(b *bills) {
				b.warm()
				var row Bill
				require.NoError(b.t, b.DB.First(&row, 80).Error)
				b.do(w)
				require.Equal(b.t, w.hits, b.right())
			})
		}
	})
}

func TestInvalidateMovesTheQueriesOfEveryValue(t *testing.T) {
	t.Parallel()
	eachBills(t, func(b *bills) {
		b.warm()
		require.NoError(b.t, b.plain.Model(&Bill{ID: 80}).Update("user_id", 7).Error)
		require.NoError(b.t, b.plugin.Invalidate(b.t.Context(), &Bill{}, 80))
		require.Empty(b.t, b.right())
	})
}

func TestAPageOfOneUsersBillsStandsOnThatUser(t *testing.T) {
	t.Parallel()
	eachBills(t, func(b *bills) {
		for name, read := range map[string]func(db *gorm.DB){
			"find": func(db *gorm.DB) { require.NoError(b.t, db.Where("user_id = ?", 7).Find(&[]Bill{}).Error) },
			"count": func(db *gorm.DB) {
				require.NoError(b.t, db.Model(&Bill{}).Where(&Bill{UserID: 7}).Count(new(int64)).Error)
			},
			"scan": func(db *gorm.DB) {
				require.NoError(b.t, db.Model(&Bill{}).Where("user_id = ?", 7).Scan(&[]Bill{}).Error)
			},
			"bypass": func(db *gorm.DB) {
				require.NoError(b.t, db.WithContext(cacheplugin.Bypass(db.Statement.Context)).Where("user_id = ?", 7).Find(&[]Bill{}).Error)
			},
		} {
			for range 2 { // a miss, a hit
				ctx, deps := b.plugin.Engine().Collect(b.t.Context())
				read(b.WithContext(ctx))
				require.Empty(b.t, deps.Notes(), name)
				b.do(billWrite{do: func(db *gorm.DB) error { return db.Model(&Bill{ID: 80}).Update("total", gorm.Expr("total + 1")).Error }})
				require.True(b.t, b.plugin.Engine().Valid(deps.Stamps()), name)
				b.do(billWrite{do: func(db *gorm.DB) error { return db.Create(&Bill{UserID: 7}).Error }})
				require.False(b.t, b.plugin.Engine().Valid(deps.Stamps()), name)
			}
		}
	})
}

// TestSeveralColumnsAreNarrowedOn has queries on columns of other types, each moved by its own values.
func TestSeveralColumnsAreNarrowedOn(t *testing.T) {
	t.Parallel()
	eachBills(t, func(b *bills) {
		payer := int64(7)
		ask := func(condition string, arg any) (hit bool) {
			var found, want []Bill
			b.probe.Reset()
			require.NoError(b.t, b.DB.Where(condition, arg).Order("id").Find(&found).Error)
			hit = len(b.probe.Statements()) == 0
			require.NoError(b.t, b.plain.Where(condition, arg).Order("id").Find(&want).Error)
			require.Equal(b.t, normal(want), normal(found), condition)
			return hit
		}
		all := func() (hits string) {
			for _, q := range []struct {
				name, condition string
				arg             any
			}{
				{"user ", "user_id = ?", 7},
				{"open ", "status = ?", "open"},
				{"paid ", "? = status", "paid"},
				{"payer ", "payer = ?", &payer},
				{"both ", "user_id = ? AND status = 'paid'", 8},
			} {
				if ask(q.condition, q.arg) {
					hits += q.name
				}
			}
			return hits
		}
		for range 2 {
			all()
		}
		require.Equal(b.t, "user open paid payer both ", all())
		b.do(billWrite{do: func(db *gorm.DB) error { return db.Create(&Bill{UserID: 10, Status: "void"}).Error }})
		require.Equal(b.t, "user open paid payer both ", all())
		b.do(billWrite{do: func(db *gorm.DB) error { return db.Create(&Bill{UserID: 10, Status: "open"}).Error }})
		require.Equal(b.t, "user paid payer both ", all())
		b.do(billWrite{do: func(db *gorm.DB) error { return db.Model(&Bill{ID: 81}).Update("total", 3).Error }})
		require.Equal(b.t, "user open payer ", all())
		require.NoError(b.t, b.DB.First(&Bill{}, 70).Error)
		b.do(billWrite{do: func(db *gorm.DB) error { return db.Model(&Bill{ID: 70}).Update("payer", nil).Error }})
		require.Equal(b.t, "paid both ", all())
	})
}

func TestNoMoreColumnsThanThereAreNumbersAreNarrowedOn(t *testing.T) {
	t.Parallel()
	db, probe := testkit.SQLiteDatabase(t).OpenCounted(t, nil)
	plugin := usePlugin(t, db, cacheplugin.WithDefaultPolicy(policy.Policy{Strategy: policy.Aside}))
	columns := "id integer primary key"
	for i := range 10 {
		columns += fmt.Sprintf(", c%d integer", i)
	}
	require.NoError(t, db.Exec("CREATE TABLE wides ("+columns+")").Error)
	type Wide struct{ ID, C0, C1, C2, C3, C4, C5, C6, C7, C8, C9 int64 }
	ask := func(i int) bool {
		probe.Reset()
		require.NoError(t, db.Where(fmt.Sprintf("c%d = ?", i), 1).Find(&[]Wide{}).Error)
		return len(probe.Statements()) == 0
	}
	for i := range 10 {
		ask(i)
		require.True(t, ask(i))
	}
	require.Equal(t, []string{"c0", "c1", "c2", "c3", "c4", "c5", "c6", "c7"}, cacheplugin.NarrowedColumns(plugin, "wides"))
	require.NoError(t, db.Create(&Wide{ID: 5, C3: 1}).Error)
	for i := range 10 {
		require.Equal(t, i < 8 && i != 3, ask(i), i)
	}
}

func TestAFirstQueryOfAColumnIsSafeFromAWriteUnderWay(t *testing.T) {
	scenario := func(t *testing.T) []int64 {
		t.Helper()
		b := openBills(t, testkit.SQLiteDatabase(t), policy.Aside, nil)
		b.warm()
		b.probe.Reset()
		tx := b.Begin()
		require.NoError(t, tx.Model(&Bill{ID: 80}).Update("status", "late").Error) // knows of user_id alone
		late := func() (ids []int64) {
			require.NoError(t, b.DB.Model(&Bill{}).Where("status = ?", "late").Pluck("id", &ids).Error)
			return ids
		}
		require.Empty(t, late())
		require.NoError(t, tx.Commit().Error)
		return late()
	}
	t.Run("with the rule", func(t *testing.T) { require.Equal(t, []int64{80}, scenario(t)) })
	t.Run("without it", func(t *testing.T) {
		switches.Disable(t, switches.UntoldMoves)
		require.Empty(t, scenario(t))
	})
}

func TestAValueThatIsNotMovedIsServedStale(t *testing.T) {
	switches.Disable(t, switches.ValueMoves)
	b := openBills(t, testkit.SQLiteDatabase(t), policy.Aside, nil)
	b.warm()
	require.NoError(t, b.DB.Create(&Bill{UserID: 8}).Error)
	found, asked := b.of(8)
	require.Zero(t, asked)
	require.Len(t, found, 2, "and there are three")
}

// TestTheOldValueMovesToo moves a bill from one user to another: the first must lose it.
func TestTheOldValueMovesToo(t *testing.T) {
	scenario := func(t *testing.T) int {
		t.Helper()
		b := openBills(t, testkit.SQLiteDatabase(t), policy.Aside, nil)
		b.warm()
		require.NoError(t, b.DB.First(&Bill{}, 80).Error)
		require.NoError(t, b.DB.Model(&Bill{ID: 80}).Update("user_id", 7).Error)
		found, _ := b.of(8)
		return len(found)
	}
	t.Run("with the rule", func(t *testing.T) { require.Equal(t, 1, scenario(t)) })
	t.Run("without it", func(t *testing.T) {
		switches.Disable(t, switches.OldValueAsked)
		require.Equal(t, 2, scenario(t))
	})
}

// TestARowInTheCacheThatIsStaleIsNoOldValue moves a bill from 8 to 9 by SQL, which leaves the entry of the row behind, and then
// from 9 to 7.
func TestARowInTheCacheThatIsStaleIsNoOldValue(t *testing.T) {
	scenario := func(t *testing.T) int {
		t.Helper()
		b := openBills(t, testkit.SQLiteDatabase(t), policy.Aside, nil)
		require.NoError(t, b.DB.First(&Bill{}, 80).Error)
		require.NoError(t, b.DB.Exec("UPDATE bills SET user_id = 9 WHERE id = 80").Error)
		b.warm()
		require.NoError(t, b.DB.Model(&Bill{ID: 80}).Update("user_id", 7).Error)
		found, _ := b.of(9)
		return len(found)
	}
	t.Run("with the rule", func(t *testing.T) { require.Equal(t, 2, scenario(t)) })
	t.Run("without it", func(t *testing.T) {
		switches.Disable(t, switches.OldValueChecked)
		require.Equal(t, 3, scenario(t))
	})
}

// TestATableWithTriggersIsNotNarrowed has a trigger hand a bill to another user when its total changes.
func TestATableWithTriggersIsNotNarrowed(t *testing.T) {
	scenario := func(t *testing.T) int {
		t.Helper()
		b := openBills(t, testkit.SQLiteDatabase(t), policy.Aside, nil)
		require.NoError(t, b.plain.Exec(`CREATE TRIGGER hand_over AFTER UPDATE OF total ON bills
			BEGIN UPDATE bills SET user_id = 9 WHERE id = NEW.id; END`).Error)
		b.use(policy.Aside, nil, cacheplugin.WithTriggerTables(&Bill{}))
		b.warm()
		require.NoError(t, b.DB.Model(&Bill{ID: 80}).Update("total", 1).Error)
		found, _ := b.of(9)
		return len(found)
	}
	t.Run("with the rule", func(t *testing.T) { require.Equal(t, 3, scenario(t)) })
	t.Run("without it", func(t *testing.T) {
		switches.Disable(t, switches.NarrowTriggers)
		require.Equal(t, 2, scenario(t))
	})
}

func TestAColumnDroppedElsewhereCostsOneWriteAtMost(t *testing.T) {
	t.Parallel()
	eachBills(t, func(b *bills) {
		var found []Bill
		require.NoError(b.t, b.Where("payer = ?", 7).Find(&found).Error)
		require.Len(b.t, found, 1)
		require.NoError(b.t, b.plain.Exec("ALTER TABLE bills DROP COLUMN payer").Error)
		total := func(n int64) error { return b.Model(&Bill{ID: 70}).Update("total", n).Error }
		if err := total(5); err != nil { // the write that learns of it
			require.ErrorContains(b.t, err, "payer")
		}
		require.NoError(b.t, total(6))
		var now int64
		require.NoError(b.t, b.plain.Model(&Bill{}).Where("id = 70").Pluck("total", &now).Error)
		require.EqualValues(b.t, 6, now)
	})
}

func TestColumnsOfOtherKindsAreNotNarrowedOn(t *testing.T) {
	t.Parallel()
	testkit.EachDatabase(t, func(t *testing.T, database testkit.Database) {
		db := database.Open(t, nil)
		float, folding := "real", "text COLLATE NOCASE"
		if database.Name == "postgres" {
			float, folding = "double precision", "char(3)"
		}
		require.NoError(t, db.Exec("CREATE TABLE oddments (id integer primary key, n integer, twice integer GENERATED ALWAYS AS (n * 2) STORED, "+
			"price "+float+", name "+folding+", plain text)").Error)
		type Oddment struct {
			ID, N, Twice int64
			Price        float64
			Name, Plain  string
		}
		plugin := usePlugin(t, db, cacheplugin.WithDefaultPolicy(policy.Policy{Strategy: policy.Aside}))
		for condition, arg := range map[string]any{
			"twice = ?": 4, "price = ?": 1, "name = ?": "a", "n > ?": 1, "n = ? OR n = 2": 1, "n + 0 = ?": 1, "n IS ?": nil, "plain = ?": nil,
			"plain LIKE ?": "a",
		} {
			if database.Name == "postgres" && condition == "n IS ?" {
				condition = "n = ?"
			}
			require.NoError(t, db.Where(condition, arg).Find(&[]Oddment{}).Error, condition)
		}
		require.Empty(t, cacheplugin.NarrowedColumns(plugin, "oddments"))
		require.NoError(t, db.Where("n = ?", 1).Find(&[]Oddment{}).Error)
		require.NoError(t, db.Where("plain = ?", "a").Find(&[]Oddment{}).Error)
		require.Equal(t, []string{"n", "plain"}, cacheplugin.NarrowedColumns(plugin, "oddments"))
	})
}
