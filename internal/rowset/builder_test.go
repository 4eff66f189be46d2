package rowset_test

import (
	"database/sql"
	"errors"
	"math"
	"reflect"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/cachewright/cachewright/internal/rowset"
)

func everyKind(t testing.TB) []any {
	t.Helper()
	berlin, err := time.LoadLocation("Europe/Berlin")
	require.NoError(t, err)
	return []any{
		nil, true, false,
		int64(0), int64(-1), int64(math.MinInt64), int64(math.MaxInt64),
		0.0, math.Copysign(0, -1), math.Inf(-1), math.SmallestNonzeroFloat64,
		"", "text", string([]byte{0, 0xff, 0xfe}),
		[]byte(nil),
		[]byte{},
		[]byte("bytes"), make([]byte, 10_000),
		uint64(math.MaxUint64), float32(1.5), 7, int8(-128), int16(-5), int32(math.MinInt32),
		uint(3), uint8(255), uint16(65535), uint32(math.MaxUint32),
		time.Time{},
		time.Date(2024, 2, 29, 23, 59, 59, 999999999, time.UTC),
		time.Date(2024, 2, 29, 23, 59, 59, 1, time.Local),
		time.Date(-20000, 1, 1, 0, 0, 0, 0, time.UTC),
		time.Date(200000, 1, 1, 0, 0, 0, 0, time.UTC),
		time.Date(2024, 7, 1, 12, 0, 0, 0, time.FixedZone("", 3600)),
		time.Date(2024, 7, 1, 12, 0, 0, 0, time.FixedZone("XYZ", -12345)),
		time.Date(2024, 7, 1, 12, 0, 0, 0, berlin),
	}
}

func TestEveryKindComesBackAsItsExactType(t *testing.T) {
	t.Parallel()
	for _, want := range everyKind(t) {
		got := values(t, open(t, encode(t, named("c"), []any{want})))
		require.True(t, reflect.DeepEqual([][]any{{want}}, got), "%#v came back as %#v", want, got)
	}
	nan := values(t, open(t, encode(t, named("c"), []any{math.Float64frombits(0x7ff8000000000abc)})))
	require.Equal(t, uint64(0x7ff8000000000abc), math.Float64bits(nan[0][0].(float64)))
}

func TestATimeKeepsTheRulesOfItsZoneAndLosesItsMonotonicReading(t *testing.T) {
	t.Parallel()
	berlin, err := time.LoadLocation("Europe/Berlin")
	require.NoError(t, err)
	winter := time.Date(2024, 1, 31, 9, 0, 0, 0, berlin)
	got := values(t, open(t, encode(t, named("c"), []any{winter})))[0][0].(time.Time)
	require.Equal(t, winter.AddDate(0, 6, 0).String(), got.AddDate(0, 6, 0).String(), "summer time must still be known")

	now := time.Now()
	got = values(t, open(t, encode(t, named("c"), []any{now})))[0][0].(time.Time)
	require.True(t, reflect.DeepEqual(now.Round(0), got))
}

func TestColumnsComeBackAsGiven(t *testing.T) {
	t.Parallel()
	columns := []rowset.Column{
		{Name: "id", DatabaseType: "INT8", ScanType: reflect.TypeFor[int64](), HasNullable: true},
		{Name: "", ScanType: reflect.TypeFor[any]()},
		{Name: "prix", DatabaseType: "NUMERIC", ScanType: reflect.TypeFor[sql.NullFloat64](), Precision: 10, Scale: 2, HasDecimal: true},
		{Name: "ö", DatabaseType: "VARCHAR", Length: math.MaxInt64, HasLength: true, Nullable: true, HasNullable: true},
	}
	v := open(t, encode(t, columns))
	got, err := v.Columns()
	require.NoError(t, err)
	require.Equal(t, columns, got)
	require.Equal(t, "prix", v.ColumnName(2))
	require.Empty(t, v.ColumnName(4))
	require.Empty(t, v.ColumnName(-1))
	require.Zero(t, v.NumRows())

	_, err = rowset.NewBuilder([]rowset.Column{{Name: "odd", ScanType: reflect.TypeFor[struct{}]()}})
	var unsupported *rowset.UnsupportedError
	require.ErrorAs(t, err, &unsupported)
	require.Equal(t, "odd", unsupported.Column)
}

