package cacheplugin_test

import (
	"fmt"
	"math"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"gorm.io/gorm"
	"gorm.io/gorm/clause"

	"github.com/cachewright/cachewright/internal/testkit"
)

// specimen has a column of every type whose values can wait, and a key of two columns.
type specimen struct {
	_     struct{} `cache:"writeback,flush=1h,batch=5000"`
	Shelf string   `gorm:"primaryKey;size:40"`
	Place int64    `gorm:"primaryKey;autoIncrement:false"`
	Big   int64
	Small *int16 `gorm:"type:smallint"`
	Yes   bool
	Ratio *float64
	Text  *string
	Short string `gorm:"size:8"`
	Blob  []byte
	At    time.Time
	Never *time.Time
}

var oddTexts = []string{"", "NULL", "null", `"`, `\`, `{a,b}`, "a\nb\tc", "'; --", "ünïcödé ☃ 𝄞", ` "\"\\ `, "a,b", `\x00`, "%_", "::text"}

func specimenOf(i int) specimen {
	s := specimen{
		Shelf: oddTexts[i%len(oddTexts)], Place: int64(i) - 50, Big: math.MaxInt64 - int64(i), Yes: i%2 == 0, Short: fmt.Sprint("s", i%97),
		At: time.Date(2026, 3, 29, 1, 59, i%60, 123456000, time.FixedZone("", (i%24-12)*3600)),
	}
	if i%3 > 0 {
		small, ratio, text := int16(i), float64(i)/3, oddTexts[(i/3)%len(oddTexts)]
		s.Small, s.Ratio, s.Text = &small, &ratio, &text
		s.Blob = []byte{0, byte(i), '"', '\\', 0xff, ','}
	}
	return s
}

// TestRowsOfAShapeShareAStatement compares what batches leave in the database with what plain GORM does, write by write.
func TestRowsOfAShapeShareAStatement(t *testing.T) {
	const rows = 120
	changes := []func(db *gorm.DB, s *specimen, i int) *gorm.DB{
		func(db *gorm.DB, s *specimen, i int) *gorm.DB {
			return db.Model(s).UpdateColumn("big", gorm.Expr("big - ?", i))
		},
		func(db *gorm.DB, s *specimen, i int) *gorm.DB {
			return db.Model(s).Updates(map[string]any{"small": gorm.Expr("small - ?", 2), "text": oddTexts[i%len(oddTexts)], "blob": []byte{byte(i), '\\'}})
		},
		func(db *gorm.DB, s *specimen, _ int) *gorm.DB {
			return db.Model(s).Updates(map[string]any{"text": nil, "ratio": -1.5e-300, "yes": true, "never": time.Unix(1, 5000)})
		},
		func(db *gorm.DB, s *specimen, _ int) *gorm.DB { return db.Delete(s) },
		func(db *gorm.DB, s *specimen, i int) *gorm.DB {
			return db.Clauses(clause.OnConflict{
				Columns:   []clause.Column{{Name: "shelf"}, {Name: "place"}},
				DoUpdates: clause.Assignments(map[string]any{"big": gorm.Expr("specimens.big - ?", i), "short": "up"}),
			}).Create(s)
		},
		func(db *gorm.DB, s *specimen, i int) *gorm.DB {
			*s = specimenOf(rows + i)
			return db.Clauses(clause.OnConflict{
				Columns:   []clause.Column{{Name: "shelf"}, {Name: "place"}},
				DoUpdates: clause.Assignments(map[string]any{"big": gorm.Expr("specimens.big - ?", i), "short": "up"}),
			}).Create(s)
		},
		func(db *gorm.DB, s *specimen, i int) *gorm.DB {
			*s = specimenOf(i % 2 * rows * 3)
			s.Place += int64(i)
			return db.Clauses(clause.OnConflict{DoNothing: true}).Create(s)
		},
		func(db *gorm.DB, s *specimen, i int) *gorm.DB {
			if got := db.Delete(s); got.Error != nil {
				return got
			}
			again := specimenOf(i)
			again.Short = "again"
			return db.Create(&again)
		},
	}
	t.Parallel()
	testkit.EachDatabase(t, func(t *testing.T, database testkit.Database) {
		b := openBuffered(t, database, nil)
		twin := testkit.SQLiteDatabase(t)
		if database.Name == "postgres" {
			twin = testkit.PostgresDatabase(t)
		}
		plain := twin.Open(t, nil)
		for _, db := range []*gorm.DB{b.db, plain} {
			require.NoError(t, db.AutoMigrate(&specimen{}))
			for i := range rows {
				s := specimenOf(i)
				require.NoError(t, db.Create(&s).Error)
			}
		}
		b.probe.Reset()
		b.flush(t)
		require.Equal(t, 1, b.probe.CountMatching(testkit.OnSQL("INSERT INTO \"specimens\""))+
			b.probe.CountMatching(testkit.OnSQL("INSERT INTO `specimens`")))
		requireTwins(t, b.db, plain)
		for i := range rows {
			s, other := specimenOf(i), specimenOf(i)
			change := changes[i%len(changes)]
			got, want := change(b.db, &s, i), change(plain, &other, i)
			require.NoError(t, want.Error)
			require.NoError(t, got.Error)
			require.Equal(t, want.RowsAffected, got.RowsAffected, "change %d of row %d", i%len(changes), i)
		}
		b.probe.Reset()
		b.flush(t)
		require.LessOrEqual(t, b.probe.CountMatching(sentRows), 12)
		require.Zero(t, b.cache.Stats().WriteBack["specimens"].Dead)
		requireTwins(t, b.db, plain)
	})
}

// sentRows picks statements that write rows of the application.
func sentRows(c testkit.Call) bool {
	return sent(c) && c.Kind != testkit.Begin && c.Kind != testkit.Commit && !testkit.OnSQL("cachewright_watermark")(c)
}

func requireTwins(tb testing.TB, db, plain *gorm.DB) {
	tb.Helper()
	read := func(db *gorm.DB) (all []specimen) {
		require.NoError(tb, db.Session(&gorm.Session{}).Order("place, shelf").Find(&all).Error)
		for i := range all {
			all[i].At = all[i].At.UTC()
			if never := all[i].Never; never != nil {
				*never = never.UTC()
			}
		}
		return all
	}
	got, want := read(db), read(plain)
	require.NotEmpty(tb, want)
	require.Equal(tb, want, got)
}

// TestManyRowsAreFlushedByFewStatements has more rows in one batch than a statement of SQLite takes values.
func TestManyRowsAreFlushedByFewStatements(t *testing.T) {
	const rows = 4000
	t.Parallel()
	testkit.EachDatabase(t, func(t *testing.T, database testkit.Database) {
		b := openBuffered(t, database, nil)
		require.NoError(t, b.db.AutoMigrate(&specimen{}))
		for i := range rows {
			require.NoError(t, b.db.Create(&specimen{Shelf: "a", Place: int64(i), Big: int64(i)}).Error)
		}
		b.flush(t)
		b.probe.Reset()
		for i := range rows {
			require.NoError(t, b.db.Model(&specimen{Shelf: "a", Place: int64(i)}).UpdateColumn("big", gorm.Expr("big + ?", i)).Error)
		}
		b.probe.Reset()
		b.flush(t)
		require.LessOrEqual(t, b.probe.CountMatching(sentRows), map[string]int{"postgres": 1, "sqlite": 6}[database.Name])
		require.EqualValues(t, rows*(rows-1), b.stored(t, "SELECT sum(big) FROM specimens"))
	})
}

// TestAnUpsertWhoseRowCameMeanwhileIsTriedAgain: the row is made by somebody else between the update that does not find
// it and the insert.
func TestAnUpsertWhoseRowCameMeanwhileIsTriedAgain(t *testing.T) {
	t.Parallel()
	b := openBuffered(t, testkit.PostgresDatabase(t), nil)
	b.ready(t, 1)
	for id := range int64(3) {
		require.NoError(t, b.db.Clauses(clause.OnConflict{
			Columns:   []clause.Column{{Name: "id"}},
			DoUpdates: clause.Assignments(map[string]any{"n": gorm.Expr("tallies.n + ?", 5)}),
		}).Create(&Tally{ID: id + 1, N: 1, Kind: "own"}).Error)
	}
	gate := b.probe.Hold(testkit.OnSQL("INSERT INTO \"tallies\""))
	flushed := parallel(func() error { return b.cache.Flush(t.Context()) })
	<-gate.Reached()
	b.exec(t, "INSERT INTO tallies (id, n, small, ratio, name, kind, edited) VALUES (2, 100, 0, 0, '', 'theirs', 0)")
	gate.Release()
	require.NoError(t, flushed())
	require.EqualValues(t, 15+105+1, b.stored(t, "SELECT sum(n) FROM tallies"))
	require.NotZero(t, b.stats().Retries)
}
