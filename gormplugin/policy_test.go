package cacheplugin_test

import (
	"bytes"
	"context"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"gorm.io/gorm"

	cacheplugin "github.com/cachewright/cachewright/gormplugin"
	"github.com/cachewright/cachewright/internal/testkit"
	"github.com/cachewright/cachewright/policy"
	"github.com/cachewright/cachewright/store"
	"github.com/cachewright/cachewright/store/bigcachestore"
)

// Models whose tags are wrong, each in its own way.
type (
	unknownStrategy struct {
		_  struct{} `cache:"sometimes"`
		ID int64
	}
	unknownOption struct {
		_  struct{} `cache:"aside,colour=red"`
		ID int64
	}
	twoTags struct {
		_    struct{} `cache:"aside"`
		ID   int64
		Name string `cache:"writethrough"`
	}
	foreignOption struct {
		_  struct{} `cache:"aside,flush=1s"`
		ID int64
	}
	wantsJournal struct {
		_  struct{} `cache:"writeback,ack=journal"`
		ID int64
	}
	criticalOrder struct {
		_  struct{} `cache:"writethrough,critical"`
		ID int64
	}
	noColumns struct{}
)

func TestABadTagNamedByWithModelsIsAnErrorOfUse(t *testing.T) {
	t.Parallel()
	for _, bad := range []struct {
		name  string
		model any
		says  []string
	}{
		{"an unknown strategy", &unknownStrategy{}, []string{"unknownStrategy", "sometimes", "aside", "writethrough", "writeback", "off"}},
		{"an unknown option", &unknownOption{}, []string{"unknownOption", "colour=red", "ttl"}},
		{"two tags", &twoTags{}, []string{"twoTags", "Name", "second policy"}},
		{"an option of another strategy", &foreignOption{}, []string{"foreignOption", "flush=1s"}},
		{"a journal that is not there", &wantsJournal{}, []string{"wantsJournal", "ack=journal", "ack=memory"}},
		{"no struct", 7, []string{"int", "struct"}},
		{"nil", nil, []string{"nil", "struct"}},
		{"a struct without columns", &noColumns{}, []string{"noColumns", "no column"}},
	} {
		t.Run(bad.name, func(t *testing.T) {
			err := useOn(t, cacheplugin.WithModels(bad.model))
			require.Error(t, err)
			for _, word := range bad.says {
				require.ErrorContains(t, err, word)
			}
		})
	}
}

func TestABadOptionIsAnErrorOfUse(t *testing.T) {
	t.Parallel()
	inner, err := bigcachestore.New(8 << 20)
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, inner.Close()) })
	aside := policy.Policy{Strategy: policy.Aside}
	for _, bad := range []struct {
		name    string
		options []cacheplugin.Option
		says    string
	}{
		{"memory too small", []cacheplugin.Option{cacheplugin.WithMemory(1 << 20)}, "8 MiB"},
		{"memory and a store", []cacheplugin.Option{cacheplugin.WithMemory(16 << 20), cacheplugin.WithStore(inner)}, "exclude each other"},
		{"no store", []cacheplugin.Option{cacheplugin.WithStore(nil)}, "WithStore(nil)"},
		{"a nil option", []cacheplugin.Option{nil}, "nil option"},
		{"no scope", []cacheplugin.Option{cacheplugin.WithScope(nil)}, "WithScope(nil)"},
		{"no logger", []cacheplugin.Option{cacheplugin.WithLogger(nil)}, "WithLogger(nil)"},
		{"no listener", []cacheplugin.Option{cacheplugin.OnFlushError(nil)}, "OnFlushError(nil)"},
		{"two policies for one model", []cacheplugin.Option{cacheplugin.WithPolicy(&Ware{}, aside), cacheplugin.WithPolicy(Ware{}, aside)}, "twice"},
		{"a policy for no model", []cacheplugin.Option{cacheplugin.WithPolicy(make(chan int), aside)}, "chan int"},
		{"a policy out of range", []cacheplugin.Option{cacheplugin.WithPolicy(&Ware{}, policy.Policy{Strategy: policy.Aside, TTL: -time.Second})}, "TTL"},
		{"two default policies", []cacheplugin.Option{cacheplugin.WithDefaultPolicy(aside), cacheplugin.WithDefaultPolicy(aside)}, "WithDefaultPolicy is given twice"},
		{"a default policy out of range", []cacheplugin.Option{cacheplugin.WithDefaultPolicy(policy.Policy{Strategy: policy.Aside, Batch: 3})}, "Batch"},
		{"triggers of no model", []cacheplugin.Option{cacheplugin.WithTriggerTables("wares", "log")}, "WithTriggerTables"},
		{
			"write-back for a critical model",
			[]cacheplugin.Option{cacheplugin.WithPolicy(&criticalOrder{}, policy.Policy{Strategy: policy.WriteBack})},
			"critical",
		},
		{
			"write-back with a journal that is not there",
			[]cacheplugin.Option{cacheplugin.WithPolicy(&Part{}, policy.Policy{Strategy: policy.WriteBack, Ack: policy.AckJournal})},
			"journal",
		},
	} {
		t.Run(bad.name, func(t *testing.T) { require.ErrorContains(t, useOn(t, bad.options...), bad.says) })
	}
}

