package history_test

import (
	"context"
	"fmt"
	"net/http"
	"testing"

	"github.com/go-chi/chi/v5"
	"github.com/stretchr/testify/require"
	"gorm.io/gorm"

	cacheplugin "github.com/cachewright/cachewright/gormplugin"
	"github.com/cachewright/cachewright/internal/testkit"
	pagecache "github.com/cachewright/cachewright/middleware"
	"github.com/cachewright/cachewright/policy"
)

// Item is a hot row. Its policy is given in code, so that one model serves all worlds.
type Item struct {
	ID  int64 `gorm:"primaryKey;autoIncrement:false"`
	Grp int64 // ID modulo 2
	N   int64
}

func groupOf(row int64) int64 { return row % 2 }

// world is a database, a plugin on it, and pages made from it.
type world struct {
	*gorm.DB
	database testkit.Database
	plugin   *cacheplugin.Plugin
	probe    *testkit.Probe
	plain    *gorm.DB // past the plugin
	pages    http.Handler
	strategy policy.Strategy
	keys     []int64 // of the hot rows
}

// openWorld makes a world with the hot rows 1 to rows, the last of which does not exist.
func openWorld(tb testing.TB, database testkit.Database, strategy policy.Strategy, rows int64, options ...cacheplugin.Option) *world {
	tb.Helper()
	w := &world{database: database, strategy: strategy, plain: database.Open(tb, nil)}
	require.NoError(tb, w.plain.AutoMigrate(&Item{}))
	for row := int64(1); row <= rows; row++ {
		w.keys = append(w.keys, row)
		if row < rows {
			require.NoError(tb, w.plain.Create(&Item{ID: row, Grp: groupOf(row), N: 100 * row}).Error)
		}
	}
	if database.Name == "postgres" { // clients that wait for each other's rows are to hear of it soon
		require.NoError(tb, w.plain.Exec(`DO $$ BEGIN EXECUTE 'ALTER DATABASE ' || current_database() || ' SET deadlock_timeout = 20'; END $$`).Error)
	}
	w.join(tb, options...)
	return w
}

// join opens a handle with a plugin of its own on the world's database.
func (w *world) join(tb testing.TB, options ...cacheplugin.Option) {
	tb.Helper()
	w.DB, w.probe = w.database.OpenCounted(tb, &gorm.Config{TranslateError: true})
	pool, err := w.DB.DB()
	require.NoError(tb, err)
	pool.SetMaxIdleConns(40)
	if w.database.Name == "postgres" {
		pool.SetMaxOpenConns(40)
	}
	options = append(options,
		cacheplugin.WithPolicy(&Item{}, policy.Policy{Strategy: w.strategy}), cacheplugin.WithSingleProcess())
	w.plugin = cacheplugin.New(options...)
	require.NoError(tb, w.Use(w.plugin))
	plugin := w.plugin
	tb.Cleanup(func() { require.NoError(tb, plugin.Close(context.Background())) })
	w.pages = w.router()
}

// router serves a row, and the list of all, to everybody and to each user alone.
func (w *world) router() http.Handler {
	engine := w.plugin.Engine()
	shared := pagecache.Shared(engine)
	own := pagecache.PerUser(engine, userOf)
	r := chi.NewRouter()
	r.Use(pagecache.Track(engine))
	r.With(shared).Get("/items/{id}", w.showItem)
	r.With(own).Get("/own/{id}", w.showItem)
	r.With(shared).Get("/items", w.showItems)
	mine := func(rw http.ResponseWriter, r *http.Request) { w.show(rw, r, userOf(r)) }
	r.With(own).Get("/mine", mine)
	r.With(shared).Get("/welcome", func(rw http.ResponseWriter, r *http.Request) {
		rw.Header().Set("Cache-Control", "max-age=60")
		mine(rw, r)
	})
	return r
}

func (w *world) showItem(rw http.ResponseWriter, r *http.Request) {
	w.show(rw, r, chi.URLParam(r, "id"))
}

func (w *world) show(rw http.ResponseWriter, r *http.Request, id string) {
	var item Item
	switch err := w.WithContext(r.Context()).Limit(1).Find(&item, id).Error; {
	case err != nil:
		rw.Header().Set("Cache-Control", "no-store")
		http.Error(rw, err.Error(), http.StatusInternalServerError)
	case item.ID == 0:
		http.Error(rw, "no such item", http.StatusNotFound)
	default:
		_, _ = fmt.Fprintln(rw, item.ID, item.N)
	}
}

func (w *world) showItems(rw http.ResponseWriter, r *http.Request) {
	var items []Item
	if err := w.WithContext(r.Context()).Order("id").Find(&items).Error; err != nil {
		rw.Header().Set("Cache-Control", "no-store")
		http.Error(rw, err.Error(), http.StatusInternalServerError)
		return
	}
	for _, item := range items {
		_, _ = fmt.Fprintln(rw, item.ID, item.N)
	}
}

// stored is what the database itself holds of the hot rows.
func (w *world) stored(tb testing.TB) map[int64]int64 {
	tb.Helper()
	var items []Item
	require.NoError(tb, w.plain.Find(&items).Error)
	return w.values(w.keys, items)
}

// values are those of the given rows: 0 for each that is not among the items.
func (w *world) values(rows []int64, items []Item) map[int64]int64 {
	values := make(map[int64]int64, len(rows))
	for _, row := range rows {
		values[row] = 0
	}
	for _, item := range items {
		values[item.ID] = item.N
	}
	return values
}

// group are the hot rows of a group.
func (w *world) group(g int64) []int64 {
	var rows []int64
	for _, row := range w.keys {
		if groupOf(row) == g {
			rows = append(rows, row)
		}
	}
	return rows
}
