package keyenc

import (
	"database/sql"
	"database/sql/driver"
	"encoding/binary"
	"math"
	"reflect"
	"time"
)

// maxDepth bounds how far pointers and Valuers are followed.
const maxDepth = 8

// AppendAny appends a SQL argument as it is handed to database/sql: nil, every
// basic kind and named types of them, []byte, arrays of bytes such as a UUID,
// time.Time, sql.NamedArg, pointers to these, and what a driver.Valuer makes
// of itself. A nil pointer is NULL, also one whose Valuer has a value receiver,
// as for database/sql.
//
// ok is false, and dst as it was, for an argument that cannot be told: a
// struct, map, slice or array of anything else, function, channel, complex
// number, or a Valuer that fails or panics.
//
// Signed integers of all sizes and equal value have one key, and so have
// unsigned ones. A named type with methods has keys of its own, for a driver
// may send it by one of them.
func AppendAny(dst []byte, v any) (out []byte, ok bool) {
	out, ok = appendAny(dst, v, maxDepth)
	if !ok {
		return dst, false
	}
	return out, true
}

// appendAny knows the common types; it may leave a part behind in out when
// not ok.
func appendAny(dst []byte, v any, depth int) (out []byte, ok bool) {
	switch v := v.(type) {
	case nil:
		return AppendNil(dst), true
	case int64:
		return AppendInt64(dst, v), true
	case int:
		return AppendInt64(dst, int64(v)), true
	case string:
		return AppendString(dst, v), true
	case bool:
		return AppendBool(dst, v), true
	case float64:
		return AppendFloat64(dst, v), true
	case []byte:
		return AppendBytes(dst, v), true
	case time.Time:
		return AppendTime(dst, v), true
	case *time.Time:
		if v == nil {
			return AppendNil(dst), true
		}
		return AppendTime(dst, *v), true
	case int32:
		return AppendInt64(dst, int64(v)), true
	case uint:
		return AppendUint64(dst, uint64(v)), true
	case uint32:
		return AppendUint64(dst, uint64(v)), true
	case uint64:
		return AppendUint64(dst, v), true
	case float32:
		return appendFloat32(dst, v), true
	case sql.NamedArg:
		if depth == 0 {
			return dst, false
		}
		return appendAny(AppendString(append(dst, tagArg), v.Name), v.Value, depth-1)
	case sql.Out:
		return dst, false
	case driver.Valuer:
		return appendValuer(dst, v, depth)
	}
	return appendKind(dst, reflect.ValueOf(v), depth)
}

// appendKind appends a value by its kind, after its type where that may matter.
func appendKind(dst []byte, v reflect.Value, depth int) (out []byte, ok bool) {
	t := v.Type()
	if t.NumMethod() > 0 {
		dst = appendType(dst, t)
	}
	switch t.Kind() {
	case reflect.Bool:
		return AppendBool(dst, v.Bool()), true
	case reflect.Int, reflect.Int8, reflect.Int16, reflect.Int32, reflect.Int64:
		return AppendInt64(dst, v.Int()), true
	case reflect.Uint, reflect.Uint8, reflect.Uint16, reflect.Uint32, reflect.Uint64, reflect.Uintptr:
		return AppendUint64(dst, v.Uint()), true
	case reflect.Float32:
		return appendFloat32(dst, float32(v.Float())), true
	case reflect.Float64:
		return AppendFloat64(dst, v.Float()), true
	case reflect.String:
		return AppendString(dst, v.String()), true
	case reflect.Slice:
		if t.Elem().Kind() == reflect.Uint8 {
			return AppendBytes(dst, v.Bytes()), true
		}
	case reflect.Array:
		if t.Elem().Kind() == reflect.Uint8 {
			return appendArray(dst, v), true
		}
	case reflect.Pointer:
		if v.IsNil() {
			return AppendNil(dst), true
		}
		if depth > 0 {
			return appendAny(dst, v.Elem().Interface(), depth-1)
		}
	}
	return dst, false
}

// appendValuer appends what v makes of itself, after its type: some drivers
// ask a type for other forms first.
func appendValuer(dst []byte, v driver.Valuer, depth int) (out []byte, ok bool) {
	t := reflect.TypeOf(v)
	if depth == 0 {
		return dst, false
	}
	if t.Kind() == reflect.Pointer && reflect.ValueOf(v).IsNil() && t.Elem().Implements(valuerType) {
		return AppendNil(dst), true
	}
	value, ok := valueOf(v)
	if !ok {
		return dst, false
	}
	if !plainValuer(v) {
		dst = appendType(dst, t)
	}
	return appendAny(dst, value, depth-1)
}

var valuerType = reflect.TypeFor[driver.Valuer]()

// valueOf asks v for its value. Should v panic, the panic is left to the
// driver, which asks again.
func valueOf(v driver.Valuer) (value driver.Value, ok bool) {
	defer func() {
		if recover() != nil {
			value, ok = nil, false
		}
	}()
	value, err := v.Value()
	return value, err == nil
}

// plainValuer reports a type of database/sql that is its value and no more.
func plainValuer(v driver.Valuer) bool {
	switch v.(type) {
	case sql.NullBool, sql.NullByte, sql.NullInt16, sql.NullInt32, sql.NullInt64,
		sql.NullFloat64, sql.NullString, sql.NullTime:
		return true
	}
	return false
}

// appendType appends what tells types with methods apart: stars, package and
// name. Such a type always has a name, declared in its package's scope.
func appendType(dst []byte, t reflect.Type) []byte {
	stars := 0
	for t.Kind() == reflect.Pointer && t.Name() == "" {
		t = t.Elem()
		stars++
	}
	dst = binary.AppendUvarint(append(dst, tagTyped), uint64(stars))
	dst = AppendString(dst, t.PkgPath())
	if t.Name() == "" {
		return AppendString(dst, t.String()) // an embedding literal struct
	}
	return AppendString(dst, t.Name())
}

func appendFloat32(dst []byte, v float32) []byte {
	return binary.BigEndian.AppendUint32(append(dst, tagFloat32), math.Float32bits(v))
}

func appendArray(dst []byte, v reflect.Value) []byte {
	dst = binary.AppendUvarint(append(dst, tagArray), uint64(v.Len()))
	for i := range v.Len() {
		dst = append(dst, byte(v.Index(i).Uint()))
	}
	return dst
}
