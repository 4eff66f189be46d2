package rowset

import (
	"math"
	"time"
	"unsafe"
)

// Kind is the Go type of a value as the driver gave it.
type Kind uint8

// The kinds. Their numbers are the tags on the wire and never change.
const (
	KindInvalid Kind = iota // no value: past the last column, or damaged
	KindNull                // nil
	KindBool
	KindInt64
	KindFloat64
	KindString
	KindBytes
	KindTime
	KindUint64
	KindFloat32
	KindInt
	KindInt8
	KindInt16
	KindInt32
	KindUint
	KindUint8
	KindUint16
	KindUint32

	kindForeign // index into the values a capture holds beside its bytes
)

// Value is one value of an answer. It points into the answer's bytes and is
// good for as long as they are. Asking for another type than its kind gives
// a meaningless result, never a panic.
type Value struct {
	raw  []byte // string, []byte (nil for a nil slice), encoded time
	bits uint64 // everything else
	kind Kind
}

// Kind returns the value's kind.
func (v Value) Kind() Kind { return v.kind }

// IsNull reports whether the value is NULL.
func (v Value) IsNull() bool { return v.kind == KindNull }

// Int64 returns a value of any signed kind.
func (v Value) Int64() int64 { return int64(v.bits) }

// Uint64 returns a value of any unsigned kind.
func (v Value) Uint64() uint64 { return v.bits }

// Float64 returns a value of KindFloat64 or KindFloat32.
func (v Value) Float64() float64 {
	if v.kind == KindFloat32 {
		return float64(math.Float32frombits(uint32(v.bits)))
	}
	return math.Float64frombits(v.bits)
}

// Bool returns a value of KindBool.
func (v Value) Bool() bool { return v.bits != 0 }

// Bytes returns the bytes of KindString or KindBytes inside the answer: the
// caller must not write to them. A nil slice stays nil, an empty one empty.
func (v Value) Bytes() []byte { return v.raw }

// StringAlias returns the bytes of KindString or KindBytes as a string that
// shares memory with the answer and keeps all of it alive. Use it for what
// is dropped soon, or when the answer is small; string(v.Bytes()) copies.
func (v Value) StringAlias() string {
	return unsafe.String(unsafe.SliceData(v.raw), len(v.raw))
}

// Time returns a value of KindTime in the location the driver gave.
func (v Value) Time() time.Time {
	if v.kind != KindTime {
		return time.Time{}
	}
	return timeOf(v.raw)
}

// Any returns the value as its own Go type, strings and bytes copied; nil
// for NULL and for no value.
func (v Value) Any() any {
	switch v.kind {
	case KindString:
		return string(v.raw)
	case KindBytes:
		if v.raw == nil {
			return []byte(nil)
		}
		return append([]byte{}, v.raw...)
	}
	return v.scalar()
}

// scalar is Any for all kinds but strings and bytes.
func (v Value) scalar() any {
	switch v.kind {
	case KindBool:
		return v.bits != 0
	case KindInt64:
		return int64(v.bits)
	case KindFloat64:
		return v.Float64()
	case KindTime:
		return v.Time()
	case KindUint64:
		return v.bits
	case KindFloat32:
		return math.Float32frombits(uint32(v.bits))
	case KindInt:
		return int(v.bits)
	case KindInt8:
		return int8(v.bits)
	case KindInt16:
		return int16(v.bits)
	case KindInt32:
		return int32(v.bits)
	case KindUint:
		return uint(v.bits)
	case KindUint8:
		return uint8(v.bits)
	case KindUint16:
		return uint16(v.bits)
	case KindUint32:
		return uint32(v.bits)
	}
	return nil
}
