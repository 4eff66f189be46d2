package rowset_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/cachewright/cachewright/internal/rowset"
)

func TestAWholeRowIsReadAtOnce(t *testing.T) {
	t.Parallel()
	view := capturedView(t, `SELECT 1 AS a, 'x' AS b, NULL AS c UNION ALL SELECT 2, 'y', 3.5`)
	it := view.Rows()
	var row [3]rowset.Value
	require.False(t, it.Row(row[:]), "before the first row")
	require.True(t, it.Next())
	require.True(t, it.Row(row[:]))
	require.EqualValues(t, 1, row[0].Int64())
	require.Equal(t, "x", row[1].StringAlias())
	require.True(t, row[2].IsNull())
	require.False(t, it.Row(row[:1]), "the row has no more columns")
	require.True(t, it.Next())
	require.EqualValues(t, 2, it.Value().Int64())
	require.True(t, it.Row(row[1:]), "the rest of the row")
	require.Equal(t, "y", row[1].StringAlias())
	require.InDelta(t, 3.5, row[2].Float64(), 0)
	require.False(t, it.Next())
	require.NoError(t, it.Err())
}

func TestAnyDamageInARowIsSeen(t *testing.T) {
	t.Parallel()
	whole := capturedBytes(t, `SELECT 1 AS a, 'some text' AS b, 3.5 AS c`)
	for n := range whole {
		view, err := rowset.Open(whole[:n])
		if err != nil {
			continue
		}
		var row [3]rowset.Value
		it := view.Rows()
		require.False(t, it.Next() && it.Row(row[:]) && !it.Next() && it.Err() == nil, "%d of %d bytes", n, len(whole))
	}
}

func capturedBytes(tb testing.TB, text string) []byte {
	tb.Helper()
	data, err := rowset.Capture(query(tb, openSQLite(tb), text), 0).Bytes()
	require.NoError(tb, err)
	return data
}

func capturedView(tb testing.TB, text string) rowset.View {
	tb.Helper()
	view, err := rowset.Open(capturedBytes(tb, text))
	require.NoError(tb, err)
	return view
}
