package cacheplugin_test

import (
	"context"
	"errors"
	"math/rand/v2"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/stretchr/testify/require"
	"gorm.io/gorm"
	"gorm.io/gorm/clause"

	"github.com/cachewright/cachewright/coherence"
	"github.com/cachewright/cachewright/internal/switches"
	"github.com/cachewright/cachewright/internal/testkit"
)

// many reads wares by their keys in the order of these.
func (c *cached) many(tb testing.TB, db *gorm.DB, ids ...int64) []int64 {
	tb.Helper()
	list := c.list()
	require.NoError(tb, db.Order("id").Find(list, ids).Error)
	prices := []int64{}
	for _, w := range c.wares(list) {
		require.Equal(tb, 1, w.Found, "AfterFind ran once")
		prices = append(prices, w.Price)
	}
	return prices
}

func TestAReadByManyKeysAsksForThoseThatAreMissing(t *testing.T) {
	t.Parallel()
	eachSetup(t, func(t *testing.T, c *cached) {
		c.price(t, 2)
		c.sends(t, func() { require.Equal(t, []int64{10, 20, 30}, c.many(t, c.DB, 3, 1, 2, 9, 1)) })
		for _, sql := range c.probe.Statements() {
			if strings.Contains(sql, "IN (") {
				require.NotContains(t, sql, "ORDER BY", "only what is missing is asked for")
			}
		}
		c.silent(t, func() {
			require.Equal(t, []int64{10, 20, 30}, c.many(t, c.DB, 1, 2, 3, 9))
			require.Equal(t, []int64{30}, c.many(t, c.DB, 3))
			require.EqualValues(t, 30, c.price(t, 3))
			c.missing(t, 9)
			desc := c.list()
			require.NoError(t, c.Order(clause.OrderByColumn{Column: clause.PrimaryColumn, Desc: true}).Find(desc, "id IN ?", []int64{1, 3}).Error)
			require.EqualValues(t, 30, c.wares(desc)[0].Price)
		})
		c.set(t, c.DB, 2, 99)
		c.silent(t, func() { require.Equal(t, []int64{10, 30}, c.many(t, c.DB, 1, 3)) })
		require.Equal(t, []int64{10, 99, 30}, c.many(t, c.DB, 1, 2, 3))
		require.NoError(t, c.Create(c.with(Ware{ID: 9, Price: 90})).Error)
		require.Equal(t, []int64{10, 90}, c.many(t, c.DB, 1, 9))
	})
}

func TestAPageOfManyKeysStandsOnThoseRowsOnly(t *testing.T) {
	t.Parallel()
	eachSetup(t, func(t *testing.T, c *cached) {
		for range 2 { // on a miss, and on a hit
			p := c.tracked(t, func(db *gorm.DB) { c.many(t, db, 1, 2) })
			c.set(t, c.DB, 3, 31)
			require.True(t, p.valid())
			c.set(t, c.DB, 2, 21)
			require.False(t, p.valid())
			c.many(t, c.DB, 1, 2)
		}
	})
}

func TestManyKeysInAnyOtherFormGiveWhatTheDatabaseGives(t *testing.T) {
	t.Parallel()
	eachSetup(t, func(t *testing.T, c *cached) {
		c.warm(t)
		for name, query := range map[string]func(db *gorm.DB, list any) *gorm.DB{
			"ordered":                func(db *gorm.DB, list any) *gorm.DB { return db.Order("id").Find(list, []int64{3, 2}) },
			"ordered by the table's": func(db *gorm.DB, list any) *gorm.DB { return db.Order("wares.id DESC").Find(list, []int64{3, 2}) },
			"asc":                    func(db *gorm.DB, list any) *gorm.DB { return db.Order("id asc").Find(list, []int64{3, 2}) },
			"by another order":       func(db *gorm.DB, list any) *gorm.DB { return db.Order("price DESC").Find(list, []int64{1, 2}) },
			"by two orders": func(db *gorm.DB, list any) *gorm.DB {
				return db.Order("name").Order("id desc").Find(list, []int64{1, 2})
			},
			"limited": func(db *gorm.DB, list any) *gorm.DB { return db.Order("id").Limit(1).Find(list, []int64{3, 2}) },
			"from an offset": func(db *gorm.DB, list any) *gorm.DB {
				return db.Order("id").Limit(2).Offset(1).Find(list, []int64{1, 3})
			},
			"with more conditions": func(db *gorm.DB, list any) *gorm.DB {
				return db.Where("price > 10").Order("id").Find(list, []int64{1, 3})
			},
			"with some columns": func(db *gorm.DB, list any) *gorm.DB {
				return db.Select("id", "price").Order("id").Find(list, []int64{1, 3})
			},
			"or": func(db *gorm.DB, list any) *gorm.DB { return db.Where("id = 1").Or("id = ?", 3).Order("id").Find(list) },
			"or in the text": func(db *gorm.DB, list any) *gorm.DB {
				return db.Order("id").Find(list, "id = ? OR id = ? AND id = ?", 1, 2, 2)
			},
			"twice in the text": func(db *gorm.DB, list any) *gorm.DB { return db.Order("id").Find(list, "id = ? AND id = ?", 1, 2) },
			"between":           func(db *gorm.DB, list any) *gorm.DB { return db.Order("id").Find(list, "id BETWEEN ? AND ?", 1, 2) },
			"not":               func(db *gorm.DB, list any) *gorm.DB { return db.Not([]int64{1}).Order("id").Find(list) },
			"none":              func(db *gorm.DB, list any) *gorm.DB { return db.Order("id").Find(list, []int64{}) },
			"nothing there":     func(db *gorm.DB, list any) *gorm.DB { return db.Order("id").Find(list, []int64{77, 78}) },
			"grouped":           func(db *gorm.DB, list any) *gorm.DB { return db.Group("id").Order("id").Find(list, []int64{1, 3}) },
			"a locking read": func(db *gorm.DB, list any) *gorm.DB {
				return db.Clauses(clause.Locking{Strength: "UPDATE"}).Order("id").Find(list, []int64{1, 3})
			},
		} {
			for range 3 {
				want, got := c.list(), c.list()
				plain, with := query(c.plain, want), query(c.DB, got)
				require.Equal(t, plain.Error, with.Error, name)
				require.Equal(t, plain.RowsAffected, with.RowsAffected, name)
				require.Equal(t, want, got, name)
			}
		}
	})
}

