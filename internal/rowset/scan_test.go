package rowset_test

import (
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"
	"reflect"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// shout is a Scanner that refuses what it does not know, with its own words.
type shout struct{ Got any }

func (s *shout) Scan(src any) error {
	switch v := src.(type) {
	case string:
		s.Got = v + "!"
	case []byte:
		s.Got = append([]byte("bytes "), v...)
	case nil:
		s.Got = "NULL"
	case int64:
		return errors.New("no numbers please")
	default:
		s.Got = fmt.Sprintf("%T %v", src, src)
	}
	return nil
}

type (
	celsius float64
	label   string
	count   int16
	blob    []byte
)

// destinations returns new pointers of every kind that Scan treats apart.
func destinations() []any {
	return []any{
		new(int), new(int8), new(int16), new(int32), new(int64),
		new(uint), new(uint8), new(uint16), new(uint32), new(uint64),
		new(float32), new(float64), new(bool), new(string), new([]byte),
		new(sql.RawBytes), new(any), new(time.Time), new(json.RawMessage),
		new(*int), new(**int64), new(*string), new(*bool), new(*time.Time), new(*[]byte), new(*any),
		new(sql.NullInt64), new(sql.NullInt16), new(sql.NullFloat64), new(sql.NullString),
		new(sql.NullBool), new(sql.NullTime), new(sql.NullByte),
		new(sql.Null[uint32]), new(sql.Null[string]), new(sql.Null[[]byte]), new(sql.Null[time.Time]),
		new(shout), new(*shout), new(celsius), new(label), new(count), new(blob),
		new(struct{ X int }), new([]string), new(chan int), new(complex128),
		(*int)(nil), "no pointer", nil,
	}
}

// queries answer one row of one column c, in every form SQLite has.
var queries = []string{
	`SELECT NULL AS c`,
	`SELECT 0 AS c`, `SELECT 1 AS c`, `SELECT -1 AS c`, `SELECT 300 AS c`, `SELECT 70000 AS c`,
	`SELECT 9223372036854775807 AS c`, `SELECT -9223372036854775808 AS c`,
	`SELECT 0.0 AS c`, `SELECT 1.0 AS c`, `SELECT 1.5 AS c`, `SELECT 1e300 AS c`, `SELECT 1e999 AS c`,
	`SELECT '' AS c`, `SELECT 'text' AS c`, `SELECT '12' AS c`, `SELECT '1.25' AS c`, `SELECT 'true' AS c`,
	`SELECT '2024-02-29 12:00:00' AS c`, `SELECT 'käse' AS c`,
	`SELECT x'' AS c`, `SELECT x'0001ff' AS c`, `SELECT x'3132' AS c`,
	`SELECT c FROM moments WHERE id = 1`, `SELECT c FROM moments WHERE id = 2`,
	`SELECT c FROM moments WHERE id = 3`, `SELECT c FROM moments WHERE id = 4`,
	`SELECT c FROM flags WHERE id = 1`, `SELECT c FROM flags WHERE id = 2`,
}

func openMoments(t testing.TB) *sql.DB {
	t.Helper()
	db := openSQLite(t)
	_, err := db.ExecContext(context.Background(), `
		CREATE TABLE moments (id INTEGER PRIMARY KEY, c DATETIME);
		INSERT INTO moments VALUES (1, '2024-02-29 12:34:56.789'), (2, '2024-02-29 12:34:56+02:00'), (3, NULL), (4, 'not a time');
		CREATE TABLE flags (id INTEGER PRIMARY KEY, c BOOLEAN);
		INSERT INTO flags VALUES (1, 1), (2, 0);`)
	require.NoError(t, err)
	return db
}

// scanned is what one Scan did: what stands in the destination, and the error.
type scanned struct {
	Value any
	Err   string
}

func scanFirst(t testing.TB, rows *sql.Rows, dest any) scanned {
	t.Helper()
	require.True(t, rows.Next())
	var out scanned
	if err := rows.Scan(dest); err != nil {
		out.Err = err.Error()
	}
	if v := reflect.ValueOf(dest); v.Kind() == reflect.Pointer && !v.IsNil() {
		out.Value = v.Elem().Interface()
		if raw, ok := out.Value.(sql.RawBytes); ok && raw != nil {
			out.Value = append(sql.RawBytes{}, raw...)
		}
	}
	require.NoError(t, rows.Close())
	return out
}

func TestScanOfAReplayDoesWhatScanOfTheDatabaseDoes(t *testing.T) {
	t.Parallel()
	db, replayer := openMoments(t), newReplayer(t)
	compared := 0
	for _, text := range queries {
		data := capture(t, db, text)
		fromDatabase, fromReplay := destinations(), destinations()
		for i := range fromDatabase {
			want := scanFirst(t, query(t, db, text), fromDatabase[i])
			rows, err := replayer.Rows(context.Background(), data)
			require.NoError(t, err)
			got := scanFirst(t, rows, fromReplay[i])
			require.NoError(t, rows.Err())
			require.True(t, reflect.DeepEqual(want, got), "%s into %T: database %#v, replay %#v", text, fromDatabase[i], want, got)
			compared++
		}
	}
	require.Equal(t, len(queries)*len(destinations()), compared)
}

func TestMisuseOfAReplayIsAnsweredAsByTheDatabase(t *testing.T) {
	t.Parallel()
	db, replayer := openMoments(t), newReplayer(t)
	const text = `SELECT 1 AS a, 'x' AS b`
	data := capture(t, db, text)
	replay := func() *sql.Rows {
		rows, err := replayer.Rows(context.Background(), data)
		require.NoError(t, err)
		t.Cleanup(func() { require.NoError(t, rows.Close()) })
		return rows
	}
	misuses := map[string]func(*sql.Rows) error{
		"scan before next":    func(r *sql.Rows) error { return r.Scan(new(int), new(string)) },
		"too few":             func(r *sql.Rows) error { r.Next(); return r.Scan(new(int)) },
		"second column wrong": func(r *sql.Rows) error { r.Next(); return r.Scan(new(int), new(int)) },
		"scan after the end":  func(r *sql.Rows) error { r.Next(); r.Next(); return r.Scan(new(int), new(string)) },
		"scan after close": func(r *sql.Rows) error {
			r.Next()
			return errors.Join(r.Close(), r.Scan(new(int), new(string)))
		},
		"columns after close": func(r *sql.Rows) error {
			_ = r.Close()
			_, err := r.Columns()
			return err
		},
		"another result set": func(r *sql.Rows) error { return fmt.Errorf("%v %v", r.NextResultSet(), r.Err()) },
	}
	for name, misuse := range misuses {
		rows := query(t, db, text)
		want := misuse(rows)
		require.NoError(t, rows.Close()) // the database has one connection
		require.Error(t, want, name)
		require.EqualError(t, misuse(replay()), want.Error(), name)
	}
}

func TestColumnTypesOfAReplayAreThoseOfTheDatabaseBeforeAndOnTheFirstRow(t *testing.T) {
	t.Parallel()
	db, replayer := openMoments(t), newReplayer(t)
	texts := append([]string{`SELECT id, c, 1.5, 'x', x'00', NULL FROM moments ORDER BY id`, `SELECT c FROM moments WHERE id > 100`}, queries...)
	for _, text := range texts {
		data := capture(t, db, text)
		want := query(t, db, text)
		wantBefore, err := want.ColumnTypes()
		require.NoError(t, err)
		wantMore := want.Next()
		var wantFirst []*sql.ColumnType
		if wantMore {
			wantFirst, err = want.ColumnTypes()
			require.NoError(t, err)
		}
		require.NoError(t, want.Close())

		got, err := replayer.Rows(context.Background(), data)
		require.NoError(t, err)
		gotBefore, err := got.ColumnTypes()
		require.NoError(t, err)
		require.Equal(t, wantBefore, gotBefore, text)
		require.Equal(t, wantMore, got.Next(), text)
		if wantMore {
			gotFirst, err := got.ColumnTypes()
			require.NoError(t, err)
			require.Equal(t, wantFirst, gotFirst, text)
		}
		require.NoError(t, got.Close())
	}
}
