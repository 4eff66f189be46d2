package cacheplugin_test

import (
	"context"
	"database/sql"
	"errors"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"gorm.io/gorm"

	cacheplugin "github.com/cachewright/cachewright/gormplugin"
	"github.com/cachewright/cachewright/internal/testkit"
	"github.com/cachewright/cachewright/policy"
)

// Tally is a write-back model with a column for each rule of what may wait.
type Tally struct {
	_      struct{} `cache:"writeback,flush=1h"`
	ID     int64    `gorm:"autoIncrement:false"`
	N      int64    `gorm:"not null;check:n_bound,n > -1000"`
	Small  int16    `gorm:"type:smallint"`
	Maybe  *int64
	Ratio  float64
	Name   string  `gorm:"size:12"`
	Code   *string `gorm:"uniqueIndex"`
	Kind   string  `gorm:"default:(lower('PLAIN'))"`
	Edited int64   `gorm:"autoUpdateTime:nano"`
}

// buffered is a database with the plugin on it, and a way to see what it really holds.
type buffered struct {
	testkit.Database
	db    *gorm.DB
	probe *testkit.Probe
	cache *cacheplugin.Plugin
	raw   *sql.DB
}

// eachBuffered runs the test on both databases with the tables made and the plugin's own reads done.
func eachBuffered(t *testing.T, test func(t *testing.T, b *buffered), options ...cacheplugin.Option) {
	t.Helper()
	t.Parallel()
	testkit.EachDatabase(t, func(t *testing.T, database testkit.Database) {
		t.Parallel()
		test(t, openBuffered(t, database, &gorm.Config{}, options...))
	})
}

func openBuffered(tb testing.TB, database testkit.Database, config *gorm.Config, options ...cacheplugin.Option) *buffered {
	tb.Helper()
	b := &buffered{Database: database, raw: database.Raw(tb)}
	b.db, b.probe = database.OpenCounted(tb, config)
	require.NoError(tb, b.db.AutoMigrate(&Tally{}, &pageView{}))
	b.cache = cacheplugin.New(options...)
	require.NoError(tb, b.db.Use(b.cache))
	tb.Cleanup(func() { _ = b.cache.Close(context.Background()) }) // some tests leave rows that cannot be written
	return b
}

// ready seeds tallies past the plugin, and makes the plugin learn of the table.
func (b *buffered) ready(tb testing.TB, ids ...int64) {
	tb.Helper()
	for _, id := range ids {
		b.exec(tb, "INSERT INTO tallies (id, n, small, maybe, ratio, name, kind, edited) VALUES ("+strconv.FormatInt(id, 10)+", 10, 5, NULL, 1.5, 'seed', 'plain', 0)")
	}
	require.NoError(tb, b.db.Create(&Tally{ID: -1, Kind: "x"}).Error)
	require.NoError(tb, b.db.Delete(&Tally{ID: -1}).Error)
	require.NoError(tb, b.cache.Flush(tb.Context()))
	b.probe.Reset()
}

func (b *buffered) exec(tb testing.TB, query string) {
	tb.Helper()
	_, err := b.raw.ExecContext(tb.Context(), query)
	require.NoError(tb, err)
}

// stored is one number as the database holds it.
func (b *buffered) stored(tb testing.TB, query string) int64 {
	tb.Helper()
	var n int64
	require.NoError(tb, b.raw.QueryRowContext(tb.Context(), query).Scan(&n))
	return n
}

func (b *buffered) add(id, n int64) *gorm.DB {
	return b.db.Model(&Tally{ID: id}).UpdateColumn("n", gorm.Expr("n + ?", n))
}

func (b *buffered) flush(tb testing.TB) {
	tb.Helper()
	require.NoError(tb, b.cache.Flush(tb.Context()))
}

func (b *buffered) stats() cacheplugin.WriteBackStats { return b.cache.Stats().WriteBack["tallies"] }

// sent picks what a write sends: statements that write, and the transactions around them.
func sent(c testkit.Call) bool {
	if c.Kind == testkit.Begin || c.Kind == testkit.Commit {
		return true
	}
	if c.Kind != testkit.Exec && c.Kind != testkit.Query {
		return false
	}
	for _, verb := range []string{"INSERT", "UPDATE", "DELETE"} {
		if strings.HasPrefix(strings.TrimSpace(c.SQL), verb) {
			return true
		}
	}
	return false
}

// down refuses every BEGIN, and so every flush, until up is called.
func (b *buffered) down() (up func()) {
	return b.probe.Before(func(_ context.Context, c testkit.Call) error {
		if c.Kind == testkit.Begin {
			return errDown
		}
		return nil
	})
}

// tallies is the policy of the model with a change.
func tallies(change func(*policy.Policy)) cacheplugin.Option {
	p := policy.Policy{Strategy: policy.WriteBack, Flush: time.Hour}
	change(&p)
	return cacheplugin.WithPolicy(&Tally{}, p)
}

var errDown = errors.New("the database is down")
