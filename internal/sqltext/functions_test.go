package sqltext_test

import (
	"database/sql"
	"os"
	"strings"
	"testing"

	_ "github.com/glebarez/go-sqlite"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/cachewright/cachewright/internal/sqltext"
)

func TestWhatIsListedAsPureForPostgreSQLIsImmutableThere(t *testing.T) {
	t.Parallel()
	text, err := os.ReadFile("testdata/postgres-immutable.txt")
	require.NoError(t, err)
	immutable := map[string]bool{
		// Syntax of the parser, not functions of the catalogue.
		"coalesce": true, "nullif": true, "greatest": true, "least": true, "trim": true,
		"length": true, // but for length(bytea, name), of which the encoding's name is an argument
		"unnest": true, // immutable, and returns a set
	}
	for line := range strings.Lines(string(text)) {
		immutable[strings.TrimSpace(line)] = true
	}
	for _, name := range sqltext.PureFunctions(pg) {
		assert.True(t, immutable[name], name)
	}
}

// corpusSchema is what the accepted reads of SQLite name.
const corpusSchema = `CREATE TABLE orders (id INTEGER PRIMARY KEY, name TEXT, total INTEGER, company_id INTEGER,
	deleted_at TEXT, created_at TEXT);
CREATE TABLE companies (id INTEGER PRIMARY KEY, name TEXT);
CREATE TABLE items (id INTEGER PRIMARY KEY, order_id INTEGER, qty INTEGER);`

func openSQLite(t testing.TB) *sql.DB {
	t.Helper()
	db, err := sql.Open("sqlite", ":memory:")
	require.NoError(t, err)
	db.SetMaxOpenConns(1)
	t.Cleanup(func() { require.NoError(t, db.Close()) })
	_, err = db.Exec(corpusSchema)
	require.NoError(t, err)
	return db
}

func TestSQLiteUnderstandsWhatIsAcceptedForIt(t *testing.T) {
	t.Parallel()
	db := openSQLite(t)
	for _, c := range accepted {
		if c.d != li {
			continue
		}
		s, err := db.Prepare(c.sql)
		if assert.NoError(t, err, c.sql) {
			require.NoError(t, s.Close())
		}
	}
}

func TestSQLiteReadsTheTablesThatTheVerdictNames(t *testing.T) {
	t.Parallel()
	db := openSQLite(t)
	reads := []string{
		"SELECT * FROM orders",
		"SELECT o.id FROM orders o, companies c WHERE c.id = o.company_id",
		"SELECT id FROM orders WHERE id IN (SELECT order_id FROM items)",
		"WITH o AS (SELECT id FROM orders), items AS (SELECT * FROM o) SELECT id FROM items",
		"WITH a AS (SELECT * FROM items) SELECT (WITH a AS (SELECT id FROM companies) SELECT max(id) FROM a) FROM a",
		"SELECT id FROM orders UNION SELECT id FROM companies ORDER BY 1",
		"SELECT * FROM (orders JOIN (companies) USING (id))",
		"SELECT CASE WHEN EXISTS (SELECT 1 FROM items) THEN name ELSE (SELECT name FROM companies LIMIT 1) END FROM orders",
	}
	for _, read := range reads {
		verdict := sqltext.JudgeRead(li, read)
		require.Empty(t, verdict.Refusal, read)
		// Whatever table the verdict does not name can be dropped without the query noticing.
		tx, err := db.Begin()
		require.NoError(t, err)
		for _, table := range []string{"orders", "companies", "items"} {
			if !strings.Contains(" "+names(verdict.Tables)+" ", " "+table+" ") {
				_, err = tx.Exec("DROP TABLE " + table)
				require.NoError(t, err)
			}
		}
		rows, err := tx.Query(read)
		if assert.NoError(t, err, read) {
			assert.NoError(t, rows.Close())
		}
		require.NoError(t, tx.Rollback())
	}
}
