package cacheplugin_test

import (
	"fmt"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"gorm.io/gorm"
	"gorm.io/gorm/clause"

	"github.com/cachewright/cachewright/internal/testkit"
)

// AsideOrder is an Order cached aside.
type AsideOrder struct {
	_         struct{} `cache:"aside"`
	ID        int64
	Code      string  `gorm:"uniqueIndex:idx_aside_code"`
	Total     float64 `gorm:"type:numeric(10,2)"`
	State     string  `gorm:"default:open"`
	Quantity  int64
	UpdatedAt time.Time
	DeletedAt gorm.DeletedAt `gorm:"index:idx_aside_deleted"`
}

func TestCallersStructsEndAsPlainGORMLeavesThem(t *testing.T) {
	t.Parallel()
	t.Run("write-through", func(t *testing.T) { t.Parallel(); comparePlain(t, func(o Order) Order { return o }) })
	t.Run("aside", func(t *testing.T) { t.Parallel(); comparePlain(t, func(o Order) AsideOrder { return AsideOrder(o) }) })
}

// comparePlain does the same with and without the plugin, on two databases of the same kind, and compares all the
// application can see: its structs, RowsAffected, errors, and what is stored in the end.
func comparePlain[T any](t *testing.T, from func(Order) T) {
	t.Helper()
	one := func(o Order) *T { v := from(o); return &v }
	many := func(os ...Order) *[]T {
		all := make([]T, 0, len(os))
		for _, o := range os {
			all = append(all, from(o))
		}
		return &all
	}
	type step struct {
		name string
		do   func(db *gorm.DB) (*gorm.DB, any)
	}
	on := func(v any, f func(db *gorm.DB, v any) *gorm.DB) func(*gorm.DB) (*gorm.DB, any) {
		return func(db *gorm.DB) (*gorm.DB, any) { return f(db, v), v }
	}
	steps := func() []step {
		key := clause.OnConflict{Columns: []clause.Column{{Name: "id"}}, DoUpdates: clause.AssignmentColumns([]string{"quantity", "state"})}
		code := clause.OnConflict{Columns: []clause.Column{{Name: "code"}}, DoUpdates: clause.AssignmentColumns([]string{"quantity"})}
		return []step{
			{"create with a key", on(one(Order{ID: 1, Code: "a", Total: 1.005}), func(db *gorm.DB, v any) *gorm.DB { return db.Create(v) })},
			{"create a batch", on(many(Order{ID: 2, Code: "b"}, Order{ID: 3, Code: "c", State: "paid"}), func(db *gorm.DB, v any) *gorm.DB { return db.Create(v) })},
			{"create without a key", on(one(Order{Code: "d", Total: 2.345}), func(db *gorm.DB, v any) *gorm.DB {
				return db.Clauses(clause.OnConflict{DoNothing: true}).Create(v)
			})},
			{"create what is there", on(one(Order{ID: 1, Code: "zz"}), func(db *gorm.DB, v any) *gorm.DB { return db.Create(v) })},
			{"create without columns", on(one(Order{Code: "e", Total: 4, Quantity: 5}), func(db *gorm.DB, v any) *gorm.DB {
				return db.Omit("Total").Create(v)
			})},
			{"create a map", on(map[string]any{"id": 20, "code": "m"}, func(db *gorm.DB, v any) *gorm.DB {
				return db.Model(one(Order{})).Create(v)
			})},
			{"upsert", on(one(Order{ID: 2, Code: "new", Quantity: 7}), func(db *gorm.DB, v any) *gorm.DB { return db.Clauses(key).Create(v) })},
			{"upsert by another unique key", on(one(Order{ID: 99, Code: "b", Quantity: 8}), func(db *gorm.DB, v any) *gorm.DB {
				return db.Clauses(code).Create(v)
			})},
			{"upsert without a key", on(one(Order{Code: "b", Quantity: 9}), func(db *gorm.DB, v any) *gorm.DB { return db.Clauses(code).Create(v) })},
			{"upsert of all", on(one(Order{ID: 3, Code: "cc"}), func(db *gorm.DB, v any) *gorm.DB {
				return db.Clauses(clause.OnConflict{UpdateAll: true}).Create(v)
			})},
			{"upsert that does nothing", on(one(Order{ID: 3, Code: "x"}), func(db *gorm.DB, v any) *gorm.DB {
				return db.Clauses(clause.OnConflict{DoNothing: true}).Create(v)
			})},
			{"save", on(one(Order{ID: 1, Code: "aa", Total: 3.333, Quantity: 1}), func(db *gorm.DB, v any) *gorm.DB { return db.Save(v) })},
			{"save what is not there", on(one(Order{ID: 30, Code: "n"}), func(db *gorm.DB, v any) *gorm.DB { return db.Save(v) })},
			{"save several", on(many(Order{ID: 1, Code: "aaa"}, Order{ID: 31, Code: "o"}), func(db *gorm.DB, v any) *gorm.DB { return db.Save(v) })},
			{"update", on(one(Order{ID: 1}), func(db *gorm.DB, v any) *gorm.DB { return db.Model(v).Update("total", 7.777) })},
			{"update from a map", on(one(Order{ID: 1}), func(db *gorm.DB, v any) *gorm.DB {
				return db.Model(v).Updates(map[string]any{"total": 6.666, "quantity": gorm.Expr("quantity + ?", 1)})
			})},
			{"update from a struct", on(one(Order{ID: 1}), func(db *gorm.DB, v any) *gorm.DB {
				return db.Model(v).Select("quantity", "state").Updates(one(Order{Quantity: 4, Total: 1}))
			})},
			{"update by an expression", on(one(Order{ID: 1}), func(db *gorm.DB, v any) *gorm.DB {
				return db.Model(v).Update("quantity", gorm.Expr("quantity * 2"))
			})},
			{"update that returns all", on(one(Order{ID: 1}), func(db *gorm.DB, v any) *gorm.DB {
				return db.Model(v).Clauses(clause.Returning{}).Update("total", 5.555)
			})},
			{"update that returns a column", on(one(Order{ID: 1}), func(db *gorm.DB, v any) *gorm.DB {
				return db.Model(v).Clauses(clause.Returning{Columns: []clause.Column{{Name: "total"}}}).Update("total", 5.444)
			})},
			{"update of many that returns all", on(many(), func(db *gorm.DB, v any) *gorm.DB {
				return db.Model(v).Clauses(clause.Returning{}).Where("id IN ?", []int64{1, 2, 3}).Update("quantity", 11)
			})},
			{"update of many into a struct", on(one(Order{}), func(db *gorm.DB, v any) *gorm.DB {
				return db.Model(v).Where("id < ?", 3).Update("quantity", 12)
			})},
			{"update that meets nothing", on(one(Order{ID: 500}), func(db *gorm.DB, v any) *gorm.DB { return db.Model(v).Update("total", 1) })},
			{"update of everything", on(one(Order{}), func(db *gorm.DB, v any) *gorm.DB { return db.Model(v).Update("total", 1) })},
			{"update of everything, allowed", on(one(Order{}), func(db *gorm.DB, v any) *gorm.DB {
				return db.Session(&gorm.Session{AllowGlobalUpdate: true}).Model(v).Update("quantity", 13)
			})},
			{"update of the key", on(one(Order{ID: 30}), func(db *gorm.DB, v any) *gorm.DB { return db.Model(v).Update("id", 32) })},
			{"update columns", on(one(Order{ID: 2}), func(db *gorm.DB, v any) *gorm.DB {
				return db.Model(v).UpdateColumns(map[string]any{"quantity": 21})
			})},
			{"update in a session without hooks", on(one(Order{ID: 2}), func(db *gorm.DB, v any) *gorm.DB {
				return db.Session(&gorm.Session{SkipHooks: true}).Model(v).Update("quantity", 22)
			})},
			{"update without a default transaction", on(one(Order{ID: 2}), func(db *gorm.DB, v any) *gorm.DB {
				return db.Session(&gorm.Session{SkipDefaultTransaction: true}).Model(v).Update("quantity", 23)
			})},
			{"soft delete", on(one(Order{ID: 2}), func(db *gorm.DB, v any) *gorm.DB { return db.Delete(v) })},
			{"soft delete by condition", on(one(Order{}), func(db *gorm.DB, v any) *gorm.DB { return db.Where("code = ?", "c").Delete(v) })},
			{"delete", on(one(Order{ID: 31}), func(db *gorm.DB, v any) *gorm.DB { return db.Unscoped().Delete(v) })},
			{"delete that returns", on(many(), func(db *gorm.DB, v any) *gorm.DB {
				return db.Unscoped().Clauses(clause.Returning{}).Where("id = ?", 20).Delete(v)
			})},
			{"delete by keys", on(one(Order{}), func(db *gorm.DB, v any) *gorm.DB { return db.Unscoped().Delete(v, []int64{1, 400}) })},
			{"delete of everything", on(one(Order{}), func(db *gorm.DB, v any) *gorm.DB { return db.Delete(v) })},
			{"first or create", on(one(Order{}), func(db *gorm.DB, v any) *gorm.DB {
				return db.Where(one(Order{Code: "fc"})).Attrs(one(Order{Quantity: 3})).FirstOrCreate(v)
			})},
			{"first or create again", on(one(Order{}), func(db *gorm.DB, v any) *gorm.DB {
				return db.Where(one(Order{Code: "fc"})).Assign(map[string]any{"quantity": 5}).FirstOrCreate(v)
			})},
			{"find all", on(many(), func(db *gorm.DB, v any) *gorm.DB { return db.Unscoped().Order("code").Find(v) })},
			{"find into a full slice", on(many(Order{ID: 5, Code: "old"}, Order{}), func(db *gorm.DB, v any) *gorm.DB { return db.Order("code").Find(v) })},
			{"first into a full struct", on(one(Order{Code: "kept?", Quantity: 77}), func(db *gorm.DB, v any) *gorm.DB {
				return db.Where("code = ?", "fc").Select("id", "code").Take(v)
			})},
			{"first of nothing", on(one(Order{Code: "left"}), func(db *gorm.DB, v any) *gorm.DB { return db.First(v, 12345) })},
			{"find nothing", on(many(Order{ID: 5}), func(db *gorm.DB, v any) *gorm.DB { return db.Find(v, 12345) })},
			{"scan", on(map[string]any{}, func(db *gorm.DB, v any) *gorm.DB {
				return db.Model(one(Order{})).Select("code", "quantity").Where("code = ?", "fc").Scan(v)
			})},
			{"find in batches", on(many(), func(db *gorm.DB, v any) *gorm.DB {
				return db.FindInBatches(v, 2, func(*gorm.DB, int) error { return nil })
			})},
		}
	}
	testkit.EachDatabase(t, func(t *testing.T, plainly testkit.Database) {
		another := testkit.SQLiteDatabase
		if plainly.Name == "postgres" {
			another = testkit.PostgresDatabase
		}
		other := another(t)
		clock := time.Date(2020, 2, 3, 4, 5, 6, 0, time.UTC)
		for _, skip := range []bool{false, true} {
			cfg := gorm.Config{NowFunc: func() time.Time { return clock }, SkipDefaultTransaction: skip}
			plain, with := plainly.Open(t, &cfg), other.Open(t, &cfg)
			usePlugin(t, with)
			for _, db := range []*gorm.DB{plain, with} {
				require.NoError(t, db.Migrator().DropTable(one(Order{})))
				require.NoError(t, db.AutoMigrate(one(Order{})))
				if db.Name() == "postgres" {
					require.NoError(t, db.Exec("ALTER SEQUENCE IF EXISTS orders_id_seq RESTART 100").Error)
					require.NoError(t, db.Exec("ALTER SEQUENCE IF EXISTS aside_orders_id_seq RESTART 100").Error)
				}
			}
			for round := range 2 { // the second time reads hit and creates conflict
				want, got := steps(), steps()
				for i := range want {
					name := fmt.Sprintf("%s, round %d, no default transaction: %v", want[i].name, round, skip)
					clock = clock.Add(time.Minute)
					plainResult, plainValue := want[i].do(plain.Session(&gorm.Session{}))
					result, value := got[i].do(with.Session(&gorm.Session{}))
					require.Equal(t, plainValue, value, name)
					require.Equal(t, plainResult.RowsAffected, result.RowsAffected, name)
					require.Equal(t, fmt.Sprint(plainResult.Error), fmt.Sprint(result.Error), name)
				}
			}
			var stored, there []map[string]any
			require.NoError(t, plain.Model(one(Order{})).Unscoped().Order("id").Find(&stored).Error)
			require.NoError(t, with.Model(one(Order{})).Unscoped().Order("id").Find(&there).Error)
			require.Equal(t, stored, there)
		}
	})
}
