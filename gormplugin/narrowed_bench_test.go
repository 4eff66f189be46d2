package cacheplugin_test

import (
	"math/rand/v2"
	"testing"

	"github.com/stretchr/testify/require"
	"gorm.io/gorm"

	cacheplugin "github.com/cachewright/cachewright/gormplugin"
	"github.com/cachewright/cachewright/internal/testkit"
	"github.com/cachewright/cachewright/policy"
)

// users is how many users the benchmarks have bills for, ten each.
const users = 1000

func benchBills(b *testing.B, database testkit.Database) *gorm.DB {
	b.Helper()
	db := database.Open(b, nil)
	require.NoError(b, db.AutoMigrate(&Bill{}))
	require.NoError(b, db.Exec("CREATE INDEX bills_by_user ON bills (user_id)").Error)
	all := make([]Bill, 0, 10*users)
	for i := range int64(10 * users) {
		all = append(all, Bill{ID: i + 1, UserID: i % users, Status: "open"})
	}
	require.NoError(b, db.CreateInBatches(all, 1000).Error)
	return db
}

func eachBenchDatabase(b *testing.B, f func(b *testing.B, database testkit.Database)) {
	b.Helper()
	b.Run("sqlite", func(b *testing.B) { f(b, testkit.SQLiteDatabase(b)) })
	b.Run("postgres", func(b *testing.B) { f(b, testkit.PostgresDatabase(b)) })
}

// BenchmarkQueriesBesideWrites is a list of one user's bills, with one update of some bill in ten calls. The list is asked for
// in a way that fixes the user, and in one that says the same and does not. It reports the share of lists that were hits.
func BenchmarkQueriesBesideWrites(b *testing.B) {
	for name, condition := range map[string]string{"by value": "user_id = ?", "by table": "user_id + 0 = ?"} {
		b.Run(name, func(b *testing.B) {
			eachBenchDatabase(b, func(b *testing.B, database testkit.Database) {
				db := benchBills(b, database)
				plugin := usePlugin(b, db, cacheplugin.WithPolicy(&Bill{}, policy.Policy{Strategy: policy.Aside}))
				r := rand.New(rand.NewPCG(1, 2))
				lists := 0
				list := func(user int64) {
					lists++
					if err := db.Where(condition, user).Find(&[]Bill{}).Error; err != nil {
						b.Fatal(err)
					}
				}
				for user := range int64(users) {
					list(user)
				}
				lists = 0
				before := plugin.Engine().Stats().Rows.Hits
				for b.Loop() {
					if r.IntN(10) == 0 {
						if err := db.Model(&Bill{ID: 1 + r.Int64N(10*users)}).Update("total", r.Int64N(100)).Error; err != nil {
							b.Fatal(err)
						}
						continue
					}
					list(r.Int64N(users))
				}
				b.ReportMetric(float64(plugin.Engine().Stats().Rows.Hits-before)/float64(lists), "hits/list")
			})
		})
	}
}

// BenchmarkUpdateByKeyOfANarrowedTable is an update of another column by key: without the plugin, on a table that no query was
// ever narrowed on, and on one that has a narrowed column, whose value the update tells.
func BenchmarkUpdateByKeyOfANarrowedTable(b *testing.B) {
	eachBenchDatabase(b, func(b *testing.B, database testkit.Database) {
		run := func(name string, db *gorm.DB) {
			b.Run(name, func(b *testing.B) {
				b.ReportAllocs()
				for i := int64(0); b.Loop(); i++ {
					if err := db.Model(&Bill{ID: 1 + i%users}).Update("total", i).Error; err != nil {
						b.Fatal(err)
					}
				}
			})
		}
		run("gorm", benchBills(b, database))
		db := database.Open(b, nil)
		usePlugin(b, db, cacheplugin.WithPolicy(&Bill{}, policy.Policy{Strategy: policy.Aside}))
		run("plugin", db)
		require.NoError(b, db.Where("user_id = ?", 7).Find(&[]Bill{}).Error)
		run("narrowed", db)
	})
}
