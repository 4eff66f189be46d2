package cacheplugin_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
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

// Gauge has a column of every kind a pending row is shown in.
type Gauge struct {
	_     struct{} `cache:"writeback,flush=1h"`
	Key   string   `gorm:"primaryKey;size:40"`
	I16   int16    `gorm:"type:smallint"`
	I32   int32
	I64   int64
	U     uint32
	Flag  bool
	F     float64
	D     float64 `gorm:"type:double precision"`
	Text  string
	Short string `gorm:"size:8"`
	Blob  []byte
	At    time.Time
	Zone  *time.Time
	Plain time.Time `gorm:"type:timestamp"`
	UUID  string    `gorm:"type:uuid"`
	PI    *int64
	PB    *bool
	PS    *string
	PF    *float64
}

func gauges() []Gauge {
	east := time.FixedZone("east", 5*3600+1800)
	at := time.Date(2031, 5, 6, 7, 8, 9, 123456789, east)
	later := time.Date(1969, 2, 3, 4, 5, 6, 999999999, time.FixedZone("west", -7*3600))
	yes, n, s, f := true, int64(-9), "é\n'\"", 0.1
	return []Gauge{
		{Key: "zero", At: at, Plain: at, UUID: "00000000-0000-0000-0000-000000000000"},
		{
			Key: "full", I16: -32768, I32: 1 << 30, I64: -1 << 63, U: 1<<32 - 1, Flag: true, F: 12345.678901, D: 1e-300, Text: "naïve ☃",
			Short: "ééééé☃☃☃", Blob: []byte{0, 1, 255}, At: at, Zone: &later, Plain: later,
			UUID: "F47AC10B-58CC-4372-A567-0E02B2C3D479", PI: &n, PB: &yes, PS: &s, PF: &f,
		},
		{Key: "edges", F: 1e21, D: -0.5, Blob: []byte{}, At: later, Zone: &at, Plain: at.UTC(), UUID: "f47ac10b-58cc-4372-a567-0e02b2c3d479", Text: ""},
		{Key: "tiny", F: 1e-9, D: 100000, At: at.Local(), Plain: at, UUID: "f47ac10b-58cc-4372-a567-0e02b2c3d479"},
	}
}

func TestAPendingRowReadsAsTheDatabaseWillReturnIt(t *testing.T) {
	t.Parallel()
	testkit.EachDatabase(t, func(t *testing.T, database testkit.Database) {
		t.Parallel()
		db, probe := database.OpenCounted(t, nil)
		require.NoError(t, db.AutoMigrate(&Gauge{}))
		cache := usePlugin(t, db)
		read := func(db *gorm.DB, key string) string {
			var g Gauge
			require.NoError(t, db.First(&g, "key = ?", key).Error)
			var pointers []*Gauge
			require.NoError(t, db.Where("key = ?", key).Find(&pointers).Error)
			require.Equal(t, g, *pointers[0])
			text := string(must(json.Marshal(g)))
			g.PI, g.PB, g.PS, g.PF = nil, nil, nil, nil
			if g.Zone != nil {
				text, g.Zone = text+fmt.Sprintf("%#v", *g.Zone), nil
			}
			return fmt.Sprintf("%#v %s", g, text)
		}
		require.NoError(t, db.Create(&gauges()[0]).Error)
		require.NoError(t, cache.Flush(t.Context()))
		require.NoError(t, db.Delete(&Gauge{Key: "zero"}).Error)
		for _, g := range gauges() {
			t.Run(g.Key, func(t *testing.T) {
				probe.Reset()
				require.NoError(t, db.Create(&g).Error)
				if database.Name == "sqlite" && g.Key == "edges" { // an empty value of bytes reads as none
					require.NotZero(t, probe.CountMatching(sent))
					require.NoError(t, db.Model(&g).Update("blob", []byte{1}).Error)
					probe.Reset()
				}
				require.Zero(t, probe.CountMatching(sent), "every kind may wait: %v", probe.Calls())
				created := read(db, g.Key)
				require.NoError(t, db.Model(&Gauge{Key: g.Key}).Select("*").Omit("key").Updates(&g).Error)
				require.Zero(t, probe.CountMatching(sent), probe.Calls())
				require.Equal(t, created, read(db, g.Key))
				require.NoError(t, cache.Flush(t.Context()))
				require.Equal(t, read(database.Open(t, nil), g.Key), created)
				require.Equal(t, created, read(db, g.Key))

				// The same from an update of a row that was loaded, into a map as well.
				require.NoError(t, db.Model(&Gauge{Key: g.Key}).Update("i64", 5).Error)
				updated := read(db, g.Key)
				var pending, flushed []map[string]any
				require.NoError(t, db.Model(&Gauge{}).Where("key = ?", g.Key).Find(&pending).Error)
				require.NoError(t, cache.Flush(t.Context()))
				require.Equal(t, updated, read(database.Open(t, nil), g.Key))
				require.NoError(t, database.Open(t, nil).Model(&Gauge{}).Where("key = ?", g.Key).Find(&flushed).Error)
				require.Equal(t, flushed, pending)
			})
		}
	})
}

