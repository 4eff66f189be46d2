package sqltext_test

import (
	"testing"

	"github.com/stretchr/testify/assert"

	"github.com/cachewright/cachewright/internal/sqltext"
)

// written holds statements and what they write: names, "*" for everything, "" for nothing. Flags: r returns rows,
// e ends the transaction.
var written = []struct {
	d     sqltext.Dialect
	sql   string
	kind  sqltext.Kind
	to    string
	flags string
}{
	// INSERT.
	{pg, `INSERT INTO "orders" ("name","total") VALUES ($1,$2) RETURNING "id"`, sqltext.Insert, "orders", "r"},
	{pg, `INSERT INTO orders DEFAULT VALUES`, sqltext.Insert, "orders", ""},
	{pg, `INSERT INTO public.orders AS o (id, total) VALUES (1, now()), (2, DEFAULT) ON CONFLICT ("id") DO UPDATE SET "total"="excluded"."total" WHERE o.total > 1`, sqltext.Insert, "public.orders", ""},
	{pg, `INSERT INTO orders (id) OVERRIDING SYSTEM VALUE SELECT nextval('orders_id_seq') FROM generate_series(1, 3)`, sqltext.Insert, "orders", ""},
	{pg, `INSERT INTO orders SELECT f(x) FROM items`, sqltext.Insert, "*", "r*"},
	{pg, `INSERT INTO orders (SELECT f(x) FROM items)`, sqltext.Insert, "*", "r*"},
	{pg, `INSERT INTO orders (total) VALUES (public.now())`, sqltext.Insert, "*", "r*"},
	{pg, `INSERT INTO orders (total) VALUES ("lower"('X'))`, sqltext.Insert, "*", "r*"},
	{pg, `INSERT INTO orders (total) SELECT x FROM unnest($1::int[], $2::varchar(10)[]) AS v(x, y) WHERE x IN (1) AND y = ANY ($3)`, sqltext.Insert, "orders", ""},
	{li, "INSERT OR REPLACE INTO `orders` (`id`) VALUES (?)", sqltext.Insert, "orders", ""},
	{li, "INSERT OR ROLLBACK INTO `orders` (`id`) VALUES (?)", sqltext.Insert, "orders", "e"},
	{li, "REPLACE INTO [orders] VALUES (1) RETURNING *", sqltext.Insert, "orders", "r"},
	{my, "INSERT IGNORE orders SET a = 1 ON DUPLICATE KEY UPDATE a = VALUES(a)", sqltext.Insert, "orders", ""},
	{my, "INSERT INTO `orders` (`id`) VALUES (?) AS new(m) ON DUPLICATE KEY UPDATE `id`=VALUES(`id`)", sqltext.Insert, "orders", ""},
	{my, "REPLACE INTO shop.orders PARTITION (p0) (a) SELECT REPLACE(b, 'x', 'y') FROM items", sqltext.Insert, "shop.orders", ""},
	{my, "INSERT INTO orders VALUES (count (1))", sqltext.Insert, "*", "r*"},
	{ot, "INSERT INTO orders (id) VALUES (@p1)", sqltext.Insert, "orders", ""},
	{ot, "INSERT INTO orders (id) OUTPUT inserted.id INTO log VALUES (@p1)", sqltext.Insert, "*", "r*"},

	// UPDATE.
	{pg, `UPDATE "orders" SET "total"=$1 WHERE "id" = $2`, sqltext.Update, "orders", ""},
	{pg, `UPDATE ONLY orders AS o SET (a, b) = (SELECT 1, 2 FROM items) FROM companies c WHERE o.id = c.id RETURNING o.*`, sqltext.Update, "orders", "r"},
	{pg, `UPDATE orders o SET a = 1`, sqltext.Update, "orders", ""},
	{pg, `UPDATE orders SET a = audit(a)`, sqltext.Update, "*", "r*"},
	{pg, `UPDATE orders SET a = 1 WHERE id = (SELECT max(id) FROM items WHERE name LIKE ('a' || $1))`, sqltext.Update, "*", "r*"},
	{pg, `UPDATE pg_class SET relname = 'x'`, sqltext.Update, "*", "r*"},
	{pg, `UPDATE orders SET note = 'returning' WHERE name = '; COMMIT'`, sqltext.Update, "orders", ""},
	{li, "UPDATE OR IGNORE orders AS o SET a = 1 FROM items", sqltext.Update, "orders", ""},
	{my, "UPDATE orders o JOIN items i ON (o.id = i.order_id), companies SET o.a = 1, i.b = 2 WHERE o.id = 1", sqltext.Update, "orders items companies", ""},
	{my, "UPDATE LOW_PRIORITY orders, (SELECT id FROM items) x SET a = 1", sqltext.Update, "orders", ""},
	{my, "UPDATE orders SET a = 1 WHERE b = (SELECT f() FROM c)", sqltext.Update, "*", "r*"},
	{ot, "UPDATE o SET a = 1 FROM orders o", sqltext.Update, "*", "r*"},

	// DELETE.
	{pg, `DELETE FROM "orders" WHERE "id" IN ($1,$2)`, sqltext.Delete, "orders", ""},
	{pg, `DELETE FROM ONLY public.orders USING items WHERE items.id = orders.id RETURNING *`, sqltext.Delete, "public.orders", "r"},
	{pg, `DELETE orders`, sqltext.Delete, "*", "r*"},
	{li, "DELETE FROM `orders` WHERE id = (SELECT id FROM items ORDER BY random())", sqltext.Delete, "orders", ""},
	{my, "DELETE FROM orders WHERE id = 1 ORDER BY id LIMIT 1", sqltext.Delete, "orders", ""},
	{my, "DELETE o, i FROM orders AS o INNER JOIN items i USING (id) WHERE o.id = 1", sqltext.Delete, "orders items", ""},
	{my, "DELETE FROM o, i USING orders AS o INNER JOIN items i WHERE o.id = 1", sqltext.Delete, "orders items", ""},

	// Data-modifying common table expressions.
	{pg, `WITH d AS (DELETE FROM orders WHERE id = 1 RETURNING *) INSERT INTO archive SELECT * FROM d`, sqltext.Insert, "orders archive", ""},
	{pg, `WITH u AS MATERIALIZED (UPDATE orders SET a = 1 RETURNING id), v(x) AS (SELECT 1) SELECT count(*) FROM u`, sqltext.Update, "orders", "r"},
	{pg, `WITH u AS (SELECT f(id) FROM orders) SELECT * FROM u`, sqltext.Select, "*", "r"},
	{pg, `WITH RECURSIVE t(n) AS (VALUES (1) UNION ALL SELECT n + 1 FROM t) SELECT * FROM t`, sqltext.Select, "", "r"},
	{pg, `INSERT INTO archive WITH d AS (DELETE FROM orders RETURNING *) SELECT * FROM d`, sqltext.Insert, "archive orders", ""},
	{pg, `SELECT * FROM (WITH d AS (DELETE FROM orders RETURNING *) SELECT * FROM d) x`, sqltext.Select, "orders", "r"},
	{pg, `WITH t AS (SELECT 1) SEARCH DEPTH FIRST BY a SET b SELECT 1`, sqltext.Unknown, "*", "re*"},
	{li, `WITH t AS (SELECT 1 AS a) UPDATE orders SET a = 2 WHERE id IN (SELECT a FROM t)`, sqltext.Update, "orders", ""},

	// TRUNCATE, COPY, LOAD DATA, MERGE, REFRESH.
	{pg, `TRUNCATE orders`, sqltext.Truncate, "orders", ""},
	{pg, `TRUNCATE TABLE ONLY orders, public.items RESTART IDENTITY RESTRICT`, sqltext.Truncate, "orders public.items", ""},
	{pg, `TRUNCATE orders CASCADE`, sqltext.Truncate, "*", ""},
	{my, `TRUNCATE TABLE orders`, sqltext.Truncate, "orders", "e"},
	{pg, `COPY orders (a, b) FROM STDIN WITH (FORMAT csv)`, sqltext.Copy, "orders", ""},
	{pg, `COPY orders TO STDOUT`, sqltext.Copy, "", ""},
	{pg, `COPY (DELETE FROM orders RETURNING *) TO STDOUT`, sqltext.Copy, "orders", ""},
	{pg, `COPY (SELECT f() FROM orders) TO STDOUT`, sqltext.Copy, "*", ""},
	{my, `LOAD DATA LOCAL INFILE 'x' REPLACE INTO TABLE shop.orders FIELDS TERMINATED BY ',' (a, b)`, sqltext.Copy, "shop.orders", ""},
	{my, `LOAD DATA INFILE 'x' INTO TABLE orders (a, @b) SET b = f(@b)`, sqltext.Copy, "*", ""},
	{pg, `MERGE INTO orders o USING (SELECT 1 AS id) s ON (o.id = s.id) WHEN MATCHED THEN UPDATE SET a = 1 WHEN NOT MATCHED THEN INSERT (id) VALUES (s.id)`, sqltext.Merge, "orders", ""},
	{pg, `REFRESH MATERIALIZED VIEW CONCURRENTLY totals`, sqltext.Refresh, "totals", ""},

	// Definitions.
	{pg, `CREATE TABLE IF NOT EXISTS "orders" ("id" bigserial, "name" varchar(10) DEFAULT f(), PRIMARY KEY ("id"))`, sqltext.DDL, "orders", ""},
	{pg, `CREATE TEMP TABLE t AS SELECT * FROM orders WHERE lower(name) = 'x'`, sqltext.DDL, "t", ""},
	{pg, `CREATE TABLE t (a) AS SELECT f()`, sqltext.DDL, "*", ""},
	{pg, `CREATE TABLE p PARTITION OF orders DEFAULT`, sqltext.DDL, "*", ""},
	{pg, `SELECT * INTO TEMP t FROM orders`, sqltext.DDL, "t", ""},
	{pg, `ALTER TABLE "orders" ADD "x" text`, sqltext.DDL, "orders", ""},
	{pg, `ALTER TABLE orders RENAME TO items`, sqltext.DDL, "*", ""},
	{pg, `ALTER TABLE orders ATTACH PARTITION p DEFAULT`, sqltext.DDL, "*", ""},
	{pg, `ALTER TABLE orders ALTER a TYPE int USING f(a)`, sqltext.DDL, "*", ""},
	{pg, `DROP TABLE IF EXISTS a, "B"`, sqltext.DDL, "a B", ""},
	{pg, `DROP TABLE a CASCADE`, sqltext.DDL, "*", ""},
	{pg, `CREATE INDEX i ON orders (lower(name))`, sqltext.DDL, "*", ""},
	{pg, `CREATE VIEW v AS SELECT 1`, sqltext.DDL, "*", ""},
	{pg, `CREATE FUNCTION f() RETURNS int LANGUAGE sql AS $$ DELETE FROM x; SELECT 1 $$`, sqltext.DDL, "*", ""},
	{my, `DROP TABLE orders`, sqltext.DDL, "orders", "e"},
	{my, `RENAME TABLE a TO b`, sqltext.DDL, "*", "e"},

	// Reads, and reads that may write.
	{pg, `SELECT now(), random(), pg_advisory_xact_lock(1), txid_current()`, sqltext.Select, "", "r"},
	{pg, `SELECT * FROM orders FOR UPDATE`, sqltext.Select, "", "r"},
	{pg, `SELECT my_func()`, sqltext.Select, "*", "r"},
	{pg, `SELECT set_config('search_path', 'x', false)`, sqltext.Select, "*", "r"},
	{pg, `SELECT query_to_xml('DELETE FROM orders', true, true, '')`, sqltext.Select, "*", "r"},
	{pg, `(SELECT 1) UNION (SELECT f())`, sqltext.Select, "*", "r"},
	{pg, `SELECT * FROM orders o JOIN (SELECT 1) x ON (true) WHERE o.id IN (SELECT 1) AND (o.a) IS NULL`, sqltext.Select, "", "r"},
	{pg, `SELECT sum(a) OVER (PARTITION BY (b) ORDER BY (c)), count(*) FILTER (WHERE (a)) FROM t GROUP BY (a), (b)`, sqltext.Select, "", "r"},
	{pg, `SELECT over(1)`, sqltext.Select, "*", "r"},
	{pg, `VALUES (f())`, sqltext.Select, "*", "r"},
	{pg, `TABLE orders`, sqltext.Select, "", "r"},
	{my, `SELECT id FROM orders INTO @x`, sqltext.Select, "*", "r"},
	{my, `SELECT f()`, sqltext.Select, "*", "r"},
	{li, `SELECT load_extension('x')`, sqltext.Select, "*", "r"},
	{ot, `SELECT count(*) FROM orders`, sqltext.Select, "", "r"},
	{ot, `SELECT f(1)`, sqltext.Select, "*", "r"},

	// Calls.
	{pg, `CALL p()`, sqltext.Call, "*", "r*"},
	{pg, `DO $$ BEGIN DELETE FROM orders; END $$`, sqltext.Call, "*", "r*"},
	{pg, `EXECUTE p(1)`, sqltext.Call, "*", "r*"},
	{my, `CALL p()`, sqltext.Call, "*", "re*"},
	{pg, `PREPARE p AS DELETE FROM orders`, sqltext.Unknown, "*", "re*"},

	// EXPLAIN and its like.
	{pg, `EXPLAIN DELETE FROM orders`, sqltext.Explain, "", "r"},
	{pg, `EXPLAIN ANALYZE DELETE FROM orders`, sqltext.Explain, "orders", "r"},
	{pg, `EXPLAIN (ANALYZE, BUFFERS) SELECT f()`, sqltext.Explain, "*", "r"},
	{pg, `EXPLAIN ANALYZE SELECT * FROM orders`, sqltext.Explain, "", "r"},
	{pg, `EXPLAIN ANALYZE EXECUTE p`, sqltext.Explain, "*", "r"},
	{li, `EXPLAIN QUERY PLAN SELECT 1`, sqltext.Explain, "", "r"},
	{my, `ANALYZE FORMAT=JSON UPDATE orders SET a = 1`, sqltext.Explain, "orders", "r"},
	{my, `DESC orders`, sqltext.Explain, "", "r"},

	// What changes no table.
	{pg, `ANALYZE orders`, sqltext.Maintenance, "", ""},
	{pg, `VACUUM (FULL) orders`, sqltext.Maintenance, "", ""},
	{pg, `LOCK TABLE orders IN SHARE MODE`, sqltext.Lock, "", ""},
	{my, `LOCK TABLES orders WRITE`, sqltext.Lock, "", "e"},
	{pg, `SET LOCAL statement_timeout = '1s'`, sqltext.Set, "", ""},
	{pg, `RESET ALL`, sqltext.Set, "", ""},
	{pg, `SET TRANSACTION ISOLATION LEVEL SERIALIZABLE`, sqltext.SetTransaction, "", ""},
	{pg, `SET SESSION CHARACTERISTICS AS TRANSACTION READ ONLY`, sqltext.SetTransaction, "", ""},
	{my, `SET autocommit = 1`, sqltext.Set, "", "e"},
	{my, `SET @@session.AUTOCOMMIT = 1`, sqltext.Set, "", "e"},
	{my, `SET @x = f()`, sqltext.Set, "*", ""},
	{my, `SET STATEMENT max_statement_time = 1 FOR DELETE FROM orders`, sqltext.Unknown, "*", "re*"},
	{pg, `LISTEN x`, sqltext.Session, "", "r"},
	{pg, `NOTIFY x, 'y'`, sqltext.Session, "", "r"},
	{pg, `SHOW server_version`, sqltext.Session, "", "r"},
	{li, `PRAGMA table_info("orders")`, sqltext.Pragma, "", "r"},
	{li, `PRAGMA main.foreign_keys`, sqltext.Pragma, "", "r"},
	{li, `PRAGMA foreign_keys = ON`, sqltext.Pragma, "*", "r"},
	{li, `PRAGMA writable_schema = 1`, sqltext.Pragma, "*", "r"},
	{pg, ``, sqltext.Unknown, "", "0"},
	{pg, ` ; -- nothing`, sqltext.Unknown, "", "0"},
	{pg, `FETCH ALL FROM c`, sqltext.Unknown, "*", "re*"},
	{li, `ATTACH 'x' AS y`, sqltext.Unknown, "*", "re*"},
	{pg, `GRANT SELECT ON orders TO x`, sqltext.DDL, "*", ""},

	// Transactions.
	{pg, `BEGIN ISOLATION LEVEL REPEATABLE READ, READ ONLY`, sqltext.Begin, "", ""},
	{my, `START TRANSACTION WITH CONSISTENT SNAPSHOT`, sqltext.Begin, "", "e"},
	{li, `BEGIN IMMEDIATE`, sqltext.Begin, "", ""},
	{pg, `COMMIT AND CHAIN`, sqltext.Commit, "", "e"},
	{pg, `end`, sqltext.Commit, "", "e"},
	{pg, `/* x */ ROLLBACK WORK`, sqltext.Rollback, "", "e"},
	{pg, `ABORT`, sqltext.Rollback, "", "e"},
	{pg, `PREPARE TRANSACTION 'x'`, sqltext.PrepareTransaction, "", "e"},
	{pg, `COMMIT PREPARED 'x'`, sqltext.CommitPrepared, "*", "e"},
	{pg, `ROLLBACK PREPARED 'x'`, sqltext.RollbackPrepared, "", ""},

	// Several statements.
	{pg, `INSERT INTO a VALUES (1); INSERT INTO b VALUES (2);`, sqltext.Insert, "a b", "2"},
	{pg, `INSERT INTO a VALUES (1); DELETE FROM b RETURNING *`, sqltext.Unknown, "a b", "r2"},
	{pg, `SELECT 1; SELECT f()`, sqltext.Select, "*", "r2"},
	{pg, `BEGIN; UPDATE a SET b = 1; COMMIT`, sqltext.Unknown, "*", "e3"},
	{pg, `UPDATE a SET b = 1; COMMIT`, sqltext.Unknown, "*", "e2"},
	{pg, `SELECT 1; SAVEPOINT a`, sqltext.Unknown, "*", "r2"},
	{li, `CREATE TRIGGER t AFTER INSERT ON a BEGIN DELETE FROM b; END`, sqltext.Unknown, "*", "e2"},

	// Text that cannot be told.
	{pg, `INSERT INTO a VALUES ('open`, sqltext.Unknown, "*", "re0"},
	{pg, `INSERT INTO a VALUES ('\'); DELETE FROM b; --')`, sqltext.Unknown, "*", "re0"},
	{my, `SELECT 1 /*! ; DELETE FROM a */`, sqltext.Unknown, "*", "re0"},
	{ot, `SELECT 1 --x`, sqltext.Unknown, "*", "re0"},
	{ot, `SELECT $x$ DELETE FROM a $x$`, sqltext.Unknown, "*", "re0"},
	{pg, `garbage`, sqltext.Unknown, "*", "re"},
	{pg, `1`, sqltext.Unknown, "*", "re"},
	{pg, `INSERT INTO`, sqltext.Insert, "*", "r*"},
	{pg, `UPDATE (`, sqltext.Update, "*", "r*"},
	{pg, `DELETE FROM a, (DELETE FROM`, sqltext.Delete, "*", "*"},
}

