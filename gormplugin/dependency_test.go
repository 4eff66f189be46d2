package cacheplugin_test

import (
	"context"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"gorm.io/gorm"
	"gorm.io/gorm/clause"

	"github.com/cachewright/cachewright/coherence"
	cacheplugin "github.com/cachewright/cachewright/gormplugin"
)

// page is what a page stands on after its reads.
type page struct {
	*coherence.Deps
	engine *coherence.Engine
}

// valid reports whether the page may still be served.
func (p page) valid() bool { return p.engine.Valid(p.Stamps()) }

// reasons are why the page is not vouched for.
func (p page) reasons() []coherence.Reason {
	var all []coherence.Reason
	for _, n := range p.Notes() {
		all = append(all, n.Reason)
	}
	return all
}

// page makes a page of the reads in f.
func (c *cached) page(tb testing.TB, f func(db *gorm.DB)) page {
	tb.Helper()
	ctx, deps := c.plugin.Engine().Collect(tb.Context())
	f(c.WithContext(ctx))
	return page{deps, c.plugin.Engine()}
}

// tracked is a page without reasons.
func (c *cached) tracked(tb testing.TB, f func(db *gorm.DB)) page {
	tb.Helper()
	p := c.page(tb, f)
	require.Empty(tb, p.reasons())
	require.NotZero(tb, p.Reads())
	require.True(tb, p.valid())
	return p
}

func TestAPageOfOneRowStandsOnThatRowOnly(t *testing.T) {
	t.Parallel()
	eachSetup(t, func(t *testing.T, c *cached) {
		for _, when := range []string{"on a miss", "on a hit"} {
			one := c.tracked(t, func(db *gorm.DB) { c.read(t, db, 1) })
			both := c.tracked(t, func(db *gorm.DB) { c.read(t, db, 1); c.read(t, db, 2) })
			c.set(t, c.DB, 2, 21)
			require.True(t, one.valid(), when)
			require.False(t, both.valid(), when)
			again := c.tracked(t, func(db *gorm.DB) { c.read(t, db, 1) })
			require.NoError(t, c.Create(c.with(Ware{Price: 40, Name: when})).Error)
			require.True(t, again.valid(), when)
			c.set(t, c.DB, 1, 11)
			require.False(t, one.valid(), when)
			require.False(t, again.valid(), when)
		}
	})
}

func TestAPageIsStaleWhileAWriteOfItsRowIsUnderWay(t *testing.T) {
	t.Parallel()
	eachTagged(t, func(t *testing.T, c *cached) {
		one := c.tracked(t, func(db *gorm.DB) { c.read(t, db, 1) })
		require.NoError(t, c.Transaction(func(tx *gorm.DB) error {
			c.set(t, tx, 1, 99)
			require.True(t, one.valid(), "nothing is visible before COMMIT")
			return nil
		}))
		require.False(t, one.valid())
	})
}

func TestAPageOfAnAbsentRowEndsWhenItIsCreated(t *testing.T) {
	t.Parallel()
	eachTagged(t, func(t *testing.T, c *cached) {
		for range 2 {
			gone := c.tracked(t, func(db *gorm.DB) { require.Error(t, db.First(c.new(), 4).Error) })
			require.NoError(t, c.Create(c.with(Ware{ID: 5})).Error)
			require.True(t, gone.valid())
			require.NoError(t, c.Create(c.with(Ware{ID: 4})).Error)
			require.False(t, gone.valid())
			require.NoError(t, c.Where("id > 3").Delete(c.new()).Error)
		}
	})
}

func TestAPageOfAQueryStandsOnItsTables(t *testing.T) {
	t.Parallel()
	eachSetup(t, func(t *testing.T, c *cached) {
		require.NoError(t, c.Create(&Part{ID: 1, WareID: 1}).Error)
		list := func(db *gorm.DB) { require.NoError(t, db.Where("price > ?", 15).Find(c.list()).Error) }
		join := func(db *gorm.DB) {
			require.NoError(t, db.Joins("JOIN parts ON parts.ware_id = wares.id").Find(c.list()).Error)
		}
		preload := func(db *gorm.DB) { require.NoError(t, db.Preload("Parts").First(c.new(), 1).Error) }
		untagged := func(db *gorm.DB) { require.NoError(t, db.Find(&[]Part{}).Error) }
		rows := func(db *gorm.DB) {
			r, err := db.Model(c.new()).Where("price > ?", 3).Rows()
			require.NoError(t, err)
			require.NoError(t, r.Close())
		}
		for range 2 {
			lists, joins, preloads, parts, open := c.tracked(t, list), c.tracked(t, join), c.tracked(t, preload), c.tracked(t, untagged), c.tracked(t, rows)
			require.NoError(t, c.Model(&Part{ID: 1}).Update("name", "x").Error)
			require.True(t, lists.valid() && open.valid())
			require.False(t, joins.valid())
			require.False(t, preloads.valid())
			require.False(t, parts.valid())
			parts = c.tracked(t, untagged)
			preloads = c.tracked(t, preload)
			c.set(t, c.DB, 2, 22)
			require.False(t, lists.valid())
			require.False(t, open.valid())
			require.True(t, parts.valid())
			require.True(t, preloads.valid(), "it stands on ware 1 and the parts")
			require.NoError(t, c.Exec("UPDATE wares SET price = 1").Error)
			require.False(t, preloads.valid())
		}
	})
}

