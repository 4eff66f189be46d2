package keyenc_test

import (
	"bytes"
	"encoding/binary"
	"math"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/cachewright/cachewright/internal/keyenc"
)

// part is one value of a key in a comparable form that == tells apart exactly
// as keys should.
type part struct {
	class  string
	bits   uint64
	text   string
	nanos  int
	offset int
}

func (p part) append(dst []byte) []byte {
	switch p.class {
	case "nil":
		return keyenc.AppendNil(dst)
	case "bool":
		return keyenc.AppendBool(dst, p.bits == 1)
	case "int":
		return keyenc.AppendInt64(dst, int64(p.bits))
	case "uint":
		return keyenc.AppendUint64(dst, p.bits)
	case "float":
		return keyenc.AppendFloat64(dst, math.Float64frombits(p.bits))
	case "string":
		return keyenc.AppendString(dst, p.text)
	case "nil bytes":
		return keyenc.AppendBytes(dst, nil)
	case "bytes":
		return keyenc.AppendBytes(dst, []byte(p.text))
	}
	zone := time.FixedZone(p.text, p.offset)
	return keyenc.AppendTime(dst, time.Unix(int64(p.bits), int64(p.nanos)).In(zone))
}

func drawPart(t *rapid.T) part {
	// Few and small values, so that equal ones and near misses are common.
	text := rapid.OneOf(rapid.StringMatching(`[ab\x00\x01\x07\x08]{0,4}`), rapid.String())
	number := rapid.OneOf(rapid.Uint64Range(0, 3), rapid.Uint64())
	p := part{class: rapid.SampledFrom([]string{"nil", "bool", "int", "uint", "float", "string", "nil bytes", "bytes", "time"}).Draw(t, "class")}
	switch p.class {
	case "bool":
		p.bits = rapid.Uint64Range(0, 1).Draw(t, "bits")
	case "int", "uint", "float":
		p.bits = number.Draw(t, "bits")
	case "string", "bytes":
		p.text = text.Draw(t, "text")
	case "time":
		p.bits = uint64(rapid.Int64Range(-2, 2).Draw(t, "seconds"))
		p.nanos = rapid.IntRange(0, 2).Draw(t, "nanos")
		p.offset = rapid.IntRange(-3600, 3600).Draw(t, "offset")
		p.text = text.Draw(t, "zone")
	}
	return p
}

func appendAll(dst []byte, parts []part) []byte {
	for _, p := range parts {
		dst = p.append(dst)
	}
	return dst
}

// decode reads a key from its description alone, sharing no code with the
// encoder.
func decode(t require.TestingT, key []byte) (parts []part) {
	uvarint := func() uint64 {
		v, n := binary.Uvarint(key)
		require.Positive(t, n)
		key = key[n:]
		return v
	}
	take := func(n uint64) []byte {
		require.LessOrEqual(t, n, uint64(len(key)))
		head := key[:n]
		key = key[n:]
		return head
	}
	for len(key) > 0 {
		p := part{}
		switch tag := take(1)[0]; tag {
		case 1:
			p.class = "nil"
		case 2, 3:
			p.class, p.bits = "bool", uint64(tag-2)
		case 4, 5, 6:
			p.class, p.bits = []string{"int", "uint", "float"}[tag-4], binary.BigEndian.Uint64(take(8))
		case 7, 8:
			p.class, p.text = []string{"string", "bytes"}[tag-7], string(take(uvarint()))
		case 13:
			p.class = "nil bytes"
		case 9:
			p.class = "time"
			p.bits = binary.BigEndian.Uint64(take(8))
			p.nanos = int(binary.BigEndian.Uint32(take(4)))
			offset, n := binary.Varint(key)
			require.Positive(t, n)
			key = key[n:]
			p.offset, p.text = int(offset), string(take(uvarint()))
		default:
			require.Failf(t, "unknown tag", "%d", tag)
		}
		parts = append(parts, p)
	}
	return parts
}

func injective(t *rapid.T) {
	parts := rapid.SliceOf(rapid.Custom(drawPart))
	a, b := parts.Draw(t, "a"), parts.Draw(t, "b")
	keyA, keyB := appendAll(nil, a), appendAll(nil, b)
	equal := len(a) == len(b)
	for i := 0; equal && i < len(a); i++ {
		equal = a[i] == b[i]
	}
	require.Equal(t, equal, bytes.Equal(keyA, keyB))
	require.Equal(t, append([]part(nil), a...), decode(t, keyA))
	require.Equal(t, append(bytes.Clone(keyA), keyB...), appendAll(keyA, b), "a key is its parts one after another")
}

