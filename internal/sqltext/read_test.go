package sqltext_test

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/cachewright/cachewright/internal/sqltext"
)

const (
	pg = sqltext.Postgres
	li = sqltext.SQLite
	my = sqltext.MySQL
	ot = sqltext.Other
)

// accepted holds reads that must be accepted, and the tables each names. The schema behind them is in corpusSchema.
var accepted = []struct {
	d      sqltext.Dialect
	sql    string
	tables string
}{
	// What GORM emits.
	{pg, `SELECT * FROM "orders" WHERE "orders"."id" = $1 AND "orders"."deleted_at" IS NULL ORDER BY "orders"."id" LIMIT $2`, "orders"},
	{pg, `SELECT count(*) FROM "orders" WHERE "orders"."deleted_at" IS NULL`, "orders"},
	{pg, `SELECT "orders"."id","orders"."total" FROM "orders" LEFT JOIN "companies" "Company" ON "orders"."company_id" = "Company"."id" WHERE "Company"."name" LIKE $1`, "orders companies"},
	{pg, `SELECT DISTINCT "name" FROM "companies" WHERE (id = 1 OR total > 2) AND name <> 'x'`, "companies"},
	{pg, `SELECT * FROM "orders" WHERE "orders"."id" IN ($1,$2,$3)`, "orders"},
	{pg, `SELECT * FROM "orders" WHERE (id,total) IN (($1,$2),($3,$4))`, "orders"},
	{pg, `SELECT * FROM "orders" WHERE total BETWEEN $1 AND $2 AND name IS NOT NULL`, "orders"},
	{pg, `SELECT COUNT(DISTINCT("name")) FROM "orders"`, "orders"},
	{pg, `SELECT count(*) FROM (SELECT name FROM "orders" GROUP BY "name") AS gorm_count`, "orders"},
	{li, "SELECT * FROM `orders` WHERE `orders`.`id` = ? AND `orders`.`deleted_at` IS NULL ORDER BY `orders`.`id` LIMIT 1", "orders"},
	{li, "SELECT `orders`.`id`,`Company`.`name` AS `Company__name` FROM `orders` LEFT JOIN `companies` `Company` ON `orders`.`company_id` = `Company`.`id`", "orders companies"},
	{my, "SELECT * FROM `orders` WHERE `orders`.`id` = ? ORDER BY `orders`.`id` LIMIT 1", "orders"},
	{my, "SELECT * FROM `shop`.`orders` USE INDEX (`idx_name`) WHERE name = 'it''s' LIMIT 10 OFFSET 5", "shop.orders"},

	// Names, aliases, schemas.
	{pg, `select O.ID from Public.Orders as O`, "public.orders"},
	{pg, `SELECT o.id "select", o.name AS "from" FROM orders o`, "orders"},
	{pg, `SELECT "current_date" FROM "Odd Name"`, "Odd Name"},
	{pg, `SELECT id current FROM orders`, "orders"},
	{li, `SELECT [id], "name" FROM [orders]`, "orders"},
	{li, `SELECT id FROM main.orders NOT INDEXED`, "main.orders"},
	{pg, `SELECT orders.* FROM orders, companies WHERE orders.company_id = companies.id`, "orders companies"},
	{pg, "SELECT 名前 FROM 注文", "注文"},

	// Joins.
	{pg, `SELECT * FROM orders o INNER JOIN companies c ON c.id = o.company_id CROSS JOIN items i`, "orders companies items"},
	{pg, `SELECT * FROM orders NATURAL JOIN companies FULL OUTER JOIN items USING (id)`, "orders companies items"},
	{pg, `SELECT * FROM (orders JOIN companies USING (id)) WHERE orders.total > 0`, "orders companies"},
	{pg, `SELECT * FROM orders JOIN (SELECT id, max(total) AS m FROM items GROUP BY id) x ON x.id = orders.id`, "orders items"},

	// Clauses.
	{pg, `SELECT name, sum(total) FROM orders GROUP BY name HAVING count(*) > 1 ORDER BY 2 DESC NULLS LAST, name ASC LIMIT 3 OFFSET 4`, "orders"},
	{pg, `SELECT DISTINCT ON (name) name, id FROM orders ORDER BY name, id FETCH FIRST 3 ROWS ONLY`, "orders"},
	{pg, `SELECT id FROM orders LIMIT ALL OFFSET 1 ROWS`, "orders"},
	{my, `SELECT id FROM orders ORDER BY FIELD(id, 3, 1, 2) LIMIT 5, 10`, "orders"},
	{pg, `SELECT id FROM orders;`, "orders"},
	{pg, `/*+ IndexScan(orders) */ SELECT id -- the key
		FROM orders /* all /* of */ them */ WHERE id = 1`, "orders"},
	{my, "SELECT /*+ MAX_EXECUTION_TIME(100) */ id FROM orders # all\n WHERE id = 1", "orders"},

	// Expressions.
	{pg, `SELECT CASE WHEN total > 1 THEN 'a' ELSE 'b' END, CASE id WHEN 1 THEN 2 END FROM orders`, "orders"},
	{pg, `SELECT id::text, CAST(total AS numeric(10,2)), $1::int[] FROM orders WHERE id = ANY($1)`, "orders"},
	{pg, `SELECT coalesce(name, ''), lower(name) || upper(name), length(trim(both ' ' from name)) FROM orders`, "orders"},
	{pg, `SELECT substring(name from 1 for 2), "left"  FROM (SELECT name, 1 AS "left" FROM orders) t`, "orders"},
	{pg, `SELECT -id, +id, ~id, NOT true, - - 1, id = -1 FROM orders`, "orders"},
	{pg, `SELECT id FROM orders WHERE NOT (name ILIKE '%a%' ESCAPE '!') OR name NOT LIKE 'b' OR name SIMILAR TO 'c' OR name ~* 'd'`, "orders"},
	{pg, `SELECT id FROM orders WHERE name IS DISTINCT FROM $1 OR name IS NOT DISTINCT FROM 'x' OR (total > 1) IS TRUE`, "orders"},
	{pg, `SELECT data->'a'->>'b', data #>> '{a,b}' FROM orders WHERE data @> '{"a":1}' AND data ? 'k'`, "orders"},
	{pg, `SELECT ARRAY[1,2], ROW(1,2), (ARRAY[1,2])[1] FROM orders`, "orders"},
	{pg, `SELECT name COLLATE "C" FROM orders ORDER BY name COLLATE "C" DESC`, "orders"},
	{pg, `SELECT E'it\'s', 'a''b', $tag$ ; DELETE FROM x $tag$, $$'$$, B'01', X'ff', 1.5e-3, 0 FROM orders`, "orders"},
	{pg, `SELECT '-- no comment', '/* none */', "odd -- ""name" FROM "Odd Name"`, "Odd Name"},
	{li, `SELECT 'a\', 'b' FROM orders WHERE name LIKE '50\%' ESCAPE '\'`, "orders"},
	{li, `SELECT id FROM orders WHERE name GLOB 'a*' AND id IN () AND total == 1 AND name NOT NULL AND id IS ?1 AND name = :name AND total = @total AND id = $id`, "orders"},
	{my, `SELECT id FROM orders WHERE name <=> ? AND name REGEXP '^a' AND id DIV 2 = 1 AND id MOD 2 = 0 AND !id AND name = "x" AND a--1`, "orders"},
	{my, `SELECT GROUP_CONCAT(DISTINCT name ORDER BY name SEPARATOR ',') FROM orders`, "orders"},

	// Windows and aggregates.
	{pg, `SELECT row_number() OVER (PARTITION BY name ORDER BY id), sum(total) OVER w, count(*) FILTER (WHERE total > 1) OVER w FROM orders WINDOW w AS (ORDER BY id ROWS BETWEEN UNBOUNDED PRECEDING AND CURRENT ROW)`, "orders"},
	{pg, `SELECT percentile_cont(0.5) WITHIN GROUP (ORDER BY total), string_agg(name, ',' ORDER BY name) FROM orders`, "orders"},
	{pg, `SELECT pg_catalog.lower(name) FROM orders`, "orders"},

	// Subqueries, set operations, common table expressions.
	{pg, `SELECT * FROM orders WHERE id IN (SELECT order_id FROM items WHERE qty > 1)`, "orders items"},
	{pg, `SELECT * FROM orders o WHERE EXISTS (SELECT 1 FROM items i WHERE i.order_id = o.id) AND NOT EXISTS (SELECT 1 FROM companies)`, "orders items companies"},
	{pg, `SELECT (SELECT max(qty) FROM items), id FROM orders WHERE total >= ALL (SELECT qty FROM items)`, "items orders"},
	{pg, `SELECT id FROM orders UNION ALL SELECT id FROM companies EXCEPT (SELECT id FROM items LIMIT 1) ORDER BY 1`, "orders companies items"},
	{pg, `WITH o AS (SELECT id FROM orders), c(id) AS MATERIALIZED (SELECT id FROM o) SELECT * FROM c JOIN items ON items.id = c.id`, "orders items"},
	{pg, `WITH orders AS (SELECT id FROM orders) SELECT * FROM orders`, "orders"},
	{pg, `SELECT * FROM (WITH x AS (SELECT id FROM items) SELECT id FROM x) y, companies`, "items companies"},
	{pg, `SELECT id FROM (WITH x AS (SELECT id FROM items) SELECT id FROM x) y UNION SELECT id FROM x`, "items x"},
	{pg, `WITH "X" AS (SELECT id FROM items) SELECT id FROM x`, "items x"},
}

