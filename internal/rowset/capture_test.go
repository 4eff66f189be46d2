package rowset_test

import (
	"context"
	"database/sql"
	"database/sql/driver"
	"errors"
	"fmt"
	"io"
	"reflect"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/cachewright/cachewright/internal/rowset"
)

// script is a database that answers with what a test wrote down.
type script struct {
	sets []scriptSet
	// closed counts how often the rows were closed.
	closed *int
}

type scriptSet struct {
	names []string
	rows  [][]driver.Value
	scan  reflect.Type
	err   error // after the rows, io.EOF when nil
}

func (s script) open(t testing.TB) *sql.Rows {
	t.Helper()
	db := sql.OpenDB(s)
	t.Cleanup(func() { require.NoError(t, db.Close()) })
	return query(t, db, "")
}

func (s script) Connect(context.Context) (driver.Conn, error) { return s, nil }
func (s script) Driver() driver.Driver                        { return nil }
func (s script) Prepare(string) (driver.Stmt, error)          { return nil, errors.New("no statements") }

func (s script) Begin() (driver.Tx, error) { return nil, errors.New("no transactions") }
func (s script) Close() error              { return nil }

func (s script) QueryContext(context.Context, string, []driver.NamedValue) (driver.Rows, error) {
	return &scriptRows{script: s}, nil
}

type scriptRows struct {
	script
	set, row int
}

func (r *scriptRows) Columns() []string      { return r.sets[r.set].names }
func (r *scriptRows) HasNextResultSet() bool { return r.set+1 < len(r.sets) }
func (r *scriptRows) Close() error           { *r.closed++; return nil }
func (r *scriptRows) ColumnTypeScanType(int) reflect.Type {
	if t := r.sets[r.set].scan; t != nil {
		return t
	}
	return reflect.TypeFor[any]()
}

func (r *scriptRows) NextResultSet() error {
	if !r.HasNextResultSet() {
		return io.EOF
	}
	r.set, r.row = r.set+1, 0
	return nil
}

func (r *scriptRows) Next(dest []driver.Value) error {
	set := r.sets[r.set]
	if r.row == len(set.rows) {
		if set.err != nil {
			return set.err
		}
		return io.EOF
	}
	copy(dest, set.rows[r.row])
	r.row++
	return nil
}

// story reads everything rows can tell, in the order a careful reader would.
func story(t testing.TB, rows *sql.Rows) string {
	t.Helper()
	var text string
	for {
		types, err := rows.ColumnTypes()
		if err != nil {
			break
		}
		for _, c := range types {
			text += fmt.Sprintf("%s:%v ", c.Name(), c.ScanType())
		}
		text += fmt.Sprintf("%#v ", drain(t, rows))
		if !rows.NextResultSet() {
			break
		}
	}
	text += fmt.Sprint(rows.Err())
	require.NoError(t, rows.Close())
	return text
}

type exotic struct{ X, Y int }

func numbers(n int) [][]driver.Value {
	rows := make([][]driver.Value, n)
	for i := range rows {
		rows[i] = []driver.Value{int64(i), fmt.Sprint("row ", i)}
	}
	return rows
}

func TestWhatWasCapturedIsHandedOnAsItCame(t *testing.T) {
	t.Parallel()
	broken := errors.New("connection reset")
	two := []string{"n", "s"}
	scripts := map[string]struct {
		sets []scriptSet
		want error // of Bytes, without a limit
	}{
		"plain":            {sets: []scriptSet{{names: two, rows: numbers(20)}}},
		"no rows":          {sets: []scriptSet{{names: two}}},
		"no columns":       {sets: []scriptSet{{rows: [][]driver.Value{{}, {}}}}},
		"one error":        {sets: []scriptSet{{names: two, rows: numbers(20), err: broken}}, want: broken},
		"error at once":    {sets: []scriptSet{{names: two, err: broken}}, want: broken},
		"exotic value":     {sets: []scriptSet{{names: []string{"x"}, rows: [][]driver.Value{{int64(1)}, {exotic{1, 2}}, {"s"}}}}, want: &rowset.UnsupportedError{Column: "x", Type: reflect.TypeFor[exotic]()}},
		"exotic scan type": {sets: []scriptSet{{names: []string{"x"}, rows: [][]driver.Value{{int64(1)}}, scan: reflect.TypeFor[exotic]()}}, want: &rowset.UnsupportedError{Column: "x", Type: reflect.TypeFor[exotic]()}},
		"two sets":         {sets: []scriptSet{{names: two, rows: numbers(20)}, {names: []string{"other"}, rows: [][]driver.Value{{"x"}, {exotic{3, 4}}}, scan: reflect.TypeFor[string]()}}, want: rowset.ErrManyResults},
		"second set fails": {sets: []scriptSet{{names: two, rows: numbers(5)}, {names: two, rows: numbers(3), err: broken}}, want: rowset.ErrManyResults},
		"three sets":       {sets: []scriptSet{{names: two, rows: numbers(20)}, {names: two}, {names: two, rows: numbers(20)}}, want: rowset.ErrManyResults},
	}
	for name, s := range scripts {
		for _, limit := range []int{0, 1, 60, 100, 400, 1 << 20} {
			t.Run(fmt.Sprint(name, " limit ", limit), func(t *testing.T) {
				t.Parallel()
				replayer := newReplayer(t)
				closed := 0
				db := script{sets: s.sets, closed: &closed}
				want := story(t, db.open(t))

				closed = 0
				c := rowset.Capture(db.open(t), limit)
				_, err := c.Bytes()
				if limit == 0 {
					require.False(t, c.Live())
					require.Equal(t, 1, closed, "read to the end, closed at once")
					switch {
					case s.want == nil:
						require.NoError(t, err)
					case name == "second set fails":
						require.ErrorIs(t, err, broken, "the database's own error comes first")
					default:
						require.ErrorContains(t, err, s.want.Error())
					}
				}
				require.Equal(t, c.Live(), closed == 0)
				if c.Live() {
					require.Error(t, err)
				}
				rows, err := replayer.Resume(context.Background(), c, 0, c.View().NumColumns())
				require.NoError(t, err)
				require.Equal(t, want, story(t, rows))
				require.Equal(t, 1, closed)
				require.False(t, c.Live())
			})
		}
	}
}