func TestAWriteNamesItsTablesOrCountsAsAWriteOfEverything(t *testing.T) {
	t.Parallel()
	for _, c := range written {
		got := sqltext.JudgeWrite(c.d, c.sql)
		assert.Equal(t, c.kind, got.Kind, c.sql)
		if c.to == "*" {
			assert.True(t, got.All, c.sql)
		} else {
			assert.False(t, got.All, c.sql)
			assert.Equal(t, c.to, names(got.Tables), c.sql)
		}
		assert.Equal(t, c.to != "", got.Writes(), c.sql)
		rows, ends, all, count := false, false, false, 1
		for _, f := range c.flags {
			switch f {
			case 'r':
				rows = true
			case 'e':
				ends = true
			case '*':
				all = true // unknown already says that rows may come back
			default:
				count = int(f - '0')
			}
		}
		if !all {
			assert.Equal(t, rows, got.ReturnsRows, "returns rows: "+c.sql)
		}
		assert.Equal(t, ends, got.EndsTransaction, "ends the transaction: "+c.sql)
		assert.Equal(t, count, got.Statements, c.sql)
	}
}

func TestSavepointsAreReadWithTheirNames(t *testing.T) {
	t.Parallel()
	cases := []struct {
		d    sqltext.Dialect
		sql  string
		kind sqltext.Kind
		name string
	}{
		{pg, `SAVEPOINT sp1`, sqltext.Savepoint, "sp1"},
		{pg, `savepoint "Sp 1";`, sqltext.Savepoint, "Sp 1"},
		{pg, `SAVEPOINT SP1`, sqltext.Savepoint, "sp1"},
		{my, "SAVEPOINT `SP1`", sqltext.Savepoint, "sp1"},
		{pg, `ROLLBACK TO SAVEPOINT sp1`, sqltext.RollbackTo, "sp1"},
		{pg, `ROLLBACK WORK TO savepoint`, sqltext.RollbackTo, "savepoint"},
		{li, `ROLLBACK TRANSACTION TO SAVEPOINT Sp1`, sqltext.RollbackTo, "sp1"},
		{pg, `RELEASE sp1`, sqltext.Release, "sp1"},
		{pg, `RELEASE SAVEPOINT sp1`, sqltext.Release, "sp1"},
	}
	for _, c := range cases {
		want := sqltext.Write{Kind: c.kind, Savepoint: c.name, Statements: 1}
		assert.Equal(t, want, sqltext.JudgeWrite(c.d, c.sql), c.sql)
	}
	odd := sqltext.JudgeWrite(pg, `ROLLBACK TO SAVEPOINT a b`)
	assert.True(t, odd.All && odd.EndsTransaction)
}

