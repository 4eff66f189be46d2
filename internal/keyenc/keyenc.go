// Package keyenc encodes sequences of values as keys that no other sequence
// has: equal bytes mean equal values, type included, in equal number and order.
//
// Every part starts with a tag for its class and is either of fixed length or
// preceded by its length, so that parts can be appended one after another and
// still be told apart, and no key of whole parts is the beginning of a
// different part. A key is for comparing, hashing and storing; it does not
// sort as its values do.
//
// All functions append to dst and return it as append does; with room in dst
// they allocate nothing.
package keyenc

import (
	"encoding/binary"
	"math"
	"time"
)

// The tags, one for each class of values. They are part of stored keys and
// never change.
const (
	tagNil     = 0x01
	tagFalse   = 0x02
	tagTrue    = 0x03
	tagInt     = 0x04
	tagUint    = 0x05
	tagFloat64 = 0x06
	tagString  = 0x07
	tagBytes   = 0x08
	tagTime    = 0x09
	tagArray   = 0x0a
	tagFloat32 = 0x0b
	tagTyped   = 0x0c
	tagNilByte = 0x0d
	tagArg     = 0x0e
)

// Key is a key under construction, for those who prefer k.String("a") over
// k = AppendString(k, "a"). The zero value is an empty key.
type Key []byte

// Nil appends NULL.
func (k *Key) Nil() { *k = AppendNil(*k) }

// Bool appends a bool.
func (k *Key) Bool(v bool) { *k = AppendBool(*k, v) }

// Int64 appends a signed integer.
func (k *Key) Int64(v int64) { *k = AppendInt64(*k, v) }

// Uint64 appends an unsigned integer.
func (k *Key) Uint64(v uint64) { *k = AppendUint64(*k, v) }

// Float64 appends a float.
func (k *Key) Float64(v float64) { *k = AppendFloat64(*k, v) }

// String appends a string.
func (k *Key) String(v string) { *k = AppendString(*k, v) }

// Bytes appends bytes.
func (k *Key) Bytes(v []byte) { *k = AppendBytes(*k, v) }

// Time appends a time.
func (k *Key) Time(v time.Time) { *k = AppendTime(*k, v) }

// Any appends a SQL argument and reports whether it could be told; see
// AppendAny.
func (k *Key) Any(v any) (ok bool) {
	*k, ok = AppendAny(*k, v)
	return ok
}

// AppendNil appends NULL.
func AppendNil(dst []byte) []byte { return append(dst, tagNil) }

// AppendBool appends a bool.
func AppendBool(dst []byte, v bool) []byte {
	if v {
		return append(dst, tagTrue)
	}
	return append(dst, tagFalse)
}

// AppendInt64 appends a signed integer. An unsigned one of the same value has
// another key.
func AppendInt64(dst []byte, v int64) []byte {
	return binary.BigEndian.AppendUint64(append(dst, tagInt), uint64(v))
}

// AppendUint64 appends an unsigned integer.
func AppendUint64(dst []byte, v uint64) []byte {
	return binary.BigEndian.AppendUint64(append(dst, tagUint), v)
}

// AppendFloat64 appends the bits of a float: -0 differs from 0, and a NaN
// equals itself and no other NaN.
func AppendFloat64(dst []byte, v float64) []byte {
	return binary.BigEndian.AppendUint64(append(dst, tagFloat64), math.Float64bits(v))
}

// AppendString appends a string, in whatever encoding it is.
func AppendString(dst []byte, v string) []byte {
	dst = binary.AppendUvarint(append(dst, tagString), uint64(len(v)))
	return append(dst, v...)
}

// AppendBytes appends bytes. A nil slice differs from an empty one, as it does
// for the drivers that send it as NULL, and from NULL itself.
func AppendBytes(dst, v []byte) []byte {
	if v == nil {
		return append(dst, tagNilByte)
	}
	dst = binary.AppendUvarint(append(dst, tagBytes), uint64(len(v)))
	return append(dst, v...)
}

// AppendTime appends the instant and the offset and abbreviation of its zone:
// drivers that format a time send different text for the same instant in two
// zones. A monotonic reading is left out.
func AppendTime(dst []byte, v time.Time) []byte {
	abbr, offset := v.Zone()
	dst = binary.BigEndian.AppendUint64(append(dst, tagTime), uint64(v.Unix()))
	dst = binary.BigEndian.AppendUint32(dst, uint32(v.Nanosecond()))
	dst = binary.AppendVarint(dst, int64(offset))
	dst = binary.AppendUvarint(dst, uint64(len(abbr)))
	return append(dst, abbr...)
}
