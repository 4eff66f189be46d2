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

// cut decodes the value at the front of src into v, which must be zero.
func (v *Value) cut(src []byte) (rest []byte, ok bool) {
	if len(src) == 0 {
		return nil, false
	}
	tag := src[0]
	src = src[1:]
	v.kind = Kind(tag)
	switch Kind(tag) {
	case KindNull, KindBool:
		return src, true
	case KindInt64:
		var n int64
		n, rest, ok = cutVarint(src)
		v.bits = uint64(n)
		return rest, ok
	case KindString, KindBytes:
		v.raw, rest, ok = cutText(src)
		return rest, ok
	case KindFloat64:
		if len(src) < 8 {
			return nil, false
		}
		v.bits = binary.LittleEndian.Uint64(src)
		return src[8:], true
	case KindTime:
		rest, ok = skipTime(src)
		if ok {
			n := len(src) - len(rest)
			v.raw = src[:n:n]
		}
		return rest, ok
	case tagTrue:
		v.kind, v.bits = KindBool, 1
		return src, true
	case tagNilBytes:
		v.kind = KindBytes
		return src, true
	case KindInt, KindInt8, KindInt16, KindInt32:
		var n int64
		n, rest, ok = cutVarint(src)
		v.bits = uint64(n)
		return rest, ok && fitsSigned(v.kind, n)
	case KindUint64, KindUint, KindUint8, KindUint16, KindUint32, kindForeign:
		v.bits, rest, ok = cutUvarint(src)
		return rest, ok && fitsUnsigned(v.kind, v.bits)
	case KindFloat32:
		if len(src) < 4 {
			return nil, false
		}
		v.bits = uint64(binary.LittleEndian.Uint32(src))
		return src[4:], true
	}
	return nil, false
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
