package cacheplugin_test

import (
	"context"
	"reflect"
	"slices"
	"testing"

	"github.com/stretchr/testify/require"
	"gorm.io/gorm"

	cacheplugin "github.com/cachewright/cachewright/gormplugin"
	"github.com/cachewright/cachewright/internal/testkit"
	"github.com/cachewright/cachewright/policy"
	"github.com/cachewright/cachewright/store/bigcachestore"
	"github.com/cachewright/cachewright/store/storetest"
)

// Ware is the model most tests use: one table, cached in four ways.
type Ware struct {
	ID     int64
	Name   string
	Price  int64
	Secret string `json:"-"`
	Parts  []Part `gorm:"foreignKey:WareID"`
	Found  int    `gorm:"-"` // how often AfterFind ran
}

func (Ware) TableName() string { return "wares" }

func (w *Ware) AfterFind(tx *gorm.DB) error    { w.Found++; return hooked(tx, "AfterFind") }
func (w *Ware) BeforeUpdate(tx *gorm.DB) error { return hooked(tx, "BeforeUpdate") }
func (w *Ware) AfterUpdate(tx *gorm.DB) error  { return hooked(tx, "AfterUpdate") }
func (w *Ware) AfterCreate(tx *gorm.DB) error  { return hooked(tx, "AfterCreate") }
func (w *Ware) AfterDelete(tx *gorm.DB) error  { return hooked(tx, "AfterDelete") }

type hookKey struct{}

// hooked calls the function that a test put into the context.
func hooked(tx *gorm.DB, name string) error {
	if f, ok := tx.Statement.Context.Value(hookKey{}).(func(*gorm.DB, string) error); ok {
		return f(tx, name)
	}
	return nil
}

// withHook returns a session whose wares' hooks call f with their name.
func withHook(tb testing.TB, db *gorm.DB, f func(tx *gorm.DB, name string) error) *gorm.DB {
	tb.Helper()
	return db.WithContext(context.WithValue(tb.Context(), hookKey{}, f))
}

func (w *Ware) ware() *Ware { return w }

// Part belongs to a ware.
type Part struct {
	ID     int64
	WareID int64
	Name   string
}

// AsideWare is a ware cached aside by its tag.
type AsideWare struct {
	_ struct{} `cache:"aside"`
	Ware
}

// ThroughWare is a ware cached write-through by its tag.
type ThroughWare struct {
	Ware
	_ struct{} `cache:"writethrough"`
}

// wareModel is what the four set-ups read and write: a pointer to a struct with a Ware in it.
type wareModel interface{ ware() *Ware }

// setup is one way to cache wares.
type setup struct {
	name    string
	model   reflect.Type
	through bool
	options []cacheplugin.Option
}

func setups() []setup {
	return []setup{
		{name: "aside by tag", model: reflect.TypeFor[AsideWare]()},
		{name: "write-through by tag", model: reflect.TypeFor[ThroughWare](), through: true},
		{
			name: "aside by default", model: reflect.TypeFor[Ware](),
			options: []cacheplugin.Option{cacheplugin.WithDefaultPolicy(policy.Policy{Strategy: policy.Aside})},
		},
		{
			name: "write-through by default", model: reflect.TypeFor[Ware](), through: true,
			options: []cacheplugin.Option{cacheplugin.WithDefaultPolicy(policy.Policy{Strategy: policy.WriteThrough})},
		},
	}
}

// cached is a database with the plugin on it and wares in it.
type cached struct {
	*gorm.DB
	setup
	database testkit.Database
	probe    *testkit.Probe
	plugin   *cacheplugin.Plugin
	plain    *gorm.DB // another handle, without the plugin
}

// eachSetup runs the test for each way of caching on each database, with the wares 1, 2 and 3 at the prices 10, 20, 30.
func eachSetup(t *testing.T, test func(t *testing.T, c *cached)) {
	t.Helper()
	runSetups(t, setups(), test)
}

// eachTagged is eachSetup for the wares cached by their tags.
func eachTagged(t *testing.T, test func(t *testing.T, c *cached)) {
	t.Helper()
	runSetups(t, setups()[:2], test)
}

// eachThrough runs the test with wares cached write-through by their tag.
func eachThrough(t *testing.T, test func(t *testing.T, c *cached)) {
	t.Helper()
	runSetups(t, setups()[1:2], test)
}

// eachAside runs the test with wares cached aside by their tag.
func eachAside(t *testing.T, test func(t *testing.T, c *cached)) {
	t.Helper()
	runSetups(t, setups()[:1], test)
}

// runSetups makes one database for all set-ups, which are tried one after the other, each on an empty schema. MariaDB is given
// those by tag.
func runSetups(t *testing.T, setups []setup, test func(t *testing.T, c *cached)) {
	t.Helper()
	testkit.EveryDatabase(t, func(t *testing.T, database testkit.Database) {
		for i, s := range setups {
			t.Run(s.name, func(t *testing.T) {
				switch {
				case i == 0:
				case database.Name == "mysql" && i > 1:
					return
				case database.Name == "mysql":
					database = testkit.MariaDatabase(t)
				case database.Name == "sqlite":
					database = testkit.SQLiteDatabase(t)
				default:
					_, err := database.Raw(t).ExecContext(t.Context(), "DROP SCHEMA public CASCADE; CREATE SCHEMA public")
					require.NoError(t, err)
				}
				test(t, openCached(t, database, s))
			})
		}
	})
}

