package rowset_test

import (
	"context"
	"database/sql"
	"math"
	"reflect"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/cachewright/cachewright/internal/testkit"
)

// postgresValues are one row of one column c, one of each type the driver
// treats apart.
var postgresValues = []string{
	`NULL::int8`, `NULL::text`, `NULL::bytea`, `NULL::timestamptz`, `7::int2`, `70000::int4`, `-9::int8`, `1.5::float4`, `0.1::float8`, `'NaN'::float8`,
	`12.345::numeric(10,3)`, `true`, `false`, `'text'::text`, `'12'::varchar(5)`, `''::text`, `'pad'::char(8)`, `'\x00ff'::bytea`, `''::bytea`,
	`'2024-02-29'::date`, `'infinity'::date`, `'2024-02-29 12:34:56.789012'::timestamp`, `'2024-07-01 12:00:00+02'::timestamptz`, `'0044-03-15 BC'::timestamp`,
	`'12:34:56'::time`, `'1 day 02:00'::interval`, `'6ba7b810-9dad-11d1-80b4-00c04fd430c8'::uuid`, `'{"a": 1}'::json`, `'{"a": 1}'::jsonb`,
	`ARRAY[1,2]::int[]`, `ARRAY['a',NULL]::text[]`, `'10.0.0.1'::inet`, `42::oid`, `'<a/>'::xml`, `int4range(1, 5)`,
}

func TestScanOfAReplayDoesWhatScanOfPostgresDoes(t *testing.T) {
	t.Parallel()
	replayer := newReplayer(t)
	db, err := sql.Open("pgx", testkit.Postgres(t))
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, db.Close()) })
	for _, value := range postgresValues {
		text := `SELECT ` + value + ` AS c`
		data := capture(t, db, text)

		want := query(t, db, text)
		wantTypes, err := want.ColumnTypes()
		require.NoError(t, err)
		require.NoError(t, want.Close())
		got, err := replayer.Rows(context.Background(), data)
		require.NoError(t, err)
		gotTypes, err := got.ColumnTypes()
		require.NoError(t, err)
		require.NoError(t, got.Close())
		require.Equal(t, wantTypes, gotTypes, text)

		fromDatabase, fromReplay := destinations(), destinations()
		for i := range fromDatabase {
			want := scanFirst(t, query(t, db, text), fromDatabase[i])
			rows, err := replayer.Rows(context.Background(), data)
			require.NoError(t, err)
			got := scanFirst(t, rows, fromReplay[i])
			require.True(t, isNaN(want.Value) && isNaN(got.Value) || reflect.DeepEqual(want, got),
				"%s into %T: database %#v, replay %#v", text, fromDatabase[i], want, got)
		}
	}
}

// isNaN sees through pointers and the structs of database/sql: a NaN equals
// nothing, itself included.
func isNaN(v any) bool {
	rv := reflect.ValueOf(v)
	for {
		switch rv.Kind() {
		case reflect.Pointer, reflect.Interface:
			rv = rv.Elem()
		case reflect.Struct:
			if rv.NumField() == 0 {
				return false
			}
			rv = rv.Field(0)
		default:
			return rv.IsValid() && rv.CanFloat() && math.IsNaN(rv.Float())
		}
	}
}
