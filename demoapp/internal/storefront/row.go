package storefront

import (
	"fmt"
	"reflect"
	"strings"

	"gorm.io/gorm"
)

// eachRow calls f with the key of each row in the destination of a query.
func eachRow(stmt *gorm.Statement, f func(key string)) {
	one := func(row reflect.Value) {
		for row.Kind() == reflect.Pointer && !row.IsNil() {
			row = row.Elem()
		}
		if row.Type() != stmt.Schema.ModelType {
			return
		}
		parts := make([]string, len(stmt.Schema.PrimaryFields))
		for i, field := range stmt.Schema.PrimaryFields {
			value, _ := field.ValueOf(stmt.Context, row)
			parts[i] = fmt.Sprint(value)
		}
		f(strings.Join(parts, ", "))
	}
	switch dest := stmt.ReflectValue; dest.Kind() {
	case reflect.Struct:
		one(dest)
	case reflect.Slice, reflect.Array:
		for i := range dest.Len() {
			one(dest.Index(i))
		}
	}
}