func must[T any](v T, err error) T {
	if err != nil {
		panic(err)
	}
	return v
}

func TestEveryReadSeesWhatWasAcknowledged(t *testing.T) {
	eachBuffered(t, func(t *testing.T, b *buffered) {
		b.ready(t, 1, 2)
		want := int64(20)
		for name, sum := range map[string]func(db *gorm.DB) (int64, error){
			"Find": func(db *gorm.DB) (n int64, err error) {
				var all []Tally
				err = db.Find(&all).Error
				for _, tally := range all {
					n += tally.N
				}
				return n, err
			},
			"maps": func(db *gorm.DB) (n int64, err error) {
				var all []map[string]any
				err = db.Model(&Tally{}).Find(&all).Error
				for _, tally := range all {
					n += tally["n"].(int64)
				}
				return n, err
			},
			"several keys": func(db *gorm.DB) (n int64, err error) {
				var all []Tally
				err = db.Find(&all, []int64{1, 2}).Error
				for _, tally := range all {
					n += tally.N
				}
				return n, err
			},
			"Pluck": func(db *gorm.DB) (int64, error) {
				var all []int64
				err := db.Model(&Tally{}).Pluck("n", &all).Error
				return all[0] + all[1], err
			},
			"Scan": func(db *gorm.DB) (n int64, err error) {
				err = db.Model(&Tally{}).Select("sum(n)").Scan(&n).Error
				return n, err
			},
			"Raw": func(db *gorm.DB) (n int64, err error) {
				err = db.Raw("SELECT sum(n) FROM tallies").Scan(&n).Error
				return n, err
			},
			"Row": func(db *gorm.DB) (n int64, err error) { return n, db.Model(&Tally{}).Select("sum(n)").Row().Scan(&n) },
			"join": func(db *gorm.DB) (n int64, err error) {
				err = db.Table("tallies a").Joins("JOIN tallies b ON b.id = a.id").Select("sum(b.n)").Scan(&n).Error
				return n, err
			},
			"another struct": func(db *gorm.DB) (int64, error) {
				var first, second OtherTally
				err := errors.Join(db.First(&first, 1).Error, db.First(&second, 2).Error)
				return first.N + second.N, err
			},
			"bypass": func(db *gorm.DB) (int64, error) {
				var all []Tally
				err := db.WithContext(cacheplugin.Bypass(t.Context())).Find(&all).Error
				return all[0].N + all[1].N, err
			},
			"transaction": func(db *gorm.DB) (n int64, err error) {
				err = db.Transaction(func(tx *gorm.DB) error { return tx.Model(&Tally{}).Select("sum(n)").Scan(&n).Error })
				return n, err
			},
		} {
			t.Run(name, func(t *testing.T) {
				for range 2 {
					require.NoError(t, b.add(1, 1).Error)
					want++
					got, err := sum(b.db)
					require.NoError(t, err)
					require.Equal(t, want, got)
				}
			})
		}
	})
}

func TestAQueryThatMayLagFlushesNothing(t *testing.T) {
	eachBuffered(t, func(t *testing.T, b *buffered) {
		b.ready(t, 1)
		require.NoError(t, b.add(1, 5).Error)
		var all []Tally
		require.NoError(t, b.db.Find(&all).Error)
		require.EqualValues(t, 10, all[0].N)
		require.EqualValues(t, 15, b.n(t, 1), "by key it is the latest")
		b.flush(t)
		require.NoError(t, b.db.Find(&all).Error)
		require.EqualValues(t, 15, all[0].N)
	}, tallies(func(p *policy.Policy) { p.Reads = policy.ReadsFlushed }))
}