func TestManyKeysReadWhileOneIsWrittenAreOfOneState(t *testing.T) {
	t.Parallel()
	eachTagged(t, func(t *testing.T, c *cached) {
		rounds := 150
		if c.database.Name == "postgres" {
			rounds = 50
		}
		require.NoError(t, c.plain.Exec("UPDATE wares SET price = 0").Error)
		done := make(chan struct{})
		var readers sync.WaitGroup
		for range 3 {
			readers.Go(func() {
				for {
					select {
					case <-done:
						return
					default:
					}
					list := c.list()
					err := c.WithContext(context.Background()).Order("id").Find(list, []int64{1, 2, 3}).Error
					prices := []int64{}
					for _, w := range c.wares(list) {
						prices = append(prices, w.Price)
					}
					if err != nil || len(prices) != 3 || slices.Min(prices) != slices.Max(prices) {
						t.Errorf("read %v, error %v", prices, err)
						return
					}
				}
			})
		}
		for round := range int64(rounds) {
			require.NoError(t, c.Transaction(func(tx *gorm.DB) error {
				return errors.Join(
					tx.Model(c.with(Ware{ID: 1})).Update("price", round).Error,
					tx.Model(c.with(Ware{ID: 2})).Update("price", round).Error,
					tx.Model(c.with(Ware{ID: 3})).Update("price", round).Error)
			}))
			c.price(t, 1+rand.Int64N(3)) // so that some are found and some are not
		}
		close(done)
		readers.Wait()
	})
}

func TestManyKeysWhoseStampsMoveAreReadAsAWhole(t *testing.T) {
	t.Parallel()
	eachTagged(t, func(t *testing.T, c *cached) {
		require.Equal(t, []int64{11, 20, 30}, c.manyWhileOneMoves(t), "the row found is older than the one that was read")
	})
}

func TestManyKeysAreOfTwoStatesWithoutTheLastLook(t *testing.T) { //nolint:paralleltest // the switch is the process's
	eachTagged(t, func(t *testing.T, c *cached) {
		switches.Disable(t, switches.RecheckTogether)
		require.Equal(t, []int64{10, 20, 30}, c.manyWhileOneMoves(t), "nothing but the rule keeps the old row out")
	})
}

// manyWhileOneMoves reads rows 1 to 3, the first two of them from the cache, and changes row 1 after row 3 was read.
func (c *cached) manyWhileOneMoves(t *testing.T) []int64 {
	t.Helper()
	c.price(t, 1)
	c.price(t, 2) // found; 3 is missing
	var once sync.Once
	remove := c.probe.After(func(_ context.Context, call testkit.Call, err error) error {
		if strings.Contains(call.SQL, "IN (") || strings.Contains(call.SQL, "= $1") || strings.Contains(call.SQL, "= ?") {
			once.Do(func() {
				require.NoError(t, c.plain.Exec("UPDATE wares SET price = 11 WHERE id = 1").Error)
				require.NoError(t, c.plugin.Engine().Invalidate(context.Background(), coherence.TableTag("wares").Row(1)))
			})
		}
		return err
	})
	defer remove()
	return c.many(t, c.DB, 1, 2, 3)
}

// Mooring has a key of two columns.
type Mooring struct {
	_    struct{} `cache:"aside"`
	Dock int64    `gorm:"primaryKey;autoIncrement:false"`
	Slot int64    `gorm:"primaryKey;autoIncrement:false"`
	Ship string
}

func TestAKeyOfTwoColumnsIsRecognisedInAText(t *testing.T) {
	t.Parallel()
	testkit.EachDatabase(t, func(t *testing.T, database testkit.Database) {
		db, probe := database.OpenCounted(t, nil)
		usePlugin(t, db)
		require.NoError(t, db.AutoMigrate(&Mooring{}))
		require.NoError(t, db.Create(&[]Mooring{{Dock: 1, Slot: 2, Ship: "a"}, {Dock: 2, Slot: 3, Ship: "b"}}).Error)
		var b Mooring
		require.NoError(t, db.Take(&b, "dock = ? AND slot = ?", 1, 2).Error)
		probe.Reset()
		for _, text := range []string{"dock = ? AND slot = ?", `moorings.dock = ? and "slot" = ?`} {
			var again Mooring
			require.NoError(t, db.Take(&again, text, 1, 2).Error)
			require.Equal(t, b, again)
		}
		require.Empty(t, probe.Statements())
		require.NoError(t, db.Model(&Mooring{Dock: 2, Slot: 3}).Update("ship", "c").Error)
		probe.Reset()
		require.NoError(t, db.Take(&Mooring{}, "slot = ? AND dock = ?", 2, 1).Error)
		require.Empty(t, probe.Statements(), "another row was written")
		require.ErrorIs(t, db.Take(&Mooring{}, "dock = ? AND slot = ?", 1, 1).Error, gorm.ErrRecordNotFound)
	})
}