func TestTheReturningClauseIsFoundWhereTheStatementEnds(t *testing.T) {
	t.Parallel()
	cases := []struct {
		sql string
		at  string // what the clause starts with; "" if there is none
	}{
		{`INSERT INTO a VALUES (1) RETURNING id`, "RETURNING id"},
		{"UPDATE `a` SET b = 'RETURNING' returning *;", "returning *;"},
		{`WITH d AS (DELETE FROM a RETURNING id) SELECT * FROM d`, ""},
		{`WITH d AS (DELETE FROM a RETURNING id) DELETE FROM b RETURNING x`, "RETURNING x"},
		{`INSERT INTO a VALUES (1) -- RETURNING id`, ""},
		{`UPDATE a SET "returning" = 1`, ""},
		{`SELECT returning FROM a`, ""},
		{`DELETE FROM a; DELETE FROM b RETURNING id`, ""},
		{`DELETE FROM a WHERE b = 'open RETURNING id`, ""},
		{`DELETE FROM a WHERE b = $x$ RETURNING $x$ RETURNING id`, "RETURNING id"},
	}
	for _, c := range cases {
		pos, ok := sqltext.Returning(c.sql)
		assert.Equal(t, c.at != "", ok, c.sql)
		if ok {
			assert.Equal(t, c.at, c.sql[pos:], c.sql)
		}
	}
}