func TestAllThatIsWrongIsInOneError(t *testing.T) {
	t.Parallel()
	err := useOn(t,
		cacheplugin.WithModels(&unknownStrategy{}, &Ware{}, &foreignOption{}, 7),
		cacheplugin.WithPolicy(&criticalOrder{}, policy.Policy{Strategy: policy.WriteBack}),
		cacheplugin.WithScope(nil), cacheplugin.WithMemory(1),
		cacheplugin.WithTriggerTables(nil, "log"))
	require.Error(t, err)
	for _, word := range []string{"unknownStrategy", "foreignOption", "int is no model", "criticalOrder", "WithScope(nil)", "WithMemory(1)", "WithTriggerTables"} {
		require.ErrorContains(t, err, word)
	}
	var mistake *policy.ParseError
	require.ErrorAs(t, err, &mistake)
	var refusal *policy.CriticalError
	require.ErrorAs(t, err, &refusal)
}

func TestAFailedUseLeavesTheDatabaseAsItWas(t *testing.T) {
	t.Parallel()
	testkit.EachDatabase(t, func(t *testing.T, database testkit.Database) {
		db := database.Open(t, nil)
		require.Error(t, db.Use(cacheplugin.New(cacheplugin.WithModels(&unknownStrategy{}))))
		require.NoError(t, db.AutoMigrate(&AsideWare{}, &Part{}))
		require.NoError(t, db.Create(&AsideWare{Ware: Ware{ID: 1, Price: 10}}).Error)
		require.NoError(t, db.First(&AsideWare{}, 1).Error)
	})
}

func TestUseTwice(t *testing.T) {
	t.Parallel()
	db := testkit.SQLiteDatabase(t).Open(t, nil)
	plugin := usePlugin(t, db)
	require.ErrorIs(t, db.Use(plugin), gorm.ErrRegistered, "on the same database it is GORM that refuses")
	require.ErrorIs(t, db.Use(cacheplugin.New()), gorm.ErrRegistered)
	require.ErrorContains(t, testkit.SQLiteDatabase(t).Open(t, nil).Use(plugin), "serves a database already")
}

func TestAClosedPluginServesNoDatabase(t *testing.T) {
	t.Parallel()
	plugin := cacheplugin.New()
	require.NoError(t, plugin.Close(context.Background()))
	require.NoError(t, plugin.Close(context.Background()))
	require.ErrorContains(t, testkit.SQLiteDatabase(t).Open(t, nil).Use(plugin), "closed")
}

