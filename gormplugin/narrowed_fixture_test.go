package cacheplugin_test

import (
	"testing"

	"github.com/stretchr/testify/require"
	"gorm.io/gorm"

	cacheplugin "github.com/cachewright/cachewright/gormplugin"
	"github.com/cachewright/cachewright/internal/testkit"
	"github.com/cachewright/cachewright/policy"
)

// Bill belongs to a user: the model of the tests of queries that stand on one value of a column.
type Bill struct {
	ID        int64
	UserID    int64
	Status    string
	Total     int64
	Payer     *int64
	DeletedAt gorm.DeletedAt
}

// Coded is a bill whose key the application chooses.
type Coded struct {
	Code   string `gorm:"primaryKey"`
	UserID int64
	Total  int64
}

// bills are a database with two bills, 10u and 10u+1, for each of the users 7, 8 and 9, and the plugin on it.
type bills struct {
	*gorm.DB
	t        *testing.T
	database testkit.Database
	plain    *gorm.DB
	probe    *testkit.Probe
	plugin   *cacheplugin.Plugin
}

// eachBills runs the test on each database, for bills cached aside and write-through.
func eachBills(t *testing.T, test func(b *bills)) {
	t.Helper()
	for _, strategy := range []policy.Strategy{policy.Aside, policy.WriteThrough} {
		t.Run(strategy.String(), func(t *testing.T) {
			testkit.EachDatabase(t, func(t *testing.T, database testkit.Database) { test(openBills(t, database, strategy, nil)) })
		})
	}
}

func openBills(t *testing.T, database testkit.Database, strategy policy.Strategy, cfg *gorm.Config) *bills {
	t.Helper()
	b := &bills{t: t, database: database, plain: database.Open(t, nil)}
	require.NoError(t, b.plain.AutoMigrate(&Bill{}, &Coded{}))
	for _, user := range []int64{7, 8, 9} {
		require.NoError(t, b.plain.Create([]Bill{
			{ID: 10 * user, UserID: user, Status: "open", Total: user, Payer: &user}, {ID: 10*user + 1, UserID: user, Status: "paid", Total: 1},
		}).Error)
	}
	if database.Name == "postgres" {
		require.NoError(t, b.plain.Exec("SELECT setval('bills_id_seq', 1000)").Error)
	}
	b.use(strategy, cfg)
	return b
}

// use opens another handle with another plugin on it.
func (b *bills) use(strategy policy.Strategy, cfg *gorm.Config, options ...cacheplugin.Option) {
	b.t.Helper()
	b.DB, b.probe = b.database.OpenCounted(b.t, cfg)
	b.plugin = usePlugin(b.t, b.DB, append(options,
		cacheplugin.WithPolicy(&Bill{}, policy.Policy{Strategy: strategy}), cacheplugin.WithPolicy(&Coded{}, policy.Policy{Strategy: strategy}))...)
}

// of are the user's bills, and how many the database was asked for.
func (b *bills) of(user int64) (found []Bill, asked int) {
	b.t.Helper()
	b.probe.Reset()
	require.NoError(b.t, b.DB.Where("user_id = ?", user).Order("id").Find(&found).Error)
	return found, len(b.probe.Statements())
}

// warm asks for the bills of each user until the answers are hits.
func (b *bills) warm() {
	b.t.Helper()
	for range 2 {
		for _, user := range []int64{7, 8, 9} {
			b.of(user)
		}
	}
	for _, user := range []int64{7, 8, 9} {
		_, asked := b.of(user)
		require.Zero(b.t, asked)
	}
}

// right requires that every user's bills are what the database holds, and returns the users whose answer was still a hit.
func (b *bills) right() (hits []int64) {
	b.t.Helper()
	for _, user := range []int64{7, 8, 9} {
		found, asked := b.of(user)
		want := []Bill{}
		require.NoError(b.t, b.plain.Where("user_id = ?", user).Order("id").Find(&want).Error)
		require.Equal(b.t, normal(want), normal(found), "the bills of %d", user)
		if asked == 0 {
			hits = append(hits, user)
		}
	}
	return hits
}

// normal leaves out what two handles read differently of the same row.
func normal(all []Bill) []Bill {
	for i := range all {
		all[i].DeletedAt.Time = all[i].DeletedAt.Time.UTC()
	}
	return all
}