func TestALimitBoundsWhatIsReadAhead(t *testing.T) {
	t.Parallel()
	closed := 0
	c := rowset.Capture(script{sets: []scriptSet{{names: []string{"n", "s"}, rows: numbers(10_000)}}, closed: &closed}.open(t), 1000)
	_, err := c.Bytes()
	require.ErrorIs(t, err, rowset.ErrTooLarge)
	require.Less(t, c.NumRows(), 120)
	require.True(t, c.Live())
	require.NoError(t, c.Close())
	require.NoError(t, c.Close())
	require.Equal(t, 1, closed)
}

func TestResumeHandsOnTheFirstColumnsAndClosesWhatItRefuses(t *testing.T) {
	t.Parallel()
	replayer := newReplayer(t)
	for _, limit := range []int{0, 100} {
		closed := 0
		db := script{sets: []scriptSet{{names: []string{"n", "s"}, rows: numbers(50)}}, closed: &closed}
		rows, err := replayer.Resume(context.Background(), rowset.Capture(db.open(t), limit), 1, 2)
		require.NoError(t, err)
		got := drain(t, rows)
		require.NoError(t, rows.Err())
		require.Len(t, got, 50)
		require.Equal(t, []any{"row 0"}, got[0])
		require.Equal(t, []any{"row 49"}, got[49])

		c := rowset.Capture(db.open(t), 100)
		_, err = replayer.Resume(context.Background(), c, 1, 3)
		require.ErrorIs(t, err, rowset.ErrShape)
		require.False(t, c.Live())

		ended, cancel := context.WithCancel(context.Background())
		cancel()
		c = rowset.Capture(db.open(t), 100)
		_, err = replayer.Resume(ended, c, 0, 2)
		require.ErrorIs(t, err, context.Canceled)
		require.False(t, c.Live())
	}
}

func TestRowsLeftEarlyAreClosedWithTheirDatabaseRows(t *testing.T) {
	t.Parallel()
	replayer := newReplayer(t)
	closed := 0
	db := script{sets: []scriptSet{{names: []string{"n", "s"}, rows: numbers(50)}, {names: []string{"x"}}}, closed: &closed}
	c := rowset.Capture(db.open(t), 100)
	ctx, cancel := context.WithCancel(context.Background())
	rows, err := replayer.Resume(ctx, c, 0, 2)
	require.NoError(t, err)
	for range c.NumRows() + 3 {
		require.True(t, rows.Next())
	}
	cancel()
	require.False(t, rows.Next())
	require.ErrorIs(t, rows.Err(), context.Canceled)
	require.Equal(t, 1, closed)
}

func TestCaptureOfClosedRowsIsTheirError(t *testing.T) {
	t.Parallel()
	rows := query(t, openSQLite(t), `SELECT 1`)
	require.NoError(t, rows.Close())
	c := rowset.Capture(rows, 0)
	require.ErrorContains(t, c.Err(), "closed")
	_, err := c.Bytes()
	require.ErrorIs(t, err, c.Err())
	_, err = newReplayer(t).Resume(context.Background(), c, 0, 0)
	require.ErrorIs(t, err, c.Err())
}

func TestACompleteCaptureCanBeHandedOnTwice(t *testing.T) {
	t.Parallel()
	replayer := newReplayer(t)
	c := rowset.Capture(query(t, openSQLite(t), `SELECT 1 AS n UNION SELECT 2`), 0)
	for range 2 {
		rows, err := replayer.Resume(context.Background(), c, 0, 1)
		require.NoError(t, err)
		require.Equal(t, [][]any{{int64(1)}, {int64(2)}}, drain(t, rows))
	}
}