func openCached(tb testing.TB, database testkit.Database, s setup) *cached {
	tb.Helper()
	c := &cached{setup: s, database: database, plain: database.Open(tb, nil)}
	require.NoError(tb, c.plain.AutoMigrate(&Ware{}, &Part{}))
	for i := range int64(3) {
		require.NoError(tb, c.plain.Create(&Ware{ID: i + 1, Name: "ware", Price: 10 * (i + 1), Secret: "secret"}).Error)
	}
	switch database.Name {
	case "postgres":
		require.NoError(tb, c.plain.Exec("SELECT setval('wares_id_seq', 1000)").Error)
	case "mysql":
		require.NoError(tb, c.plain.Exec("ALTER TABLE wares AUTO_INCREMENT = 1001").Error)
	}
	return c.again(tb, nil)
}

// again is the same database with another handle and another plugin on it.
func (c *cached) again(tb testing.TB, cfg *gorm.Config, more ...cacheplugin.Option) *cached {
	tb.Helper()
	other := *c
	other.DB, other.probe = c.database.OpenCounted(tb, cfg)
	other.plugin = usePlugin(tb, other.DB, append(slices.Clip(c.options), more...)...)
	return &other
}

// withFaulty is again with a store that can be broken.
func (c *cached) withFaulty(tb testing.TB) (*cached, *storetest.Faulty) {
	tb.Helper()
	inner, err := bigcachestore.New(16 << 20)
	require.NoError(tb, err)
	faulty := storetest.NewFaulty(inner)
	return c.again(tb, nil, cacheplugin.WithStore(faulty)), faulty
}

// usePlugin puts a new plugin on the handle, until the test ends.
func usePlugin(tb testing.TB, db *gorm.DB, options ...cacheplugin.Option) *cacheplugin.Plugin {
	tb.Helper()
	plugin := cacheplugin.New(options...)
	require.NoError(tb, db.Use(plugin))
	tb.Cleanup(func() { require.NoError(tb, plugin.Close(context.Background())) })
	return plugin
}

// notOnMariaDB skips the rest of the test there.
func (c *cached) notOnMariaDB(t *testing.T, why string) {
	t.Helper()
	if c.database.Name == "mysql" {
		t.Skip("MariaDB: " + why)
	}
}

// new is a pointer to an empty model.
func (c *cached) new() wareModel { return reflect.New(c.model).Interface().(wareModel) }

// with is a pointer to a model that holds the ware.
func (c *cached) with(w Ware) wareModel {
	m := c.new()
	*m.ware() = w
	return m
}

// list is a pointer to an empty slice of models, for Find.
func (c *cached) list() any { return reflect.New(reflect.SliceOf(c.model)).Interface() }

// wares are the wares of a list.
func (c *cached) wares(list any) []Ware {
	rv := reflect.ValueOf(list).Elem()
	all := make([]Ware, rv.Len())
	for i := range all {
		all[i] = *rv.Index(i).Addr().Interface().(wareModel).ware()
	}
	return all
}

// read is First by key through the given session.
func (c *cached) read(tb testing.TB, db *gorm.DB, id any) Ware {
	tb.Helper()
	m := c.new()
	require.NoError(tb, db.First(m, id).Error)
	return *m.ware()
}

// price is the price of the ware, read by key through the plugin outside any transaction.
func (c *cached) price(tb testing.TB, id any) int64 {
	tb.Helper()
	return c.read(tb, c.DB, id).Price
}

// prices are the prices of all wares in the order of their keys, read as a list.
func (c *cached) prices(tb testing.TB) []int64 {
	tb.Helper()
	list := c.list()
	require.NoError(tb, c.DB.Order("id").Find(list).Error)
	prices := []int64{}
	for _, w := range c.wares(list) {
		prices = append(prices, w.Price)
	}
	return prices
}

// missing requires that there is no ware with the key.
func (c *cached) missing(tb testing.TB, id any) {
	tb.Helper()
	require.ErrorIs(tb, c.DB.First(c.new(), id).Error, gorm.ErrRecordNotFound)
}

// set changes the price of the ware through the given session.
func (c *cached) set(tb testing.TB, db *gorm.DB, id, price int64) {
	tb.Helper()
	require.NoError(tb, db.Model(c.with(Ware{ID: id})).Update("price", price).Error)
}

// silent requires that f sends nothing to the database.
func (c *cached) silent(tb testing.TB, f func()) {
	tb.Helper()
	c.probe.Reset()
	f()
	require.Empty(tb, c.probe.Statements(), "served from the cache")
}

// sends requires that f sends a statement.
func (c *cached) sends(tb testing.TB, f func()) {
	tb.Helper()
	c.probe.Reset()
	f()
	require.NotEmpty(tb, c.probe.Statements(), "asked of the database")
}

// warm reads the ware and the list of all until they are hits.
func (c *cached) warm(tb testing.TB) {
	tb.Helper()
	read := func() {
		for id := range int64(3) {
			c.price(tb, id+1)
		}
		c.prices(tb)
	}
	read()
	c.silent(tb, read)
}

// parallel runs f on a goroutine of its own; the returned function waits for its error.
func parallel(f func() error) (wait func() error) {
	done := make(chan error, 1)
	go func() { done <- f() }()
	return func() error { return <-done }
}