// refused holds reads that must not be accepted, with the reason, and whether the tables are known all the same.
var refused = []struct {
	d      sqltext.Dialect
	sql    string
	why    sqltext.Reason
	tables string // "?" if not known
}{
	{ot, `SELECT * FROM orders`, sqltext.ReasonUnknownDialect, "?"},

	// Locks.
	{pg, `SELECT * FROM orders WHERE id = 1 FOR UPDATE`, sqltext.ReasonLocking, "orders"},
	{pg, `SELECT * FROM orders FOR NO KEY UPDATE OF orders SKIP LOCKED`, sqltext.ReasonLocking, "orders"},
	{pg, `SELECT * FROM orders o FOR KEY SHARE NOWAIT`, sqltext.ReasonLocking, "orders"},
	{my, `SELECT * FROM orders LOCK IN SHARE MODE`, sqltext.ReasonLocking, "orders"},
	{pg, `SELECT * FROM (SELECT * FROM orders FOR SHARE) x`, sqltext.ReasonLocking, "orders"},

	// Clock, randomness, identity.
	{pg, `SELECT now() FROM orders`, sqltext.ReasonVolatileFunction, "orders"},
	{pg, `SELECT * FROM orders WHERE created_at < CURRENT_TIMESTAMP`, sqltext.ReasonVolatileFunction, "orders"},
	{pg, `SELECT * FROM orders WHERE created_at < LocalTimestamp(3)`, sqltext.ReasonVolatileFunction, "orders"},
	{pg, `SELECT * FROM orders WHERE name = user`, sqltext.ReasonVolatileFunction, "orders"},
	{pg, `SELECT * FROM orders WHERE name = session_user OR name = current_schema`, sqltext.ReasonVolatileFunction, "orders"},
	{pg, `SELECT * FROM orders ORDER BY random() LIMIT 1`, sqltext.ReasonVolatileFunction, "orders"},
	{li, `SELECT * FROM orders ORDER BY RANDOM() LIMIT 1`, sqltext.ReasonVolatileFunction, "orders"},
	{li, `SELECT date('now') FROM orders`, sqltext.ReasonVolatileFunction, "orders"},
	{li, `SELECT * FROM orders WHERE created_at < current_date`, sqltext.ReasonVolatileFunction, "orders"},
	{my, `SELECT * FROM orders WHERE created_at < NOW() - 1`, sqltext.ReasonVolatileFunction, "orders"},
	{my, `SELECT * FROM orders WHERE created_at < utc_date`, sqltext.ReasonVolatileFunction, "orders"},
	{my, `SELECT * FROM orders ORDER BY rand()`, sqltext.ReasonVolatileFunction, "orders"},
	{pg, `SELECT (SELECT now()) FROM orders`, sqltext.ReasonVolatileFunction, "orders"},
	{pg, `SELECT nextval('s') FROM orders`, sqltext.ReasonVolatileFunction, "orders"},
	{pg, `SELECT * FROM orders WHERE created_at > 'now'`, sqltext.ReasonClockLiteral, "orders"},
	{pg, `SELECT * FROM orders WHERE created_at > ' Today 10:00'`, sqltext.ReasonClockLiteral, "orders"},
	{pg, `SELECT * FROM orders WHERE created_at > $$yesterday$$`, sqltext.ReasonClockLiteral, "orders"},
	{pg, `SELECT * FROM orders WHERE created_at > E'\x6eow'`, sqltext.ReasonClockLiteral, "orders"},
	{pg, `SELECT timestamp 'tomorrow' FROM orders`, sqltext.ReasonClockLiteral, "orders"},

	// Settings.
	{pg, `SELECT date_trunc('day', created_at) FROM orders`, sqltext.ReasonStableFunction, "orders"},
	{pg, `SELECT extract(year from created_at) FROM orders`, sqltext.ReasonStableFunction, "orders"},
	{pg, `SELECT created_at AT TIME ZONE 'UTC' FROM orders`, sqltext.ReasonStableFunction, "orders"},
	{pg, `SELECT created_at::date FROM orders`, sqltext.ReasonSessionCast, "orders"},
	{pg, `SELECT CAST(name AS timestamp with time zone) FROM orders`, sqltext.ReasonSessionCast, "orders"},
	{pg, `SELECT id FROM orders WHERE tableoid = 'orders'::regclass`, sqltext.ReasonSystemColumn, "orders"},
	{pg, `SELECT total::money FROM orders`, sqltext.ReasonSessionCast, "orders"},
	{my, `SELECT DATE(created_at) FROM orders`, sqltext.ReasonStableFunction, "orders"},
	{my, `SELECT id FROM orders WHERE id = @x`, sqltext.ReasonVariable, "orders"},
	{my, `SELECT @@session.sql_mode FROM orders`, sqltext.ReasonVariable, "orders"},

	// Functions, operators and types that are not known.
	{pg, `SELECT my_func(id) FROM orders`, sqltext.ReasonUnknownFunction, "?"},
	{pg, `SELECT public.lower(name) FROM orders`, sqltext.ReasonUnknownFunction, "?"},
	{pg, `SELECT "lower"(name) FROM orders`, sqltext.ReasonUnknownFunction, "?"},
	{pg, `SELECT now(), f() FROM orders`, sqltext.ReasonVolatileFunction, "?"},
	{my, `SELECT COUNT (id) FROM orders`, sqltext.ReasonUnknownFunction, "?"},
	{li, `SELECT id FROM orders WHERE name REGEXP 'a'`, sqltext.ReasonUnknownFunction, "?"},
	{li, `SELECT id FROM docs WHERE docs MATCH 'a'`, sqltext.ReasonUnknownFunction, "?"},
	{pg, `SELECT id FROM orders WHERE a @@ b`, sqltext.ReasonUnknownOperator, "?"},
	{pg, `SELECT a <-> b FROM orders`, sqltext.ReasonUnknownOperator, "?"},
	{pg, `SELECT name::my_enum FROM orders`, sqltext.ReasonUnknownType, "?"},
	{pg, `SELECT name::public.int FROM orders`, sqltext.ReasonUnknownType, "?"},
	{pg, `SELECT * FROM orders WHERE a OPERATOR(pg_catalog.=) b`, sqltext.ReasonUnknownSyntax, "?"},

	// Relations that are no tables.
	{pg, `SELECT * FROM generate_series(1, 3)`, sqltext.ReasonTableFunction, "?"},
	{pg, `SELECT * FROM orders, LATERAL (SELECT 1) x`, sqltext.ReasonLateral, "?"},
	{pg, `SELECT * FROM orders o CROSS JOIN unnest(o.tags) t`, sqltext.ReasonTableFunction, "?"},
	{pg, `SELECT * FROM orders TABLESAMPLE system (10)`, sqltext.ReasonSample, "?"},
	{pg, `SELECT * FROM orders AS o TABLESAMPLE bernoulli (10)`, sqltext.ReasonSample, "?"},
	{pg, `SELECT * FROM ONLY orders`, sqltext.ReasonUnknownSyntax, "?"},
	{pg, `SELECT * FROM (VALUES (1)) v`, sqltext.ReasonUnknownSyntax, "?"},
	{pg, `SELECT * FROM pg_class`, sqltext.ReasonSystemCatalog, "?"},
	{pg, `SELECT * FROM "pg_catalog".pg_class`, sqltext.ReasonSystemCatalog, "?"},
	{pg, `SELECT * FROM Information_Schema.tables`, sqltext.ReasonSystemCatalog, "?"},
	{li, `SELECT * FROM sqlite_master`, sqltext.ReasonSystemCatalog, "?"},
	{li, `SELECT * FROM pragma_database_list`, sqltext.ReasonSystemCatalog, "?"},
	{my, `SELECT * FROM mysql.user`, sqltext.ReasonSystemCatalog, "?"},
	{pg, `SELECT ctid FROM orders`, sqltext.ReasonSystemColumn, "orders"},
	{pg, `SELECT o."xmax" FROM orders o`, sqltext.ReasonSystemColumn, "orders"},
	{li, `SELECT RowID FROM orders`, sqltext.ReasonSystemColumn, "orders"},
	{pg, `SELECT 1`, sqltext.ReasonNoTable, ""},
	{pg, `SELECT 1 WHERE 1 = 1`, sqltext.ReasonNoTable, ""},

	// Other statements.
	{pg, ``, sqltext.ReasonNotSelect, "?"},
	{pg, `-- nothing`, sqltext.ReasonNotSelect, "?"},
	{pg, `UPDATE orders SET total = 1`, sqltext.ReasonNotSelect, "?"},
	{pg, `EXPLAIN SELECT * FROM orders`, sqltext.ReasonNotSelect, "?"},
	{pg, `TABLE orders`, sqltext.ReasonNotSelect, "?"},
	{pg, `VALUES (1)`, sqltext.ReasonNotSelect, "?"},
	{pg, `SELECT * FROM orders; SELECT * FROM items`, sqltext.ReasonSeveralStatements, "?"},
	{pg, `SELECT * FROM orders; DELETE FROM orders`, sqltext.ReasonSeveralStatements, "?"},
	{pg, `SELECT * INTO copy FROM orders`, sqltext.ReasonInto, "?"},
	{my, `SELECT id FROM orders INTO OUTFILE '/tmp/x'`, sqltext.ReasonInto, "?"},
	{pg, `WITH d AS (DELETE FROM orders RETURNING id) SELECT * FROM d`, sqltext.ReasonNotSelect, "?"},
	{pg, `WITH d AS (SELECT 1) DELETE FROM orders`, sqltext.ReasonNotSelect, "?"},
	{pg, `WITH RECURSIVE t AS (SELECT 1) SELECT * FROM t`, sqltext.ReasonRecursive, "?"},

	// Text that has more than one reading, or none.
	{pg, `SELECT * FROM orders WHERE name = 'a\' OR name = '`, sqltext.ReasonUnknownSyntax, "?"},
	{my, `SELECT * FROM orders WHERE name = 'a\' OR 1=1 -- '`, sqltext.ReasonUnknownSyntax, "?"},
	{my, `SELECT * FROM orders WHERE name = "a\" OR 1=1"`, sqltext.ReasonUnknownSyntax, "?"},
	{my, `SELECT * FROM orders /*! FOR UPDATE */`, sqltext.ReasonUnknownSyntax, "?"},
	{my, `SELECT * FROM orders /*M! FOR UPDATE */`, sqltext.ReasonUnknownSyntax, "?"},
	{pg, `SELECT * FROM orders WHERE name = 'open`, sqltext.ReasonUnknownSyntax, "?"},
	{pg, `SELECT * FROM "open`, sqltext.ReasonUnknownSyntax, "?"},
	{pg, `SELECT * FROM orders /* open /* */`, sqltext.ReasonUnknownSyntax, "?"},
	{pg, `SELECT * FROM orders WHERE name = $x$ open $y$`, sqltext.ReasonUnknownSyntax, "?"},
	{pg, `SELECT * FROM U&"d\0061ta"`, sqltext.ReasonUnknownSyntax, "?"},
	{pg, "SELECT * FROM orders\x00; DELETE FROM orders", sqltext.ReasonUnknownSyntax, "?"},
	{pg, "SELECT * FROM orders WHERE name = '\xff'", sqltext.ReasonUnknownSyntax, "?"},
	{pg, "SELECT * FROM orders WHERE\u00a0id = 1", sqltext.ReasonUnknownSyntax, "?"},
	{pg, "SELECT * FROM `orders`", sqltext.ReasonUnknownSyntax, "?"},
	{pg, `SELECT * FROM orders WHERE id = 1a`, sqltext.ReasonUnknownSyntax, "?"},
	{pg, `SELECT * FROM orders WHERE id = id id`, sqltext.ReasonUnknownSyntax, "?"},
	{pg, `SELECT * FROM orders WHERE (id = 1`, sqltext.ReasonUnknownSyntax, "?"},
	{pg, `SELECT * FROM orders WHERE id = 1)`, sqltext.ReasonUnknownSyntax, "?"},
	{pg, `SELECT FROM`, sqltext.ReasonUnknownSyntax, "?"},
	{my, `SELECT @a := id FROM orders`, sqltext.ReasonVariable, "?"},
	{pg, `SELECT f.* FROM orders f, ROWS FROM (g()) x`, sqltext.ReasonUnknownSyntax, "?"},
	{pg, `SELECT NEXT VALUE FOR s FROM orders`, sqltext.ReasonLocking, "?"},
}

