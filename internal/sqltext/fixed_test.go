package sqltext_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/cachewright/cachewright/internal/sqltext"
)

func TestColumnsThatTheConditionFixes(t *testing.T) {
	t.Parallel()
	arg := func(column string, n int) sqltext.Fixed { return sqltext.Fixed{Column: column, Arg: n} }
	lit := func(column string, v any) sqltext.Fixed { return sqltext.Fixed{Column: column, Arg: -1, Literal: v} }
	for _, c := range []struct {
		d    sqltext.Dialect
		sql  string
		want []sqltext.Fixed
	}{
		// What GORM emits.
		{pg, `SELECT * FROM "orders" WHERE user_id = $1`, []sqltext.Fixed{arg("user_id", 0)}},
		{pg, `SELECT * FROM "orders" WHERE "orders"."user_id" = $1 AND "orders"."deleted_at" IS NULL`, []sqltext.Fixed{arg("user_id", 0)}},
		{pg, `SELECT count(*) FROM "orders" WHERE (user_id = $1 AND status = $2) AND total > $3`, []sqltext.Fixed{arg("user_id", 0), arg("status", 1)}},
		{pg, `SELECT * FROM "orders" WHERE total > $1 AND user_id = $2 ORDER BY "orders"."id" LIMIT $3`, []sqltext.Fixed{arg("user_id", 1)}},
		{pg, `SELECT "total" FROM "orders" WHERE "UserID" = $1 GROUP BY "total" HAVING sum(total) = $2`, []sqltext.Fixed{arg("UserID", 0)}},
		{li, "SELECT * FROM `orders` WHERE total > ? AND `orders`.`user_id` = ? AND (a = ? OR b = ?) LIMIT 1", []sqltext.Fixed{arg("user_id", 1)}},
		{li, "SELECT * FROM `orders` WHERE ((`user_id` = ?))", []sqltext.Fixed{arg("user_id", 0)}},

		// Other ways to write it.
		{pg, `SELECT * FROM orders o WHERE o.USER_ID = $2 AND $1 = o.status;`, []sqltext.Fixed{arg("user_id", 1), arg("status", 0)}},
		{pg, `SELECT * FROM public.orders AS o WHERE user_id = 7 AND name = 'it''s'`, []sqltext.Fixed{lit("user_id", int64(7)), lit("name", "it's")}},
		{pg, `SELECT a IS DISTINCT FROM b FROM orders WHERE user_id = $1`, []sqltext.Fixed{arg("user_id", 0)}},
		{pg, `SELECT * FROM orders o WHERE o.limit = $1 AND o."or" = $2`, []sqltext.Fixed{arg("limit", 0), arg("or", 1)}},
		{li, `SELECT * FROM orders NOT INDEXED WHERE user_id = 7 AND EXISTS_ = 'a'`, []sqltext.Fixed{lit("user_id", int64(7)), lit("EXISTS_", "a")}},
		{pg, `SELECT * FROM orders WHERE (total BETWEEN 1 AND 2) AND user_id = $1`, []sqltext.Fixed{arg("user_id", 0)}},
		{pg, `SELECT * FROM orders WHERE NOT paid = $1 AND user_id = $2`, []sqltext.Fixed{arg("user_id", 1)}},

		// What fixes nothing.
		{pg, `SELECT * FROM orders WHERE user_id = $1 OR user_id = $2`, nil},
		{pg, `SELECT * FROM orders WHERE NOT (user_id = $1)`, nil},
		{pg, `SELECT * FROM orders WHERE NOT user_id = $1`, nil},
		{pg, `SELECT * FROM orders WHERE total BETWEEN 1 AND user_id = $1`, nil},
		{pg, `SELECT * FROM orders WHERE (total BETWEEN 1 AND user_id = $1)`, nil},
		{pg, `SELECT * FROM orders WHERE CASE WHEN a AND user_id = $1 THEN b AND user_id = $2 ELSE c END`, nil},
		{pg, `SELECT * FROM orders WHERE user_id = $1 COLLATE "C"`, nil},
		{pg, `SELECT * FROM orders WHERE user_id + 1 = $1`, nil},
		{pg, `SELECT * FROM orders WHERE user_id = $1 + 1`, nil},
		{pg, `SELECT * FROM orders WHERE user_id = $1::int`, nil},
		{pg, `SELECT * FROM orders WHERE user_id = total`, nil},
		{pg, `SELECT * FROM orders WHERE user_id <> $1 AND total > 1`, nil},
		{pg, `SELECT * FROM orders WHERE lower(name) = $1`, nil},
		{pg, `SELECT * FROM orders WHERE user_id IN ($1)`, nil},
		{pg, `SELECT * FROM orders WHERE user_id = ANY ($1)`, nil},
		{pg, `SELECT * FROM orders WHERE user_id = NULL`, nil},
		{pg, `SELECT * FROM orders WHERE paid = true`, nil},
		{li, `SELECT * FROM orders WHERE true = ?`, nil},
		{pg, `SELECT * FROM orders WHERE name = E'a'`, nil},
		{pg, `SELECT * FROM orders WHERE name = 'a\b'`, nil},
		{pg, `SELECT * FROM orders WHERE total = 1.5`, nil},
		{pg, `SELECT * FROM orders WHERE user_id = $1 = $2`, nil},
		{pg, `SELECT * FROM orders`, nil},
		{pg, `SELECT count(*) FILTER (WHERE user_id = $1) FROM orders`, nil},

		// More than one table, or the same table twice.
		{pg, `SELECT * FROM orders, companies WHERE orders.user_id = $1`, nil},
		{pg, `SELECT * FROM orders o JOIN orders p ON p.id = o.id WHERE o.user_id = $1`, nil},
		{pg, `SELECT * FROM orders o CROSS JOIN orders p WHERE o.user_id = $1`, nil},
		{pg, `SELECT * FROM orders o, orders p WHERE o.user_id = $1`, nil},
		{pg, `SELECT * FROM orders WHERE user_id = $1 AND id IN (SELECT id FROM orders)`, nil},
		{pg, `SELECT (SELECT count(*) FROM orders) FROM orders WHERE user_id = $1`, nil},
		{pg, `SELECT * FROM (SELECT * FROM orders) o WHERE user_id = $1`, nil},
		{pg, `SELECT * FROM orders WHERE user_id = $1 UNION SELECT * FROM orders`, nil},
		{pg, `WITH x AS (SELECT * FROM orders) SELECT * FROM x WHERE user_id = $1`, nil},
		{pg, `(SELECT * FROM orders WHERE user_id = $1)`, nil},

		// Arguments whose place is not sure, and dialects that are not known well enough.
		{li, `SELECT * FROM orders WHERE user_id = ?1`, nil},
		{li, `SELECT * FROM orders WHERE user_id = :user`, nil},
		{li, `SELECT * FROM orders WHERE total = @total AND user_id = ?`, nil},
		{my, "SELECT * FROM `orders` WHERE user_id = ?", nil},
	} {
		require.Equal(t, c.want, sqltext.JudgeRead(c.d, c.sql).Fixed, c.sql)
	}
}
