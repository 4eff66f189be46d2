package rowset_test

import (
	"context"
	"database/sql"
	"testing"

	_ "github.com/glebarez/go-sqlite"
	"github.com/stretchr/testify/require"

	"github.com/cachewright/cachewright/internal/rowset"
	"github.com/cachewright/cachewright/internal/testkit"
)

func TestMain(m *testing.M) {
	testkit.Main(m)
}

func openSQLite(t testing.TB) *sql.DB {
	t.Helper()
	db, err := sql.Open("sqlite", ":memory:")
	require.NoError(t, err)
	db.SetMaxOpenConns(1) // each connection is a database of its own
	t.Cleanup(func() { require.NoError(t, db.Close()) })
	return db
}

func newReplayer(t testing.TB) *rowset.Replayer {
	t.Helper()
	r := rowset.NewReplayer()
	t.Cleanup(func() { require.NoError(t, r.Close()) })
	return r
}

func query(t testing.TB, db *sql.DB, text string, args ...any) *sql.Rows {
	t.Helper()
	rows, err := db.QueryContext(context.Background(), text, args...)
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, rows.Close()) })
	return rows
}

// capture reads the whole answer of a query.
func capture(t testing.TB, db *sql.DB, text string, args ...any) []byte {
	t.Helper()
	data, err := rowset.Capture(query(t, db, text, args...), 0).Bytes()
	require.NoError(t, err)
	return data
}

func encode(t testing.TB, columns []rowset.Column, rows ...[]any) []byte {
	t.Helper()
	b, err := rowset.NewBuilder(columns)
	require.NoError(t, err)
	for _, row := range rows {
		require.NoError(t, b.Append(row...))
	}
	return b.Bytes()
}

func open(t testing.TB, data []byte) rowset.View {
	t.Helper()
	v, err := rowset.Open(data)
	require.NoError(t, err)
	require.NoError(t, v.Check())
	return v
}

// values decodes all rows.
func values(t testing.TB, v rowset.View) [][]any {
	t.Helper()
	all := [][]any{}
	it := v.Rows()
	for it.Next() {
		row := make([]any, v.NumColumns())
		for i := range row {
			row[i] = it.Value().Any()
		}
		require.Equal(t, rowset.KindInvalid, it.Value().Kind(), "past the last column")
		all = append(all, row)
	}
	require.NoError(t, it.Err())
	return all
}

// drain reads all rows of a *sql.Rows into any.
func drain(t testing.TB, rows *sql.Rows) [][]any {
	t.Helper()
	names, err := rows.Columns()
	require.NoError(t, err)
	all := [][]any{}
	for rows.Next() {
		row, dest := make([]any, len(names)), make([]any, len(names))
		for i := range row {
			dest[i] = &row[i]
		}
		require.NoError(t, rows.Scan(dest...))
		all = append(all, row)
	}
	return all
}

func named(names ...string) []rowset.Column {
	columns := make([]rowset.Column, len(names))
	for i, name := range names {
		columns[i] = rowset.Column{Name: name}
	}
	return columns
}