func TestDifferentSequencesHaveDifferentKeys(t *testing.T) {
	t.Parallel()
	rapid.Check(t, injective)
}

func FuzzInjective(f *testing.F) {
	f.Fuzz(rapid.MakeFuzz(injective))
}

// FuzzStrings lets the fuzzer choose where one text ends and the next begins.
func FuzzStrings(f *testing.F) {
	f.Add("a", "b", "ab", "")
	f.Add("a\x07\x01", "b", "a", "\x07\x01b")
	f.Add("", "\x07\x00", "\x07\x00", "")
	f.Fuzz(func(t *testing.T, a, b, c, d string) {
		one := keyenc.AppendBytes(keyenc.AppendString(nil, a), []byte(b))
		two := keyenc.AppendBytes(keyenc.AppendString(nil, c), []byte(d))
		require.Equal(t, a == c && b == d, bytes.Equal(one, two))
	})
}

func TestKeyAppendsInPlace(t *testing.T) {
	t.Parallel()
	at := time.Unix(1, 2).UTC()
	var k keyenc.Key
	k.Nil()
	k.Bool(true)
	k.Int64(-1)
	k.Uint64(1)
	k.Float64(1.5)
	k.String("s")
	k.Bytes([]byte("b"))
	k.Time(at)
	require.True(t, k.Any("any"))
	length := len(k)
	require.False(t, k.Any(struct{}{}))
	require.Len(t, k, length)

	want := keyenc.AppendUint64(keyenc.AppendInt64(keyenc.AppendBool(keyenc.AppendNil(nil), true), -1), 1)
	want = keyenc.AppendBytes(keyenc.AppendString(keyenc.AppendFloat64(want, 1.5), "s"), []byte("b"))
	want = keyenc.AppendString(keyenc.AppendTime(want, at), "any")
	require.Equal(t, want, []byte(k))
}

func TestFloatsAreTakenByTheirBits(t *testing.T) {
	t.Parallel()
	key := func(v float64) string { return string(keyenc.AppendFloat64(nil, v)) }
	require.NotEqual(t, key(0), key(math.Copysign(0, -1)))
	require.Equal(t, key(math.NaN()), key(math.NaN()))
	require.NotEqual(t, key(math.NaN()), key(math.Float64frombits(0x7ff8000000000abc)))
}

func TestOneInstantInTwoZonesHasTwoKeys(t *testing.T) {
	t.Parallel()
	at := time.Date(2024, 7, 1, 12, 0, 0, 0, time.UTC)
	key := func(v time.Time) string { return string(keyenc.AppendTime(nil, v)) }
	require.NotEqual(t, key(at), key(at.In(time.FixedZone("", 3600))))
	require.NotEqual(t, key(at), key(at.In(time.FixedZone("GMT", 0))))
	now := time.Now()
	require.Equal(t, key(now), key(now.Round(0)), "the monotonic reading is no part of it")
}

func TestAppendingToABufferWithRoomAllocatesNothing(t *testing.T) {
	buffer := make([]byte, 0, 256)
	at := time.Unix(1, 2).UTC()
	text := []byte("bytes")
	arguments := []any{int64(1 << 40), "a string", 1.5, true, text, at, nil, uint64(7), float32(1)}
	require.Zero(t, testing.AllocsPerRun(200, func() {
		k := keyenc.AppendInt64(buffer[:0], 1<<40)
		k = keyenc.AppendString(k, "a string")
		k = keyenc.AppendTime(keyenc.AppendBytes(k, text), at)
		for _, v := range arguments {
			var ok bool
			if k, ok = keyenc.AppendAny(k, v); !ok {
				panic("untold")
			}
		}
	}))
}

func BenchmarkAppendAny(b *testing.B) {
	buffer := make([]byte, 0, 256)
	arguments := []any{int64(1 << 40), "a string", true}
	b.ReportAllocs()
	for b.Loop() {
		k := buffer[:0]
		for _, v := range arguments {
			k, _ = keyenc.AppendAny(k, v)
		}
	}
}
