package keyenc_test

import (
	"database/sql"
	"database/sql/driver"
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/stretchr/testify/require"

	"github.com/cachewright/cachewright/internal/keyenc"
)

type (
	label  string
	level  int8
	ratio  float64
	raw    []byte
	loud   string // with a method a driver may send it by
	money  struct{ Cents int64 }
	lazy   struct{ text string }
	broken struct{ panics bool }
	nested struct{ next any }
	loop   *loop
)

func (l loud) String() string { return string(l) + "!" }

func (m money) Value() (driver.Value, error) { return m.Cents, nil }

func (l *lazy) Value() (driver.Value, error) {
	if l == nil {
		return "none", nil
	}
	return l.text, nil
}

func (b broken) Value() (driver.Value, error) {
	if b.panics {
		panic("no value")
	}
	return nil, errors.New("no value")
}

func (n nested) Value() (driver.Value, error) { return n.next, nil }

func argument(t testing.TB, v any) string {
	t.Helper()
	key, ok := keyenc.AppendAny([]byte("before"), v)
	require.True(t, ok, "%T", v)
	require.Equal(t, "before", string(key[:6]))
	return string(key)
}

func TestArgumentsThatAreTheSameToADriverHaveOneKey(t *testing.T) {
	t.Parallel()
	n, at := 5, time.Unix(5, 0).UTC()
	pointer, text := &n, "x"
	alike := [][]any{
		{5, int8(5), int16(5), int32(5), int64(5), level(5), pointer, &pointer, sql.NullInt64{Int64: 5, Valid: true}, sql.NullInt32{Int32: 5, Valid: true}},
		{uint(5), uint8(5), uint16(5), uint32(5), uint64(5), uintptr(5)},
		{"x", label("x"), &text, sql.NullString{String: "x", Valid: true}},
		{1.5, ratio(1.5), sql.NullFloat64{Float64: 1.5, Valid: true}},
		{[]byte("x"), raw("x"), sql.RawBytes("x")},
		{nil, (*int)(nil), (*string)(nil), (*time.Time)(nil), (*money)(nil), (*uuid.UUID)(nil), sql.NullInt64{Int64: 9}, sql.NullTime{}},
		{at, &at, sql.NullTime{Time: at, Valid: true}},
		{true, sql.NullBool{Bool: true, Valid: true}},
		{money{7}, money{7}},
	}
	seen := map[string]int{}
	for class, arguments := range alike {
		want := argument(t, arguments[0])
		for _, v := range arguments {
			require.Equal(t, want, argument(t, v), "%T(%v)", v, v)
		}
		other, taken := seen[want]
		require.False(t, taken, "classes %d and %d", class, other)
		seen[want] = class
	}
}

func TestArgumentsThatMayDifferToADriverHaveKeysOfTheirOwn(t *testing.T) {
	t.Parallel()
	id := uuid.MustParse("6ba7b810-9dad-11d1-80b4-00c04fd430c8")
	one := loud("x")
	different := []any{
		nil, 1, int64(2), uint(1), "1", []byte("1"), true, false, 1.0, float32(1), 0.0, math.Copysign(0, -1),
		"",
		[]byte{},
		[]byte(nil),
		[1]byte{'1'},
		[0]byte{},
		[16]byte(id), id, &id, id.String(), id[:],
		loud("x"), &one, "x", label("X"), json.RawMessage("x"), json.Number("1"), raw("x"),
		money{1},
		&money{2},
		money{3},
		&lazy{"x"}, (*lazy)(nil), "none",
		nested{"y"},
		nested{nested{"z"}},
		time.Unix(0, 0).UTC(), time.Unix(0, 0).In(time.FixedZone("", 60)), time.Duration(1), time.Month(1),
		sql.Named("a", 1), sql.Named("b", 1), sql.Named("a", "1"),
		sql.Null[int64]{V: 1, Valid: true},
	}
	seen := map[string]string{}
	for _, v := range different {
		key, name := argument(t, v), fmt.Sprintf("%T(%v)", v, v)
		require.NotContains(t, seen, key, "%s and %s", name, seen[key])
		seen[key] = name
	}
}

func TestArgumentsThatCannotBeToldAreRefusedAndLeaveTheKeyAlone(t *testing.T) {
	t.Parallel()
	var cycle loop
	cycle = &cycle
	var endless nested
	endless.next = &endless
	var anything any = map[int]int{}
	for _, v := range []any{
		struct{}{},
		&struct{ X int }{},
		map[string]int{},
		[]int{1},
		[]string{},
		[2]int{},
		func() {}, make(chan int),
		complex(1, 2), errors.New("x"),
		broken{},
		broken{panics: true},
		&broken{}, cycle, &endless,
		sql.Out{Dest: new(int)},
		sql.Named("a", []int{1}),
		nested{[]int{1}},
		&anything,
	} {
		buffer := append(make([]byte, 0, 64), "before"...)
		key, ok := keyenc.AppendAny(buffer, v)
		require.False(t, ok, "%T", v)
		require.Equal(t, "before", string(key), "%T", v)
	}
}

func TestAPointerToAnInterfaceIsFollowed(t *testing.T) {
	t.Parallel()
	var v any = 5
	require.Equal(t, argument(t, 5), argument(t, &v))
	v = nil
	require.Equal(t, argument(t, nil), argument(t, &v))
}