func TestAReadOfOtherTablesFlushesNothing(t *testing.T) {
	eachBuffered(t, func(t *testing.T, b *buffered) {
		b.ready(t, 1)
		require.NoError(t, b.add(1, 5).Error)
		require.NoError(t, b.db.Raw("SELECT * FROM page_views").Scan(&[]pageView{}).Error)
		if b.Name == "postgres" {
			require.NoError(t, b.db.Transaction(func(tx *gorm.DB) error { return tx.Find(&[]pageView{}).Error }))
		}
		require.Equal(t, 1, b.stats().Rows)
	})
}

func TestAPageOverAPendingRowIsStaleAfterTheNextChange(t *testing.T) {
	eachBuffered(t, func(t *testing.T, b *buffered) {
		b.ready(t, 1)
		require.NoError(t, b.add(1, 1).Error)
		engine := b.cache.Engine()
		for _, read := range []func(db *gorm.DB) error{
			func(db *gorm.DB) error { return db.First(&Tally{}, 1).Error },
			func(db *gorm.DB) error { return db.Find(&[]Tally{}).Error },
			func(db *gorm.DB) error { return db.First(&Tally{}, 1).Error }, // not pending now
			func(db *gorm.DB) error { return db.Raw("SELECT 1 FROM tallies").Scan(new(int)).Error },
		} {
			ctx, deps := engine.Collect(t.Context())
			require.NoError(t, read(b.db.WithContext(ctx)))
			stamps := slices.Clone(deps.Stamps())
			require.True(t, len(stamps) == 0 || engine.Valid(stamps))
			require.NoError(t, b.add(1, 1).Error)
			require.False(t, engine.Valid(stamps))
		}
	})
}

func TestAQueryIsNotKeptUnderStampsThatVouchForAChangeItHasNotSeen(t *testing.T) {
	eachBuffered(t, func(t *testing.T, b *buffered) {
		b.ready(t, 1, 2)
		require.EqualValues(t, 20, b.n(t, 1)+b.n(t, 2))
		require.NoError(t, b.add(1, 1).Error)
		flushing := b.probe.HoldAnswer(testkit.On(testkit.Commit))
		ctx, deps := b.cache.Engine().Collect(t.Context())
		var all []Tally
		listed := parallel(func() error { return b.db.WithContext(ctx).Order("id").Find(&all).Error })
		<-flushing.Reached()
		require.NoError(t, b.add(2, 1).Error) // acknowledged while the reader's flush is under way
		flushing.Release()
		require.NoError(t, listed())
		require.EqualValues(t, 11, all[0].N)
		require.True(t, all[1].N == 11 || !b.cache.Engine().Valid(deps.Stamps()))
		require.EqualValues(t, 11, all[1].N)
	})
}

// turnstile is a store that lets a test do something between a look into it and its answer.
type turnstile struct {
	store.Store
	mu    sync.Mutex
	after func()
}

func (s *turnstile) Get(ctx context.Context, key string) ([]byte, error) {
	v, err := s.Store.Get(ctx, key)
	s.mu.Lock()
	f := s.after
	s.after = nil
	s.mu.Unlock()
	if f != nil {
		f()
	}
	return v, err
}

func TestAReadByKeyIsNotKeptUnderStampsThatVouchForAChangeItHasNotSeen(t *testing.T) {
	t.Parallel()
	testkit.EachDatabase(t, func(t *testing.T, database testkit.Database) {
		inner, err := bigcachestore.New(16 << 20)
		require.NoError(t, err)
		turn := &turnstile{Store: inner}
		b := openBuffered(t, database, nil, cacheplugin.WithStore(turn))
		b.ready(t, 1)
		ctx, deps := b.cache.Engine().Collect(t.Context())
		turn.mu.Lock()
		turn.after = func() { require.NoError(t, b.add(1, 1).Error) } // the row was not pending when the reader looked
		turn.mu.Unlock()
		var read Tally
		require.NoError(t, b.db.WithContext(ctx).First(&read, 1).Error)
		require.True(t, read.N == 11 || !b.cache.Engine().Valid(deps.Stamps()))
		require.EqualValues(t, 11, b.n(t, 1))
	})
}
