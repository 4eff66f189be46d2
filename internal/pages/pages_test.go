package pages_test

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"
	"gorm.io/gorm"

	"github.com/cachewright/cachewright/coherence"
	cacheplugin "github.com/cachewright/cachewright/gormplugin"
	"github.com/cachewright/cachewright/internal/testkit"
	pagecache "github.com/cachewright/cachewright/middleware"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

type Product struct {
	_       struct{} `cache:"aside"`
	ID      int64    `gorm:"primaryKey"`
	Name    string
	Price   int64
	Added   time.Time
	Reviews []Review
}

type Review struct {
	_         struct{} `cache:"aside"`
	ID        int64    `gorm:"primaryKey"`
	ProductID int64
	Text      string
}

type Account struct { // not cached; its rows count all the same
	ID   int64 `gorm:"primaryKey"`
	Role string
}

// shop is a database with the plugin, and a door.
type shop struct {
	testing.TB
	db     *gorm.DB
	engine *coherence.Engine
}

func open(t *testing.T) *shop {
	t.Helper()
	db := testkit.SQLiteDatabase(t).Open(t, nil)
	require.NoError(t, db.AutoMigrate(&Product{}, &Review{}, &Account{}))
	plugin := cacheplugin.New()
	require.NoError(t, db.Use(plugin))
	t.Cleanup(func() { require.NoError(t, plugin.Close(context.Background())) })
	require.NoError(t, db.Create(&[]Product{{ID: 1, Name: "violin", Price: 10}, {ID: 2, Name: "viola", Price: 20}}).Error)
	require.NoError(t, db.Create(&[]Review{{ID: 1, ProductID: 1, Text: "bright"}, {ID: 2, ProductID: 2, Text: "dark"}}).Error)
	require.NoError(t, db.Create(&Account{ID: 1, Role: "guest"}).Error)
	return &shop{TB: t, db: db, engine: plugin.Engine()}
}

// reads is the body of a page: a read of the database, with the request's context in db.
type reads func(db *gorm.DB, r *http.Request) string

func (s *shop) page(body reads, opts ...pagecache.Option) http.Handler {
	return pagecache.Shared(s.engine, opts...)(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "/fresh" {
			w.Header().Set("Cache-Control", "max-age=60")
		}
		text := body(s.db.WithContext(r.Context()), r)
		if text == "" {
			http.Error(w, "none", http.StatusNotFound)
			return
		}
		_, _ = io.WriteString(w, text)
	}))
}

// ask sends a GET and returns the body, and what Cache-Status says.
func ask(h http.Handler, path string) (body, status string) {
	rec := httptest.NewRecorder()
	h.ServeHTTP(rec, httptest.NewRequest(http.MethodGet, path, nil))
	return strings.TrimSpace(rec.Body.String()), rec.Header().Get("Cache-Status")
}

func (s *shop) requireHit(h http.Handler, want string) {
	s.Helper()
	body, status := ask(h, "/")
	require.Contains(s, status, ";hit")
	require.Equal(s, want, body)
}

func (s *shop) requireStored(h http.Handler, want string) {
	s.Helper()
	body, status := ask(h, "/")
	require.Contains(s, status, ";stored")
	require.Equal(s, want, body)
}

func (s *shop) requireRefused(h http.Handler, why pagecache.Reason) {
	s.Helper()
	for range 2 {
		_, status := ask(h, "/")
		require.True(s, strings.HasSuffix(status, "detail="+string(why)), status)
	}
}

func price(db *gorm.DB, _ *http.Request) string {
	var p Product
	if db.First(&p, 1).Error != nil {
		return ""
	}
	return fmt.Sprint(p.Name, " ", p.Price)
}

