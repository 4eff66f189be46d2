package coherence

import (
	"database/sql/driver"
	"encoding/hex"
	"fmt"
	"reflect"
	"strconv"
	"time"
)

// keyText is the text a key part is compared by: that of the value a driver would send.
func keyText(v any) string {
	switch v := v.(type) {
	case string:
		return v
	case int64:
		return strconv.FormatInt(v, 10)
	case int:
		return strconv.Itoa(v)
	case []byte:
		return string(v)
	case [16]byte:
		return uuidText(v)
	case time.Time:
		return v.UTC().Format(time.RFC3339Nano)
	case nil:
		return ""
	}
	return reflectedText(reflect.ValueOf(v))
}

// reflectedText goes by what a value is made of. A String method comes last: it is for people, and the database does not call it.
func reflectedText(v reflect.Value) string {
	if v.Kind() == reflect.Pointer && v.IsNil() {
		return ""
	}
	if valuer, ok := v.Interface().(driver.Valuer); ok {
		if sent, err := valuer.Value(); err == nil {
			if _, again := sent.(driver.Valuer); !again {
				return keyText(sent)
			}
		}
	}
	switch v.Kind() {
	case reflect.Pointer:
		return keyText(v.Elem().Interface())
	case reflect.String:
		return v.String()
	case reflect.Bool:
		return strconv.FormatBool(v.Bool())
	case reflect.Int, reflect.Int8, reflect.Int16, reflect.Int32, reflect.Int64:
		return strconv.FormatInt(v.Int(), 10)
	case reflect.Uint, reflect.Uint8, reflect.Uint16, reflect.Uint32, reflect.Uint64, reflect.Uintptr:
		return strconv.FormatUint(v.Uint(), 10)
	case reflect.Slice:
		if v.Type().Elem().Kind() == reflect.Uint8 {
			return string(v.Bytes())
		}
	case reflect.Array:
		if v.Type().Elem().Kind() == reflect.Uint8 && v.Len() == 16 {
			var u [16]byte
			reflect.Copy(reflect.ValueOf(&u).Elem(), v)
			return uuidText(u)
		}
	default:
	}
	return fmt.Sprint(v.Interface())
}

// uuidText is the canonical form.
func uuidText(u [16]byte) string {
	var b [36]byte
	hex.Encode(b[:8], u[:4])
	b[8] = '-'
	hex.Encode(b[9:13], u[4:6])
	b[13] = '-'
	hex.Encode(b[14:18], u[6:8])
	b[18] = '-'
	hex.Encode(b[19:23], u[8:10])
	b[23] = '-'
	hex.Encode(b[24:], u[10:])
	return string(b[:])
}
