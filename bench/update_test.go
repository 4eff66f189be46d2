package bench_test

import (
	"fmt"
	"net/url"
	"testing"

	"github.com/stretchr/testify/require"
	"gorm.io/gorm"
	"gorm.io/gorm/schema"

	cacheplugin "github.com/cachewright/cachewright/gormplugin"
	"github.com/cachewright/cachewright/internal/testkit"
	"github.com/cachewright/cachewright/policy"
)

// updateGroup compares updates of one row by its key whose COMMIT does not wait for the disk, which would hide what they cost
// besides.
func updateGroup(tb testing.TB, database testkit.Database) group {
	tb.Helper()
	quick, err := url.Parse(database.DSN)
	require.NoError(tb, err)
	query := quick.Query()
	query.Set("synchronous_commit", "off")
	quick.RawQuery = query.Encode()
	database.DSN = quick.String()
	plain := database.Open(tb, prefixed("plain_"))
	seedArticles(tb, plain)
	return group{
		title: "Update of one column by primary key, COMMIT without fsync",
		floor: measurement{name: "plain GORM, PostgreSQL", plain: true, run: updates(plain)},
		others: []measurement{
			updated(tb, database, "aside", policy.Aside, 1.25),
			updated(tb, database, "write-through", policy.WriteThrough, 1.6),
		},
	}
}

// prefixed is a configuration whose tables are the group's own.
func prefixed(prefix string) *gorm.Config {
	return &gorm.Config{NamingStrategy: schema.NamingStrategy{TablePrefix: prefix}}
}

// updates changes the stock of the articles one after the other, round and round.
func updates(db *gorm.DB) func(n int) error {
	return func(n int) error {
		for i := range n {
			if err := db.Model(&article{ID: firstID + int64(i%many)}).Update("stock", i).Error; err != nil {
				return err
			}
		}
		return nil
	}
}

func updated(tb testing.TB, database testkit.Database, name string, strategy policy.Strategy, limit float64) measurement {
	tb.Helper()
	config := prefixed("updated_" + name[:5] + "_")
	seedArticles(tb, database.Open(tb, config))
	db, plugin := withPlugin(tb, database, config, cacheplugin.WithPolicy(&article{}, policy.Policy{Strategy: strategy}))
	require.NoError(tb, firsts(db)(many))
	run, last := updates(db), 0
	return measurement{
		name: name, limit: limit,
		run: func(n int) error { last = n; return run(n) },
		check: func() error {
			var got article
			if err := db.First(&got, firstID+(last-1)%many).Error; err != nil {
				return err
			}
			if s := plugin.Stats(); got.Stock != int64(last-1) || s.UnknownOutcomes > 0 {
				return fmt.Errorf("the last of %d updates left %d; %d outcomes are unknown", last, got.Stock, s.UnknownOutcomes)
			}
			return nil
		},
	}
}
