package rowset_test

import (
	"bytes"
	"context"
	"database/sql"
	"errors"
	"strings"
	"sync"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/cachewright/cachewright/internal/rowset"
)

func TestAReplayYieldsEveryValueAsItWasStored(t *testing.T) {
	t.Parallel()
	replayer := newReplayer(t)
	var want [][]any
	for _, v := range everyKind(t) {
		want = append(want, []any{v, "beside"})
	}
	data := encode(t, named("a", "b"), want...)
	rows, err := replayer.Rows(context.Background(), data)
	require.NoError(t, err)
	require.Equal(t, want, drain(t, rows))
	require.NoError(t, rows.Err())
}

func TestAReplayedProjectionHasTheNamesAndValuesOfItsColumns(t *testing.T) {
	t.Parallel()
	replayer := newReplayer(t)
	v := open(t, encode(t, named("a", "b", "c"), []any{int64(1), "x", nil}, []any{int64(2), "y", true}))
	v, err := v.Project(1, 3)
	require.NoError(t, err)
	rows, err := replayer.RowsOf(context.Background(), v)
	require.NoError(t, err)
	names, err := rows.Columns()
	require.NoError(t, err)
	require.Equal(t, []string{"b", "c"}, names)
	types, err := rows.ColumnTypes()
	require.NoError(t, err)
	require.Equal(t, "b", types[0].Name())
	require.Equal(t, [][]any{{"x", nil}, {"y", true}}, drain(t, rows))
}

func TestAReaderCannotReachTheStoredBytesOrANeighbour(t *testing.T) {
	t.Parallel()
	replayer := newReplayer(t)
	for _, size := range []int{10, 3 * 4096} { // strings aliased, strings copied
		data := encode(t, named("a", "b", "c"),
			[]any{[]byte("aaaa"), []byte("bbbb"), strings.Repeat("s", size)},
			[]any{[]byte("cccc"), []byte("dddd"), "t"})
		stored := bytes.Clone(data)
		rows, err := replayer.Rows(context.Background(), data)
		require.NoError(t, err)
		names, err := rows.Columns()
		require.NoError(t, err)
		names[0] = "written over"

		var kept keeper // breaks the contract of Scanner and keeps what it was lent
		var text string
		require.True(t, rows.Next())
		var raw sql.RawBytes
		require.NoError(t, rows.Scan(&raw, &kept, &text))
		require.Equal(t, "aaaa", string(raw))
		copy(raw, "!!!!")
		_ = append(raw, "over the end"...) //nolint:gocritic // a reader that appends must not reach its neighbour
		require.Equal(t, "bbbb", string(kept.lent))

		require.True(t, rows.Next())
		require.Equal(t, "bbbb", string(kept.lent))
		require.NoError(t, rows.Scan(&raw, &kept, new(string)))
		require.Equal(t, "cccc", string(raw))
		require.Equal(t, "dddd", string(kept.lent))
		require.NoError(t, rows.Close())
		require.Equal(t, strings.Repeat("s", size), text)
		require.Equal(t, stored, data)

		again, err := replayer.Rows(context.Background(), data)
		require.NoError(t, err)
		names, err = again.Columns()
		require.NoError(t, err)
		require.Equal(t, []string{"a", "b", "c"}, names)
		require.NoError(t, again.Close())
	}
}

type keeper struct{ lent []byte }

func (k *keeper) Scan(src any) error {
	k.lent, _ = src.([]byte)
	return nil
}

func TestAReplayEndsWithItsContext(t *testing.T) {
	t.Parallel()
	replayer := newReplayer(t)
	data := encode(t, named("a"), []any{int64(1)}, []any{int64(2)})
	ctx, cancel := context.WithCancel(context.Background())
	rows, err := replayer.Rows(ctx, data)
	require.NoError(t, err)
	require.True(t, rows.Next())
	cancel()
	require.False(t, rows.Next())
	require.ErrorIs(t, rows.Err(), context.Canceled)
	require.NoError(t, rows.Close())

	_, err = replayer.Rows(ctx, data)
	require.ErrorIs(t, err, context.Canceled)
}

func TestDamageIsAnErrorOfTheReplay(t *testing.T) {
	t.Parallel()
	replayer := newReplayer(t)
	data := encode(t, named("a"), []any{"one"}, []any{"two"})
	_, err := replayer.Rows(context.Background(), data[:5])
	require.ErrorIs(t, err, rowset.ErrCorrupt)

	rows, err := replayer.Rows(context.Background(), data[:len(data)-1])
	require.NoError(t, err)
	require.True(t, rows.Next())
	require.False(t, rows.Next())
	require.ErrorIs(t, rows.Err(), rowset.ErrCorrupt)
}

func TestAClosedReplayerLetsOpenRowsEndAndPlaysOn(t *testing.T) {
	t.Parallel()
	replayer := rowset.NewReplayer()
	data := encode(t, named("a"), []any{int64(1)})
	rows, err := replayer.Rows(context.Background(), data)
	require.NoError(t, err)
	require.NoError(t, replayer.Close())
	require.Equal(t, [][]any{{int64(1)}}, drain(t, rows))
	require.NoError(t, rows.Err())

	rows, err = replayer.Rows(context.Background(), data)
	require.NoError(t, err)
	require.Equal(t, [][]any{{int64(1)}}, drain(t, rows))
	require.NoError(t, rows.Err())
	var n int
	require.NoError(t, replayer.Row(context.Background(), rowset.Capture(query(t, openSQLite(t), `SELECT 7`), 0), nil).Scan(&n))
	require.Equal(t, 7, n)
	refused := errors.New("refused")
	require.Equal(t, refused, replayer.Row(context.Background(), nil, refused).Scan(&n))
}

func TestManyGoroutinesReplayOneAnswer(t *testing.T) {
	t.Parallel()
	replayer := newReplayer(t)
	want := [][]any{{int64(1), "one", []byte{1}}, {int64(2), nil, []byte{2}}}
	data := encode(t, named("a", "b", "c"), want...)
	var group sync.WaitGroup
	for range 8 {
		group.Go(func() {
			for range 100 {
				rows, err := replayer.Rows(context.Background(), data)
				if err != nil {
					t.Error(err)
					return
				}
				got := drain(t, rows)
				if len(got) != 2 || !same(got[0], want[0]) || !same(got[1], want[1]) {
					t.Errorf("replayed %v", got)
				}
			}
		})
	}
	group.Wait()
}