func names(tables []sqltext.Name) string {
	parts := make([]string, len(tables))
	for i, n := range tables {
		parts[i] = n.String()
	}
	return strings.Join(parts, " ")
}

func TestAReadOfWhichEverythingIsUnderstoodIsAccepted(t *testing.T) {
	t.Parallel()
	for _, c := range accepted {
		got := sqltext.JudgeRead(c.d, c.sql)
		assert.Empty(t, got.Refusal, c.sql)
		assert.True(t, got.TablesKnown, c.sql)
		assert.Equal(t, c.tables, names(got.Tables), c.sql)
		w := sqltext.JudgeWrite(c.d, c.sql)
		assert.Equal(t, sqltext.Write{Kind: sqltext.Select, ReturnsRows: true, Statements: 1}, w, c.sql)
	}
}

func TestAnyOtherReadIsRefusedWithItsReason(t *testing.T) {
	t.Parallel()
	for _, c := range refused {
		got := sqltext.JudgeRead(c.d, c.sql)
		assert.Equal(t, c.why, got.Refusal, c.sql)
		assert.Equal(t, c.tables != "?", got.TablesKnown, c.sql)
		if c.tables != "?" {
			assert.Equal(t, c.tables, names(got.Tables), c.sql)
		}
		require.Contains(t, sqltext.Reasons(), got.Refusal)
	}
}

