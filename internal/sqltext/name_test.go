package sqltext_test

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"

	"github.com/cachewright/cachewright/internal/sqltext"
)

func TestATagNameIsBareAndFolded(t *testing.T) {
	t.Parallel()
	cases := map[string]string{
		"orders":              "orders",
		"Orders":              "orders",
		"public.Orders":       "orders",
		`"public"."Orders"`:   "orders",
		"`shop`.`orders`":     "orders",
		"[dbo].[Orders]":      "orders",
		`public . "a.b"`:      "a.b",
		`"a""b"`:              `a"b`,
		" orders ":            "orders",
		`"open`:               `"open`,
		"ÄPFEL":               "äpfel",
		"":                    "",
		"db.public.orders":    "orders",
		`"db".public."Order"`: "order",
	}
	for in, want := range cases {
		assert.Equal(t, want, sqltext.Folded(in), in)
	}
	long := strings.Repeat("é", 60)
	assert.Equal(t, strings.Repeat("é", 31), sqltext.Folded(long))
	assert.Equal(t, sqltext.Folded(long), sqltext.Name{Schema: "s", Table: long}.Folded())
}

func TestANameInATextHasTheTagOfTheTableThatGORMNames(t *testing.T) {
	t.Parallel()
	cases := map[string]string{
		`SELECT * FROM Public.ORDERS`:       "orders",
		`SELECT * FROM "Orders"`:            "Orders",
		`SELECT * FROM "we""ird".x`:         `"we""ird".x`,
		`SELECT * FROM "odd.name"`:          `"odd.name"`,
		`DELETE FROM shop.orders`:           "shop.orders",
		`SELECT * FROM orders AS "Company"`: "orders",
	}
	for sql, table := range cases {
		tables := append(sqltext.JudgeRead(pg, sql).Tables, sqltext.JudgeWrite(pg, sql).Tables...)
		assert.Len(t, tables, 1, sql)
		assert.Equal(t, sqltext.Folded(table), tables[0].Folded(), sql)
	}
}

func TestDialectsAreKnownByTheNamesOfTheirDialectors(t *testing.T) {
	t.Parallel()
	for name, want := range map[string]sqltext.Dialect{
		"postgres": pg, "sqlite": li, "sqlite3": li, "mysql": my, "sqlserver": ot, "": ot, "MySQL": my,
	} {
		assert.Equal(t, want, sqltext.DialectOf(name), name)
	}
	assert.Equal(t, "postgres", pg.String())
	assert.Equal(t, "other", ot.String())
}

func TestAWordThatMayMeanTheTimeOfDayIsSeen(t *testing.T) {
	t.Parallel()
	for _, s := range []string{"now", " NOW ", "today 10:00", "yesterday", "Tomorrow UTC", "2020-01-01 now"} {
		assert.True(t, sqltext.ClockWord(s), s)
	}
	for _, s := range []string{"", "known", "nowhere", "snow", "2020-01-01", strings.Repeat("now ", 100)} {
		assert.False(t, sqltext.ClockWord(s), s)
	}
}