func TestAPageGoesWhenWhatItReadChangesAndNotBefore(t *testing.T) {
	t.Parallel()
	exec := func(sql string) func(*gorm.DB) error { return func(db *gorm.DB) error { return db.Exec(sql).Error } }
	for name, c := range map[string]struct {
		body          reads
		before, after string
		write         func(*gorm.DB) error
		harmless      func(*gorm.DB) error
	}{
		"a row": {
			price, "violin 10", "violin 11",
			func(db *gorm.DB) error { return db.Model(&Product{ID: 1}).Update("price", 11).Error },
			func(db *gorm.DB) error { return db.Model(&Product{ID: 2}).Update("price", 21).Error },
		},
		"a row, written by SQL": {price, "violin 10", "violin 12", exec("UPDATE products SET price = 12 WHERE id = 1"), exec("UPDATE accounts SET role = 'x'")},
		"a row, in bulk": {
			price, "violin 10", "violin 20",
			func(db *gorm.DB) error {
				return db.Model(&Product{}).Where("price < ?", 15).Update("price", gorm.Expr("2 * price")).Error
			},
			func(db *gorm.DB) error { return db.Model(&Review{}).Where("true").Update("text", "x").Error },
		},
		"a row that is not there": {
			func(db *gorm.DB, _ *http.Request) string {
				var p Product
				if db.First(&p, 3).Error != nil {
					return ""
				}
				return p.Name
			}, "none", "cello",
			func(db *gorm.DB) error { return db.Create(&Product{ID: 3, Name: "cello"}).Error },
			func(db *gorm.DB) error { return db.Create(&Product{ID: 4, Name: "bass"}).Error },
		},
		"a list": {
			func(db *gorm.DB, _ *http.Request) string {
				var names []string
				db.Model(&Product{}).Where("price >= ?", 15).Order("id").Pluck("name", &names)
				return strings.Join(names, " ")
			}, "viola", "viola cello",
			func(db *gorm.DB) error { return db.Create(&Product{ID: 3, Name: "cello", Price: 30}).Error },
			func(db *gorm.DB) error { return db.Create(&Review{ProductID: 1}).Error },
		},
		"a count": {
			func(db *gorm.DB, _ *http.Request) string {
				var n int64
				db.Model(&Review{}).Where("product_id = ?", 1).Count(&n)
				return fmt.Sprint(n)
			}, "1", "2",
			func(db *gorm.DB) error { return db.Create(&Review{ProductID: 1}).Error },
			func(db *gorm.DB) error { return db.Create(&Account{Role: "x"}).Error },
		},
		"a preload": {
			func(db *gorm.DB, _ *http.Request) string {
				var p Product
				db.Preload("Reviews").First(&p, 1)
				return fmt.Sprint(p.Name, len(p.Reviews))
			}, "violin1", "violin2",
			func(db *gorm.DB) error { return db.Create(&Review{ProductID: 1}).Error },
			func(db *gorm.DB) error { return db.Create(&Account{Role: "x"}).Error },
		},
		"a join": {
			func(db *gorm.DB, _ *http.Request) string {
				var texts []string
				db.Model(&Product{}).Joins("JOIN reviews ON reviews.product_id = products.id").Where("products.id = ?", 1).Order("reviews.id").Pluck("reviews.text", &texts)
				return strings.Join(texts, " ")
			}, "bright", "loud",
			func(db *gorm.DB) error { return db.Model(&Review{ID: 1}).Update("text", "loud").Error },
			func(db *gorm.DB) error { return db.Create(&Account{Role: "x"}).Error },
		},
		"a model that is not cached": {
			func(db *gorm.DB, _ *http.Request) string {
				var a Account
				db.First(&a, 1)
				return a.Role
			}, "guest", "admin",
			func(db *gorm.DB) error { return db.Model(&Account{ID: 1}).Update("role", "admin").Error },
			func(db *gorm.DB) error { return db.Create(&Product{Name: "x"}).Error },
		},
		"reads on other goroutines": {
			func(db *gorm.DB, r *http.Request) string {
				var wg sync.WaitGroup
				parts := make([]string, 2)
				wg.Go(func() { parts[0] = price(db, r) })
				wg.Go(func() {
					var text Review
					db.First(&text, 1)
					parts[1] = text.Text
				})
				wg.Wait()
				return strings.Join(parts, ", ")
			}, "violin 10, bright", "violin 10, loud",
			func(db *gorm.DB) error { return db.Model(&Review{ID: 1}).Update("text", "loud").Error },
			func(db *gorm.DB) error { return db.Create(&Account{Role: "x"}).Error },
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := open(t)
			h := s.page(c.body)
			s.requireStored(h, c.before)
			s.requireHit(h, c.before)
			require.NoError(t, c.harmless(s.db))
			s.requireHit(h, c.before)
			require.ErrorIs(t, s.db.Transaction(func(tx *gorm.DB) error {
				require.NoError(t, c.write(tx))
				s.requireHit(h, c.before) // what is not committed is not seen
				return gorm.ErrInvalidTransaction
			}), gorm.ErrInvalidTransaction)
			s.requireHit(h, c.before)
			require.NoError(t, c.write(s.db))
			s.requireStored(h, c.after)
			s.requireHit(h, c.after)
		})
	}
}