func TestAVerdictDoesNotDependOnTheCaseOfKeywords(t *testing.T) {
	t.Parallel()
	for _, c := range accepted {
		if strings.ContainsAny(c.sql, "'\"`[$") {
			continue // names and strings would change, too
		}
		for _, text := range []string{strings.ToLower(c.sql), strings.ToUpper(c.sql)} {
			require.Empty(t, sqltext.JudgeRead(c.d, text).Refusal, text)
		}
	}
}

func TestAReadIsRefusedOnceAWriteFollowsIt(t *testing.T) {
	t.Parallel()
	for _, c := range accepted {
		text := c.sql + "\n; DELETE FROM x"
		require.NotEmpty(t, sqltext.JudgeRead(c.d, text).Refusal, text)
		w := sqltext.JudgeWrite(c.d, text)
		require.True(t, w.Writes(), text)
		require.NotEmpty(t, sqltext.JudgeRead(c.d, "SELECT * FROM ("+c.sql+"\n; DELETE FROM x) y").Refusal, text)
	}
}

func TestDeepNestingIsRefusedAndNotFollowed(t *testing.T) {
	t.Parallel()
	deep := "SELECT " + strings.Repeat("(", 100_000) + "1" + strings.Repeat(")", 100_000) + " FROM t"
	require.Equal(t, sqltext.ReasonUnknownSyntax, sqltext.JudgeRead(pg, deep).Refusal)
	nested := strings.Repeat("WITH x AS (UPDATE a SET b = 1 ", 3000) + strings.Repeat(") SELECT 1", 3000)
	require.True(t, sqltext.JudgeWrite(pg, nested).All)
}
