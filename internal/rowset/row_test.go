package rowset_test

import (
	"context"
	"database/sql"
	"errors"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/cachewright/cachewright/internal/rowset"
)

func TestARowIsWhatAQueryForOneRowWouldGive(t *testing.T) {
	t.Parallel()
	db, replayer := openSQLite(t), newReplayer(t)
	row := func(text string) *sql.Row {
		return replayer.Row(context.Background(), rowset.Capture(query(t, db, text), 0), nil)
	}
	var n int
	require.NoError(t, row(`SELECT 1 UNION SELECT 2`).Scan(&n))
	require.Equal(t, 1, n)
	require.ErrorIs(t, row(`SELECT 1 WHERE 0`).Scan(&n), sql.ErrNoRows)
	require.EqualError(t, row(`SELECT 'x' AS c`).Scan(&n), db.QueryRowContext(context.Background(), `SELECT 'x' AS c`).Scan(&n).Error())
}

func TestARowReportsTheErrorItWasGiven(t *testing.T) {
	t.Parallel()
	replayer := newReplayer(t)
	refused := errors.New("refused")
	ended, cancel := context.WithCancel(context.Background())
	cancel()
	for _, ctx := range []context.Context{context.Background(), ended} {
		row := replayer.Row(ctx, nil, refused)
		require.Equal(t, refused, row.Err())
		require.Equal(t, refused, row.Scan(new(int)))
	}

	rows := query(t, openSQLite(t), `SELECT 1`)
	require.NoError(t, rows.Close())
	require.ErrorContains(t, replayer.Row(context.Background(), rowset.Capture(rows, 0), nil).Err(), "closed")

	closed := 0
	broken := script{sets: []scriptSet{{names: []string{"n"}, err: refused}}, closed: &closed}
	require.ErrorIs(t, replayer.Row(context.Background(), rowset.Capture(broken.open(t), 0), nil).Scan(new(int)), refused)
}
