package migrations_test

import (
	"database/sql"
	"testing"

	"github.com/stretchr/testify/require"
)

// schemas has the query that lists all there is in a database of ours, one line a thing: tables with their columns,
// indexes and constraints.
var schemas = map[string]string{
	"sqlite": `SELECT type || ' ' || name || ' ' || coalesce(sql, '') FROM sqlite_schema
		WHERE name NOT LIKE 'sqlite_%' ORDER BY 1`,
	"postgres": `
		SELECT 'column ' || table_name || '.' || column_name || ' ' || data_type || ' ' || is_nullable || ' '
			|| coalesce(column_default, '') || ' ' || is_identity AS line
		FROM information_schema.columns WHERE table_schema = 'public'
		UNION ALL SELECT 'index ' || indexdef FROM pg_indexes WHERE schemaname = 'public'
		UNION ALL SELECT 'constraint ' || conrelid::regclass || ' ' || pg_get_constraintdef(oid)
		FROM pg_constraint WHERE connamespace = 'public'::regnamespace
		UNION ALL SELECT 'sequence ' || sequencename FROM pg_sequences WHERE schemaname = 'public'
		ORDER BY 1`,
}

// schema lists what is in the database.
func schema(tb testing.TB, dialect string, pool *sql.DB) []string {
	tb.Helper()
	rows, err := pool.QueryContext(tb.Context(), schemas[dialect])
	require.NoError(tb, err)
	defer rows.Close()
	var lines []string
	for rows.Next() {
		var line string
		require.NoError(tb, rows.Scan(&line))
		lines = append(lines, line)
	}
	require.NoError(tb, rows.Err())
	return lines
}

// tables lists the tables of the database by name.
func tables(tb testing.TB, dialect string, pool *sql.DB) []string {
	tb.Helper()
	query := map[string]string{
		"sqlite":   `SELECT name FROM sqlite_schema WHERE type = 'table' AND name NOT LIKE 'sqlite_%' ORDER BY name`,
		"postgres": `SELECT tablename FROM pg_tables WHERE schemaname = 'public' ORDER BY tablename`,
	}[dialect]
	rows, err := pool.QueryContext(tb.Context(), query)
	require.NoError(tb, err)
	defer rows.Close()
	var names []string
	for rows.Next() {
		var name string
		require.NoError(tb, rows.Scan(&name))
		names = append(names, name)
	}
	require.NoError(tb, rows.Err())
	return names
}

// exec runs a statement.
func exec(tb testing.TB, pool *sql.DB, statement string) {
	tb.Helper()
	_, err := pool.ExecContext(tb.Context(), statement)
	require.NoError(tb, err, statement)
}
