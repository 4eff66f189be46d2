package rowset

import (
	"database/sql"
	"encoding/json"
	"reflect"
	"time"
)

// scanTypes lists every scan type that has an encoded form; its index is the
// code on the wire, so the list only ever grows at its end. Code 0 is "no
// scan type", which a driver may answer for an untyped NULL.
var scanTypes = [...]reflect.Type{
	nil,
	reflect.TypeFor[any](),
	reflect.TypeFor[bool](),
	reflect.TypeFor[int](),
	reflect.TypeFor[int8](),
	reflect.TypeFor[int16](),
	reflect.TypeFor[int32](),
	reflect.TypeFor[int64](),
	reflect.TypeFor[uint](),
	reflect.TypeFor[uint8](),
	reflect.TypeFor[uint16](),
	reflect.TypeFor[uint32](),
	reflect.TypeFor[uint64](),
	reflect.TypeFor[float32](),
	reflect.TypeFor[float64](),
	reflect.TypeFor[string](),
	reflect.TypeFor[[]byte](),
	reflect.TypeFor[[][]byte](),
	reflect.TypeFor[time.Time](),
	reflect.TypeFor[sql.RawBytes](),
	reflect.TypeFor[sql.NullBool](),
	reflect.TypeFor[sql.NullByte](),
	reflect.TypeFor[sql.NullInt16](),
	reflect.TypeFor[sql.NullInt32](),
	reflect.TypeFor[sql.NullInt64](),
	reflect.TypeFor[sql.NullFloat64](),
	reflect.TypeFor[sql.NullString](),
	reflect.TypeFor[sql.NullTime](),
	reflect.TypeFor[sql.Null[int8]](),
	reflect.TypeFor[sql.Null[int16]](),
	reflect.TypeFor[sql.Null[int32]](),
	reflect.TypeFor[sql.Null[int64]](),
	reflect.TypeFor[sql.Null[uint8]](),
	reflect.TypeFor[sql.Null[uint16]](),
	reflect.TypeFor[sql.Null[uint32]](),
	reflect.TypeFor[sql.Null[uint64]](),
	reflect.TypeFor[sql.Null[float32]](),
	reflect.TypeFor[sql.Null[float64]](),
	reflect.TypeFor[sql.Null[bool]](),
	reflect.TypeFor[sql.Null[string]](),
	reflect.TypeFor[sql.Null[[]byte]](),
	reflect.TypeFor[sql.Null[time.Time]](),
	reflect.TypeFor[json.RawMessage](),
	reflect.TypeFor[*any](),
	reflect.TypeFor[*bool](),
	reflect.TypeFor[*int32](),
	reflect.TypeFor[*int64](),
	reflect.TypeFor[*float64](),
	reflect.TypeFor[*string](),
	reflect.TypeFor[*[]byte](),
	reflect.TypeFor[*time.Time](),
}

var scanTypeCodes = func() map[reflect.Type]byte {
	codes := make(map[reflect.Type]byte, len(scanTypes))
	for code, t := range scanTypes {
		codes[t] = byte(code)
	}
	return codes
}()