func TestReadsThatStampsCannotVouchForHaveAReason(t *testing.T) {
	t.Parallel()
	eachTagged(t, func(t *testing.T, c *cached) {
		c.warm(t)
		var n int64
		for name, r := range map[string]struct {
			want coherence.Reason
			read func(db *gorm.DB) error
		}{
			"raw SQL":          {coherence.ReasonRaw, func(db *gorm.DB) error { return db.Raw("SELECT count(*) FROM wares").Scan(&n).Error }},
			"raw into a model": {coherence.ReasonRaw, func(db *gorm.DB) error { return db.Raw("SELECT * FROM wares").Find(c.list()).Error }},
			"a transaction": {coherence.ReasonTransaction, func(db *gorm.DB) error {
				return db.Transaction(func(tx *gorm.DB) error { return tx.First(c.new(), 1).Error })
			}},
			"rows in one": {coherence.ReasonTransaction, func(db *gorm.DB) error {
				return db.Transaction(func(tx *gorm.DB) error { return tx.Model(c.new()).Select("price").Scan(&n).Error })
			}},
			"a lock":          {coherence.ReasonLocking, func(db *gorm.DB) error { return db.Clauses(clause.Locking{Strength: "UPDATE"}).First(c.new(), 1).Error }},
			"a random number": {coherence.ReasonVolatile, func(db *gorm.DB) error { return db.Where("random() IS NOT NULL").Find(c.list()).Error }},
			"the clock":       {coherence.ReasonClock, func(db *gorm.DB) error { return db.Where("id > 0 OR ? IS NULL", time.Now()).Find(c.list()).Error }},
			"an expired moment": {coherence.ReasonClock, func(db *gorm.DB) error {
				return db.Model(c.new()).Where("id = ? AND ? IS NOT NULL", 1, time.Now()).Count(&n).Error
			}},
		} {
			p := c.page(t, func(db *gorm.DB) { _ = r.read(db) })
			require.Contains(t, p.reasons(), r.want, name)
			require.NotEmpty(t, p.Notes()[0].Site, name)
			require.Contains(t, p.Notes()[0].Site, "dependency_test.go", name)
		}
	})
}

func TestABypassedReadIsTrackedAllTheSame(t *testing.T) {
	t.Parallel()
	eachTagged(t, func(t *testing.T, c *cached) {
		ctx, deps := c.plugin.Engine().Collect(t.Context())
		c.read(t, c.WithContext(cacheplugin.Bypass(ctx)), 1)
		p := page{deps, c.plugin.Engine()}
		require.Empty(t, p.reasons())
		require.True(t, p.valid())
		c.set(t, c.DB, 1, 99)
		require.False(t, p.valid())
	})
}

func TestAPageWhoseHandlerWroteSaysSo(t *testing.T) {
	t.Parallel()
	eachSetup(t, func(t *testing.T, c *cached) {
		for name, write := range map[string]func(db *gorm.DB) error{
			"create": func(db *gorm.DB) error { return db.Create(c.with(Ware{})).Error },
			"update": func(db *gorm.DB) error { return db.Model(c.with(Ware{ID: 1})).Update("price", 1).Error },
			"delete": func(db *gorm.DB) error { return db.Delete(c.with(Ware{ID: 3})).Error },
			"exec":   func(db *gorm.DB) error { return db.Exec("UPDATE wares SET price = 2").Error },
			"raw": func(db *gorm.DB) error {
				if c.database.Name == "mysql" { // its UPDATE returns no rows
					return db.Raw("INSERT INTO parts (ware_id) VALUES (1) RETURNING id").Scan(new(int64)).Error
				}
				return db.Raw("UPDATE wares SET price = 3 RETURNING price").Scan(new(int64)).Error
			},
			"untagged": func(db *gorm.DB) error { return db.Create(&Part{WareID: 1}).Error },
		} {
			p := c.page(t, func(db *gorm.DB) { require.NoError(t, write(db)) })
			require.Contains(t, p.reasons(), coherence.ReasonWrote, name)

			_, deps := c.plugin.Engine().Collect(t.Context())
			leave := deps.Enter()
			_ = write(c.WithContext(t.Context())) // of rows that may be there already; that it was sent is what counts
			leave()
			require.Contains(t, page{deps, c.plugin.Engine()}.reasons(), coherence.ReasonWrote, "%s without the page's context", name)
		}
		p := c.page(t, func(db *gorm.DB) { c.read(t, db, 1) })
		require.Empty(t, p.reasons())
	})
}