func TestWhatStampsCannotVouchForKeepsAPageOut(t *testing.T) {
	t.Parallel()
	for why, body := range map[pagecache.Reason]reads{
		coherence.ReasonRaw: func(db *gorm.DB, _ *http.Request) (name string) {
			db.Raw("SELECT name FROM products WHERE id = 1").Scan(&name)
			return name
		},
		coherence.ReasonTransaction: func(db *gorm.DB, r *http.Request) (text string) {
			_ = db.Transaction(func(tx *gorm.DB) error {
				text = price(tx, r)
				return nil
			})
			return text
		},
		coherence.ReasonClock: func(db *gorm.DB, _ *http.Request) string {
			var n int64
			db.Model(&Product{}).Where("added < ?", time.Now()).Count(&n)
			return fmt.Sprint(n)
		},
		coherence.ReasonStray: func(db *gorm.DB, r *http.Request) string {
			return price(db, r) + price(db.WithContext(context.Background()), r)
		},
		coherence.ReasonWrote: func(db *gorm.DB, r *http.Request) string {
			db.Model(&Product{ID: 2}).Update("price", gorm.Expr("price + 1"))
			return price(db, r)
		},
		coherence.ReasonUntracked: func(db *gorm.DB, r *http.Request) string {
			coherence.Untracked(r.Context())
			return price(db, r)
		},
	} {
		t.Run(string(why), func(t *testing.T) {
			t.Parallel()
			s := open(t)
			s.requireRefused(s.page(body), why)
		})
	}
}

func TestAPageWithAnUntrackedReadAndExplicitFreshnessGoesWithItsStamps(t *testing.T) {
	t.Parallel()
	s := open(t)
	h := s.page(func(db *gorm.DB, r *http.Request) string {
		var name string
		db.Raw("SELECT name FROM products WHERE id = 2").Scan(&name)
		return price(db, r) + " " + name
	})
	ask(h, "/fresh")
	_, status := ask(h, "/fresh")
	require.Contains(t, status, ";hit")
	require.NoError(t, s.db.Model(&Product{ID: 1}).Update("price", 11).Error)
	body, status := ask(h, "/fresh")
	require.Contains(t, status, "fwd=stale")
	require.Equal(t, "violin 11 viola", body)
}

func TestAReadAfterTheHandlerReturnedTakesThePageAway(t *testing.T) {
	t.Parallel()
	s := open(t)
	var late sync.WaitGroup
	returned := make(chan struct{})
	h := s.page(func(db *gorm.DB, r *http.Request) string {
		if r.Header.Get("X-Request-Id") == "" {
			late.Go(func() {
				<-returned
				var again Product
				db.WithContext(context.WithoutCancel(r.Context())).First(&again, 2)
			})
		}
		return price(db, r)
	})
	s.requireStored(h, "violin 10")
	close(returned)
	late.Wait()
	_, status := ask(h, "/")
	require.NotContains(t, status, ";hit")
	late.Wait()
}

func TestReadsOfMiddlewareOutsideCountUnderTrack(t *testing.T) {
	t.Parallel()
	s := open(t)
	authorize := func(next http.Handler) http.Handler {
		return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			var a Account
			if s.db.WithContext(r.Context()).First(&a, 1).Error != nil || a.Role == "banned" {
				http.Error(w, "no", http.StatusForbidden)
				return
			}
			next.ServeHTTP(w, r.WithContext(context.WithValue(r.Context(), Account{}, a.Role)))
		})
	}
	page := s.page(func(db *gorm.DB, r *http.Request) string {
		return price(db, r) + " for " + r.Context().Value(Account{}).(string)
	})
	h := pagecache.Track(s.engine)(authorize(page))
	s.requireStored(h, "violin 10 for guest")
	s.requireHit(h, "violin 10 for guest")
	require.NoError(t, s.db.Model(&Account{ID: 1}).Update("role", "admin").Error)
	s.requireStored(h, "violin 10 for admin")
	require.NoError(t, s.db.Model(&Account{ID: 1}).Update("role", "banned").Error)
	body, _ := ask(h, "/")
	require.Equal(t, "no", body)
}

func TestAPageOfFiveThousandRowsStandsOnTheirTable(t *testing.T) {
	t.Parallel()
	s := open(t)
	h := s.page(func(db *gorm.DB, _ *http.Request) string {
		seen := 0
		for id := range coherence.MaxStamps + 500 {
			var p Product
			if db.Limit(1).Find(&p, id+1); p.ID != 0 {
				seen++
			}
		}
		return fmt.Sprint(seen)
	})
	s.requireStored(h, "2")
	s.requireHit(h, "2")
	require.NoError(t, s.db.Create(&Product{ID: coherence.MaxStamps + 400, Name: "late"}).Error)
	s.requireStored(h, "3")
}