func TestARefusedRowLeavesTheBuilderAsItWas(t *testing.T) {
	t.Parallel()
	b, err := rowset.NewBuilder(named("a", "b"))
	require.NoError(t, err)
	require.NoError(t, b.Append(int64(1), "one"))
	before := b.Len()

	err = b.Append(int64(2), struct{ X int }{2})
	var unsupported *rowset.UnsupportedError
	require.ErrorAs(t, err, &unsupported)
	require.Equal(t, "b", unsupported.Column)
	require.Equal(t, reflect.TypeFor[struct{ X int }](), unsupported.Type)
	require.ErrorIs(t, b.Append(int64(2)), rowset.ErrShape)
	require.Equal(t, before, b.Len())
	require.Equal(t, 1, b.NumRows())

	like, err := rowset.NewBuilderLike(open(t, b.Bytes()))
	require.NoError(t, err)
	require.ErrorAs(t, like.Append(int64(2), errors.New("x")), &unsupported)
	require.Equal(t, "b", unsupported.Column, "a builder made from a view knows the names, too")
	require.Equal(t, [][]any{{int64(1), "one"}}, values(t, open(t, b.Bytes())))
}

func TestAProjectionIsAnAnswerOfItsOwn(t *testing.T) {
	t.Parallel()
	data := encode(t, named("a", "b", "c", "d"),
		[]any{int64(1), "x", nil, 1.5}, []any{int64(2), "y", []byte("z"), 2.5})
	for first := range 5 {
		for last := first; last <= 4; last++ {
			cut, err := rowset.Project(data, first, last)
			require.NoError(t, err)
			seen, err := open(t, data).Project(first, last)
			require.NoError(t, err)
			require.Equal(t, values(t, seen), values(t, open(t, cut)), "columns %d to %d", first, last)
			require.Equal(t, 2, open(t, cut).NumRows())
		}
	}
	inner, err := open(t, data).Project(1, 4)
	require.NoError(t, err)
	inner, err = inner.Project(1, 2)
	require.NoError(t, err)
	require.Equal(t, "c", inner.ColumnName(0))
	require.Equal(t, [][]any{{nil}, {[]byte("z")}}, values(t, inner))

	for _, r := range [][2]int{{-1, 2}, {3, 2}, {0, 5}} {
		_, err := rowset.Project(data, r[0], r[1])
		require.ErrorIs(t, err, rowset.ErrShape)
	}
}

func TestRowsCanBeTakenApartAndPutTogether(t *testing.T) {
	t.Parallel()
	whole := encode(t, named("id", "name"), []any{int64(1), "one"}, []any{int64(2), nil}, []any{int64(3), "three"})
	v := open(t, whole)
	var singles [][]byte
	it := v.Rows()
	for it.Next() {
		it.Value() // a row is copied as a whole wherever the iterator stands in it
		b, err := rowset.NewBuilderLike(v)
		require.NoError(t, err)
		require.NoError(t, b.AppendRow(it))
		singles = append(singles, b.Bytes())
	}
	require.Len(t, singles, 3)

	b, err := rowset.NewBuilderLike(v)
	require.NoError(t, err)
	for _, single := range singles {
		one := open(t, single).Rows()
		require.ErrorIs(t, b.AppendRow(one), rowset.ErrShape, "before its first row")
		require.True(t, one.Next())
		require.NoError(t, b.AppendRow(one))
	}
	require.Equal(t, whole, b.Bytes())
	narrow, err := v.Project(0, 1)
	require.NoError(t, err)
	require.ErrorIs(t, b.AppendRow(narrow.Rows()), rowset.ErrShape)
}

func TestRowsWithoutColumnsAreCounted(t *testing.T) {
	t.Parallel()
	data := encode(t, nil, []any{}, []any{})
	require.Equal(t, [][]any{{}, {}}, values(t, open(t, data)))
	b, err := rowset.NewBuilderLike(open(t, data))
	require.NoError(t, err)
	it := open(t, data).Rows()
	for it.Next() {
		require.NoError(t, b.AppendRow(it))
	}
	require.Equal(t, data, b.Bytes())
}
