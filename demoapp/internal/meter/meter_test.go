package meter_test

import (
	"context"
	"database/sql"
	"database/sql/driver"
	"testing"

	gosqlite "github.com/glebarez/go-sqlite"
	"github.com/stretchr/testify/require"

	"github.com/cachewright/cachewright/demoapp/internal/meter"
)

func TestStatementsAreCountedByKindAndTable(t *testing.T) {
	t.Parallel()
	pool, m := open(t)
	exec := func(query string, args ...any) {
		_, err := pool.ExecContext(t.Context(), query, args...)
		require.NoError(t, err)
	}
	exec(`CREATE TABLE things (id INTEGER PRIMARY KEY, n INTEGER)`)
	before := m.Counts()
	exec(`INSERT INTO "things" (n) VALUES (?), (?)`, 1, 2)
	exec("UPDATE `things` SET n = n + 1")
	exec(`DELETE FROM things WHERE id = 1`)
	require.Equal(t, meter.Counts{
		{Verb: "INSERT", Table: "things"}: {Statements: 1, Rows: 2},
		{Verb: "UPDATE", Table: "things"}: {Statements: 1, Rows: 2},
		{Verb: "DELETE", Table: "things"}: {Statements: 1, Rows: 1},
	}, m.Counts().Since(before))
	require.Equal(t, meter.Count{Statements: 3, Rows: 5}, m.Counts().Since(before).Writes("things"))

	var n int
	require.NoError(t, pool.QueryRowContext(t.Context(), `SELECT n FROM things`).Scan(&n))
	require.Equal(t, int64(1), m.Counts().Reads("things"))
	require.Equal(t, int64(1), m.Counts().Reads())
	require.Zero(t, m.Counts().Reads("others"))
	require.Equal(t, int64(4), m.Counts().Statements("things"))
}

func TestTransactionsAndPreparedStatementsAreCounted(t *testing.T) {
	t.Parallel()
	pool, m := open(t)
	_, err := pool.ExecContext(t.Context(), `CREATE TABLE things (n INTEGER)`)
	require.NoError(t, err)
	before := m.Counts()
	tx, err := pool.BeginTx(t.Context(), nil)
	require.NoError(t, err)
	insert, err := tx.PrepareContext(t.Context(), `INSERT INTO things VALUES (?)`)
	require.NoError(t, err)
	for i := range 3 {
		_, err := insert.ExecContext(t.Context(), i)
		require.NoError(t, err)
	}
	require.NoError(t, insert.Close())
	require.NoError(t, tx.Commit())
	tx, err = pool.BeginTx(t.Context(), nil)
	require.NoError(t, err)
	require.NoError(t, tx.Rollback())
	since := m.Counts().Since(before)
	require.Equal(t, meter.Counts{
		{Verb: "BEGIN"}:                   {Statements: 2},
		{Verb: "COMMIT"}:                  {Statements: 1},
		{Verb: "ROLLBACK"}:                {Statements: 1},
		{Verb: "INSERT", Table: "things"}: {Statements: 3, Rows: 3},
	}, since)
	require.Equal(t, int64(3), since.Statements(), "what names no table is no statement about one")
	require.Equal(t, []meter.Kind{
		{Verb: "BEGIN"}, {Verb: "COMMIT"}, {Verb: "ROLLBACK"}, {Verb: "INSERT", Table: "things"},
	}, since.Kinds())
}

func TestAStatementThatFailsWasSent(t *testing.T) {
	t.Parallel()
	pool, m := open(t)
	_, err := pool.ExecContext(t.Context(), `UPDATE nothing SET n = 1`)
	require.Error(t, err)
	require.Equal(t, meter.Count{Statements: 1}, m.Counts().Writes("nothing"))
}

func TestTheKindOfAStatementIsThatOfTheFirstTableItNames(t *testing.T) {
	t.Parallel()
	for query, want := range map[string]meter.Kind{
		`SELECT * FROM "orders" WHERE id = $1 FOR UPDATE`:                                  {Verb: "SELECT", Table: "orders"},
		`select count(*) from products`:                                                    {Verb: "SELECT", Table: "products"},
		`INSERT INTO "page_views" ("path") VALUES ($1) ON CONFLICT DO UPDATE SET hits = 1`: {Verb: "INSERT", Table: "page_views"},
		`UPDATE ONLY page_views AS t SET hits = t.hits + v.hits FROM unnest($1) AS v`:      {Verb: "UPDATE", Table: "page_views"},
		`WITH changed AS (DELETE FROM "orders" RETURNING id) SELECT count(*) FROM changed`: {Verb: "DELETE", Table: "orders"},
		"UPDATE\n\t`products` SET stock = 1":                                               {Verb: "UPDATE", Table: "products"},
		"PRAGMA table_info(products)":                                                      {Verb: "PRAGMA"},
		"commit;":                                                                          {Verb: "COMMIT"},
		"":                                                                                 {},
	} {
		require.Equal(t, want, meter.KindOf(query), query)
	}
}

func TestADriverWithoutContextsIsRefused(t *testing.T) {
	t.Parallel()
	pool := sql.OpenDB(new(meter.Meter).Connector(plainConnector{}))
	t.Cleanup(func() { require.NoError(t, pool.Close()) })
	require.ErrorContains(t, pool.PingContext(t.Context()), "does not take contexts")
}

// open opens a counted SQLite database in memory, of one connection.
func open(tb testing.TB) (*sql.DB, *meter.Meter) {
	tb.Helper()
	m := new(meter.Meter)
	pool := sql.OpenDB(m.Connector(memory{}))
	pool.SetMaxOpenConns(1)
	tb.Cleanup(func() { require.NoError(tb, pool.Close()) })
	return pool, m
}

type memory struct{}

func (memory) Connect(context.Context) (driver.Conn, error) {
	return memory{}.Driver().Open(":memory:")
}
func (memory) Driver() driver.Driver { return new(gosqlite.Driver) }

type plainConnector struct{}

func (plainConnector) Connect(context.Context) (driver.Conn, error) { return plainConn{}, nil }
func (plainConnector) Driver() driver.Driver                        { return nil }

type plainConn struct{}

func (plainConn) Prepare(string) (driver.Stmt, error) { return nil, driver.ErrSkip }
func (plainConn) Begin() (driver.Tx, error)           { return nil, driver.ErrSkip }
func (plainConn) Close() error                        { return nil }