func TestAReadWithoutTheRequestsContextIsAStray(t *testing.T) {
	t.Parallel()
	eachTagged(t, func(t *testing.T, c *cached) {
		for name, read := range map[string]func() error{
			"by key": func() error { return c.First(c.new(), 1).Error },
			"a list": func() error { return c.Find(c.list()).Error },
			"a scan": func() error { return c.Model(c.new()).Select("price").Scan(&[]int64{}).Error },
			"raw":    func() error { return c.Raw("SELECT 1").Scan(new(int64)).Error },
		} {
			_, deps := c.plugin.Engine().Collect(t.Context())
			leave := deps.Enter()
			require.NoError(t, read(), name)
			leave()
			require.Equal(t, []coherence.Reason{coherence.ReasonStray}, page{deps, c.plugin.Engine()}.reasons(), name)
			require.NoError(t, read(), name)
			require.Len(t, deps.Notes(), 1, "after the page nobody minds")
		}
	})
}

type scopeKey struct{}

func inScope(ctx context.Context, scope string) context.Context {
	return context.WithValue(ctx, scopeKey{}, scope)
}

func TestScopesShareNoEntries(t *testing.T) {
	t.Parallel()
	eachTagged(t, func(t *testing.T, c *cached) {
		c = c.again(t, nil, cacheplugin.WithScope(func(ctx context.Context) string {
			scope, _ := ctx.Value(scopeKey{}).(string)
			return scope
		}))
		ann, bob := c.WithContext(inScope(t.Context(), "ann")), c.WithContext(inScope(t.Context(), "bob"))
		for _, db := range []*gorm.DB{ann, bob} {
			c.sends(t, func() { c.read(t, db, 1) })
			c.silent(t, func() { c.read(t, db, 1) })
			c.sends(t, func() { require.NoError(t, db.Find(c.list()).Error) })
			c.silent(t, func() { require.NoError(t, db.Find(c.list()).Error) })
		}
		c.set(t, ann, 1, 99)
		require.EqualValues(t, 99, c.read(t, bob, 1).Price, "a write of one scope is a write for all")
		require.EqualValues(t, 99, c.read(t, ann, 1).Price)
	})
}

func TestAReadUnderAnotherScopeIsAReason(t *testing.T) {
	t.Parallel()
	eachTagged(t, func(t *testing.T, c *cached) {
		c = c.again(t, nil, cacheplugin.WithScope(func(ctx context.Context) string {
			scope, _ := ctx.Value(scopeKey{}).(string)
			return scope
		}))
		ctx, deps := c.plugin.Engine().Collect(inScope(t.Context(), "ann"))
		for range 2 {
			c.read(t, c.WithContext(ctx), 1)
		}
		require.Empty(t, deps.Notes())
		for _, read := range []func(db *gorm.DB) error{
			func(db *gorm.DB) error { return db.First(c.new(), 1).Error },
			func(db *gorm.DB) error { return db.Find(c.list()).Error },
			func(db *gorm.DB) error { return db.Model(c.new()).Select("price").Scan(&[]int64{}).Error },
		} {
			ctx, deps := c.plugin.Engine().Collect(inScope(t.Context(), "ann"))
			require.NoError(t, read(c.WithContext(inScope(ctx, "bob"))))
			require.Contains(t, page{deps, c.plugin.Engine()}.reasons(), coherence.ReasonScope)
		}
	})
}

func TestInvalidateMovesRowsAndTables(t *testing.T) {
	t.Parallel()
	eachSetup(t, func(t *testing.T, c *cached) {
		c.warm(t)
		require.NoError(t, c.plain.Exec("UPDATE wares SET price = price + 1").Error)
		require.NoError(t, c.plugin.Invalidate(t.Context(), c.new(), 1))
		require.EqualValues(t, 11, c.price(t, 1))
		c.silent(t, func() { require.EqualValues(t, 20, c.price(t, 2), "nobody told the plugin of this one") })
		require.NoError(t, c.plugin.Invalidate(t.Context(), c.new()))
		require.EqualValues(t, 21, c.price(t, 2))
		require.Equal(t, []int64{11, 21, 31}, c.prices(t))
		require.Error(t, c.plugin.Invalidate(t.Context(), 7))
		require.Error(t, cacheplugin.New().Invalidate(t.Context(), c.new()))
	})
}