func TestTheDatabaseGoesOnWithoutACacheThatWasClosed(t *testing.T) {
	t.Parallel()
	eachSetup(t, func(t *testing.T, c *cached) {
		c.warm(t)
		require.NoError(t, c.plugin.Close(context.Background()))
		c.set(t, c.DB, 1, 99)
		c.sends(t, func() { require.EqualValues(t, 99, c.price(t, 1)) })
		c.sends(t, func() { require.Equal(t, []int64{99, 20, 30}, c.prices(t)) })
		require.NoError(t, c.Delete(c.with(Ware{ID: 2})).Error)
		require.NoError(t, c.Create(c.with(Ware{ID: 4, Price: 40})).Error)
		require.NoError(t, c.Exec("UPDATE wares SET price = 98 WHERE id = 1").Error)
		require.Equal(t, []int64{98, 30, 40}, c.prices(t))
	})
}

func TestABadTagOfAModelNobodyNamedIsTheErrorOfItsStatements(t *testing.T) {
	t.Parallel()
	testkit.EachDatabase(t, func(t *testing.T, database testkit.Database) {
		plain := database.Open(t, nil)
		require.NoError(t, plain.AutoMigrate(&unknownOption{}))
		require.NoError(t, plain.Create(&unknownOption{ID: 1}).Error)
		db, probe := database.OpenCounted(t, nil)
		usePlugin(t, db)
		probe.Reset()
		for range 2 {
			for name, err := range map[string]error{
				"First":  db.First(&unknownOption{}, 1).Error,
				"Find":   db.Find(&[]unknownOption{}).Error,
				"Count":  db.Model(&unknownOption{}).Count(new(int64)).Error,
				"Create": db.Create(&unknownOption{ID: 2}).Error,
				"Save":   db.Save(&unknownOption{ID: 1}).Error,
				"Update": db.Model(&unknownOption{ID: 1}).Update("id", 3).Error,
				"Delete": db.Delete(&unknownOption{ID: 1}).Error,
				"Scan":   db.Model(&unknownOption{}).Scan(&[]map[string]any{}).Error,
				"Row":    db.Model(&unknownOption{}).Select("id").Row().Err(),
			} {
				require.ErrorContains(t, err, "colour=red", name)
			}
			rows, err := db.Model(&unknownOption{}).Rows()
			require.ErrorContains(t, err, "colour=red", "Rows")
			require.Nil(t, rows)
		}
		require.Zero(t, probe.CountMatching(testkit.OnSQL("unknown_options")), "nothing was sent to the table")
	})
}

func useOn(t *testing.T, options ...cacheplugin.Option) error {
	t.Helper()
	plugin := cacheplugin.New(options...)
	t.Cleanup(func() { require.NoError(t, plugin.Close(context.Background())) })
	return testkit.SQLiteDatabase(t).Open(t, nil).Use(plugin)
}

// recorder is a store that remembers every byte it was given.
type recorder struct {
	store.Store

	mu   sync.Mutex // guards seen
	seen bytes.Buffer
}

func (r *recorder) Set(ctx context.Context, key string, value []byte, ttl time.Duration) error {
	r.mu.Lock()
	r.seen.WriteString(key)
	r.seen.Write(value)
	r.mu.Unlock()
	return r.Store.Set(ctx, key, value, ttl)
}

func (r *recorder) saw(text string) bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	return bytes.Contains(r.seen.Bytes(), []byte(text))
}

func (r *recorder) size() int {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.seen.Len()
}

// Logins with a password that must not be cached.
type asideLogin struct {
	_        struct{} `cache:"aside"`
	ID       int64
	Name     string
	Password string `cache:"-"`
}

type throughLogin struct {
	_        struct{} `cache:"writethrough"`
	ID       int64
	Name     string
	Password string `cache:"-" gorm:"column:phrase"`
}

// openLogin is a second struct over the logins, which hides nothing itself.
type openLogin struct {
	_        struct{} `cache:"writethrough"`
	ID       int64
	Name     string
	Password string
}

func (openLogin) TableName() string { return "aside_logins" }

