package rowset

import (
	"encoding/binary"
	"math"
	"time"
)

// Tags that are no kinds of their own.
const (
	tagTrue     = 0x40 // KindBool is false
	tagNilBytes = 0x41
)

// appendValue encodes v as its exact Go type; ok is false, and dst unchanged,
// for a type without an encoded form.
func appendValue(dst []byte, v any) (out []byte, ok bool) {
	switch v := v.(type) {
	case nil:
		return append(dst, byte(KindNull)), true
	case int64:
		return appendSigned(dst, KindInt64, v), true
	case string:
		return appendText(append(dst, byte(KindString)), v), true
	case []byte:
		if v == nil {
			return append(dst, tagNilBytes), true
		}
		return appendText(append(dst, byte(KindBytes)), v), true
	case bool:
		if v {
			return append(dst, tagTrue), true
		}
		return append(dst, byte(KindBool)), true
	case float64:
		return binary.LittleEndian.AppendUint64(append(dst, byte(KindFloat64)), math.Float64bits(v)), true
	case time.Time:
		out, ok = appendTime(append(dst, byte(KindTime)), v)
		if !ok {
			return dst, false
		}
		return out, true
	case float32:
		return binary.LittleEndian.AppendUint32(append(dst, byte(KindFloat32)), math.Float32bits(v)), true
	case uint64:
		return appendUnsigned(dst, KindUint64, v), true
	case int:
		return appendSigned(dst, KindInt, int64(v)), true
	case int8:
		return appendSigned(dst, KindInt8, int64(v)), true
	case int16:
		return appendSigned(dst, KindInt16, int64(v)), true
	case int32:
		return appendSigned(dst, KindInt32, int64(v)), true
	case uint:
		return appendUnsigned(dst, KindUint, uint64(v)), true
	case uint8:
		return appendUnsigned(dst, KindUint8, uint64(v)), true
	case uint16:
		return appendUnsigned(dst, KindUint16, uint64(v)), true
	case uint32:
		return appendUnsigned(dst, KindUint32, uint64(v)), true
	}
	return dst, false
}

func appendSigned(dst []byte, k Kind, v int64) []byte {
	return binary.AppendVarint(append(dst, byte(k)), v)
}

func appendUnsigned(dst []byte, k Kind, v uint64) []byte {
	return binary.AppendUvarint(append(dst, byte(k)), v)
}

// cutValue decodes the value at the front of src.
func cutValue(src []byte) (v Value, rest []byte, ok bool) {
	if len(src) == 0 {
		return Value{}, nil, false
	}
	tag := src[0]
	src = src[1:]
	switch Kind(tag) {
	case KindNull:
		return Value{kind: KindNull}, src, true
	case KindBool:
		return Value{kind: KindBool}, src, true
	case tagTrue:
		return Value{kind: KindBool, bits: 1}, src, true
	case tagNilBytes:
		return Value{kind: KindBytes}, src, true
	case KindString, KindBytes:
		text, rest, ok := cutText(src)
		return Value{kind: Kind(tag), raw: text}, rest, ok
	case KindInt64, KindInt, KindInt8, KindInt16, KindInt32:
		n, rest, ok := cutVarint(src)
		return Value{kind: Kind(tag), bits: uint64(n)}, rest, ok && fitsSigned(Kind(tag), n)
	case KindUint64, KindUint, KindUint8, KindUint16, KindUint32, kindForeign:
		n, rest, ok := cutUvarint(src)
		return Value{kind: Kind(tag), bits: n}, rest, ok && fitsUnsigned(Kind(tag), n)
	case KindFloat64:
		if len(src) < 8 {
			return Value{}, nil, false
		}
		return Value{kind: KindFloat64, bits: binary.LittleEndian.Uint64(src)}, src[8:], true
	case KindFloat32:
		if len(src) < 4 {
			return Value{}, nil, false
		}
		return Value{kind: KindFloat32, bits: uint64(binary.LittleEndian.Uint32(src))}, src[4:], true
	case KindTime:
		rest, ok := skipTime(src)
		if !ok {
			return Value{}, nil, false
		}
		return Value{kind: KindTime, raw: src[: len(src)-len(rest) : len(src)-len(rest)]}, rest, true
	}
	return Value{}, nil, false
}

func fitsSigned(k Kind, n int64) bool {
	switch k {
	case KindInt:
		return n >= math.MinInt && n <= math.MaxInt
	case KindInt8:
		return n >= math.MinInt8 && n <= math.MaxInt8
	case KindInt16:
		return n >= math.MinInt16 && n <= math.MaxInt16
	case KindInt32:
		return n >= math.MinInt32 && n <= math.MaxInt32
	}
	return true
}

func fitsUnsigned(k Kind, n uint64) bool {
	switch k {
	case KindUint:
		return n <= math.MaxUint
	case KindUint8:
		return n <= math.MaxUint8
	case KindUint16:
		return n <= math.MaxUint16
	case KindUint32:
		return n <= math.MaxUint32
	}
	return true
}
