package rowset_test

import (
	"context"
	"math"
	"reflect"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/cachewright/cachewright/internal/rowset"
)

func FuzzOpen(f *testing.F) {
	// Whole answers: of no column, no row, every kind.
	f.Add(encode(f, nil, []any{}))
	f.Add(encode(f, named("a", "b")))
	for _, v := range everyKind(f) {
		f.Add(encode(f, named("a", "b"), []any{v, v}))
	}
	// Promises the bytes do not keep: columns, rows, lengths.
	f.Add([]byte{'R', 1, 1, 0x7f, 0, 0, 0, 0, 0, 0})
	f.Add([]byte{'R', 1, 1, 0, 0, 0, 0xff, 0xff, 0xff, 0xff})
	f.Add([]byte{'R', 1, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 1})
	replayer := newReplayer(f)
	f.Fuzz(func(t *testing.T, data []byte) {
		v, err := rowset.Open(data)
		if err != nil {
			require.ErrorIs(t, err, rowset.ErrCorrupt)
			return
		}
		checked := v.Check()
		if checked != nil {
			require.ErrorIs(t, checked, rowset.ErrCorrupt)
		}
		it := v.Rows()
		n := 0
		for it.Next() {
			n++
			for range v.NumColumns() {
				it.Value().Any()
			}
		}
		require.LessOrEqual(t, n, len(data))
		if checked == nil {
			require.NoError(t, it.Err())
			require.Equal(t, v.NumRows(), n)
		}
		rows, err := replayer.RowsOf(context.Background(), v)
		require.NoError(t, err)
		defer func() { require.NoError(t, rows.Close()) }()
		_, err = rows.ColumnTypes()
		require.NoError(t, err)
		dest := make([]any, v.NumColumns())
		for i := range dest {
			dest[i] = new(any)
		}
		replayed := 0
		for rows.Next() {
			require.NoError(t, rows.Scan(dest...))
			replayed++
		}
		if checked == nil {
			require.NoError(t, rows.Err())
			require.Equal(t, n, replayed)
		}
	})
}

func drawValue() *rapid.Generator[any] {
	seconds := rapid.Int64Range(-1<<40, 1<<40)
	zone := rapid.Custom(func(t *rapid.T) *time.Location {
		switch rapid.IntRange(0, 2).Draw(t, "zone") {
		case 0:
			return time.UTC
		case 1:
			return time.Local
		}
		return time.FixedZone(rapid.String().Draw(t, "abbr"), rapid.IntRange(-90000, 90000).Draw(t, "offset"))
	})
	return rapid.Custom(func(t *rapid.T) any {
		switch rapid.IntRange(0, 10).Draw(t, "kind") {
		case 0:
			return nil
		case 1:
			return rapid.Bool().Draw(t, "bool")
		case 2:
			return rapid.Int64().Draw(t, "int64")
		case 3:
			return rapid.Float64().Draw(t, "float64")
		case 4:
			return rapid.String().Draw(t, "string")
		case 5:
			return rapid.SliceOf(rapid.Byte()).Draw(t, "bytes")
		case 6:
			return rapid.Uint64().Draw(t, "uint64")
		case 7:
			return rapid.Float32().Draw(t, "float32")
		case 8:
			return rapid.Int8().Draw(t, "int8")
		case 9:
			return rapid.Uint32().Draw(t, "uint32")
		}
		return time.Unix(seconds.Draw(t, "seconds"), rapid.Int64Range(0, 999999999).Draw(t, "nanos")).In(zone.Draw(t, "in"))
	})
}

func roundTrip(t *rapid.T) {
	width := rapid.IntRange(0, 5).Draw(t, "columns")
	columns := make([]rowset.Column, width)
	for i := range columns {
		columns[i].Name = rapid.String().Draw(t, "name")
	}
	want := rapid.SliceOfN(rapid.SliceOfN(drawValue(), width, width), 0, 8).Draw(t, "rows")
	b, err := rowset.NewBuilder(columns)
	require.NoError(t, err)
	for _, row := range want {
		require.NoError(t, b.Append(row...))
	}
	v, err := rowset.Open(b.Bytes())
	require.NoError(t, err)
	require.NoError(t, v.Check())
	it := v.Rows()
	for _, row := range want {
		require.True(t, it.Next())
		for _, value := range row {
			if got := it.Value().Any(); !same(value, got) {
				t.Fatalf("%#v came back as %#v", value, got)
			}
		}
	}
	require.False(t, it.Next())
	for i := range columns {
		require.Equal(t, columns[i].Name, v.ColumnName(i))
	}
	// No beginning of an answer is an answer.
	if cut := rapid.IntRange(0, len(b.Bytes())-1).Draw(t, "cut"); true {
		short, err := rowset.Open(b.Bytes()[:cut])
		if err == nil {
			err = short.Check()
		}
		require.ErrorIs(t, err, rowset.ErrCorrupt)
	}
}

func same(a, b any) bool {
	if x, ok := a.(float64); ok {
		y, ok := b.(float64)
		return ok && math.Float64bits(x) == math.Float64bits(y)
	}
	if x, ok := a.(float32); ok {
		y, ok := b.(float32)
		return ok && math.Float32bits(x) == math.Float32bits(y)
	}
	return reflect.DeepEqual(a, b)
}

func TestWhatIsBuiltIsWhatIsRead(t *testing.T) {
	t.Parallel()
	rapid.Check(t, roundTrip)
}

func FuzzRoundTrip(f *testing.F) {
	f.Fuzz(rapid.MakeFuzz(roundTrip))
}