func TestAFieldThatOneStructHidesIsStoredThroughNone(t *testing.T) {
	t.Parallel()
	testkit.EachDatabase(t, func(t *testing.T, database testkit.Database) {
		inner, err := bigcachestore.New(16 << 20)
		require.NoError(t, err)
		seen := &recorder{Store: inner}
		db := database.Open(t, nil)
		usePlugin(t, db, cacheplugin.WithStore(seen), cacheplugin.WithModels(&asideLogin{}))
		require.NoError(t, db.AutoMigrate(&asideLogin{}))
		require.NoError(t, db.Create(&openLogin{ID: 1, Name: "ann", Password: "hunter2"}).Error)
		require.NoError(t, db.Model(&openLogin{ID: 1}).Update("name", "anne").Error)
		for range 2 {
			var a openLogin
			require.NoError(t, db.First(&a, 1).Error)
			require.Equal(t, openLogin{ID: 1, Name: "anne", Password: "hunter2"}, a)
			var list []openLogin
			require.NoError(t, db.Order("id").Find(&list, []int64{1, 2}).Error)
			require.Len(t, list, 1)
			if database.Name == "postgres" {
				var whole string
				require.NoError(t, db.Model(&asideLogin{}).Select("aside_logins::text").Where("id = 1").Scan(&whole).Error)
				require.Contains(t, whole, "hunter2")
				require.NoError(t, db.Table("aside_logins AS l").Model(&asideLogin{}).Select("l::text").Scan(&whole).Error)
				require.Contains(t, whole, "hunter2")
			}
		}
		require.False(t, seen.saw("hunter2"), "the store has seen the password")
		var n int64
		require.NoError(t, db.Model(&asideLogin{}).Count(&n).Error)
		require.NotZero(t, seen.size(), "a count is cached")
	})
}

func TestAHiddenFieldIsReturnedButNeverStored(t *testing.T) {
	t.Parallel()
	testkit.EachDatabase(t, func(t *testing.T, database testkit.Database) {
		inner, err := bigcachestore.New(16 << 20)
		require.NoError(t, err)
		seen := &recorder{Store: inner}
		db, probe := database.OpenCounted(t, nil)
		usePlugin(t, db, cacheplugin.WithStore(seen), cacheplugin.WithModels(&asideLogin{}, &throughLogin{}))
		require.NoError(t, db.AutoMigrate(&asideLogin{}, &throughLogin{}))
		require.NoError(t, db.Create(&asideLogin{ID: 1, Name: "ann", Password: "hunter2"}).Error)
		require.NoError(t, db.Create(&throughLogin{ID: 1, Name: "ann", Password: "hunter2"}).Error)
		require.NoError(t, db.Model(&throughLogin{ID: 1}).Update("name", "anne").Error)
		require.NoError(t, db.Model(&throughLogin{ID: 1}).Update("Password", "hunter2!").Error)
		for range 2 {
			var a asideLogin
			require.NoError(t, db.First(&a, 1).Error)
			require.Equal(t, "hunter2", a.Password)
			var b throughLogin
			require.NoError(t, db.First(&b, 1).Error)
			require.Equal(t, throughLogin{ID: 1, Name: "anne", Password: "hunter2!"}, b)
			var list []asideLogin
			require.NoError(t, db.Find(&list).Error)
			require.Equal(t, "hunter2", list[0].Password)
			var words []string
			require.NoError(t, db.Model(&asideLogin{}).Pluck("password", &words).Error)
			require.Equal(t, []string{"hunter2"}, words)
			var rows []map[string]any
			require.NoError(t, db.Table("aside_logins").Find(&rows).Error)
			require.Equal(t, "hunter2", rows[0]["password"])
			require.NoError(t, db.Model(&throughLogin{}).Select("name, PHRASE AS p").Find(&rows).Error)
			require.NoError(t, db.Where("password = ?", "hunter2").Find(&list).Error)
			require.Len(t, list, 1)
		}
		require.False(t, seen.saw("hunter2"), "the store has seen the password")

		var names []string
		require.NoError(t, db.Model(&asideLogin{}).Pluck("name", &names).Error)
		probe.Reset()
		require.NoError(t, db.Model(&asideLogin{}).Pluck("name", &names).Error)
		require.Empty(t, probe.Statements(), "what does not ask for the field is cached")
		require.NotZero(t, seen.size())
	})
}
