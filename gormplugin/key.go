package cacheplugin

import (
	"database/sql/driver"
	"reflect"
	"strconv"
	"strings"
	"unicode/utf8"

	"gorm.io/gorm"

	"github.com/cachewright/cachewright/internal/keyenc"
	"github.com/cachewright/cachewright/internal/rowset"
)

// keyClass says how a primary key column compares, and so when equal arguments surely mean equal rows. A key of any
// other type is looked up through the query cache.
type keyClass uint8

const (
	keyNone keyClass = iota
	keyInt           // integers of up to 64 bits
	keyBool
	keyUUID
	keyText   // text of a deterministic, binary-equal collation
	keyBytes  // bytes
	keyNumber // integers that are compared with text as floating point (MySQL)
	keyPadded // text of a binary collation to which trailing spaces do not matter (MySQL)
)

// canonicalKey is the canonical text of an argument for a column of the class, and whether there is one: the argument is
// converted to the column's type first, as the database would. What the database might read differently has none.
func canonicalKey(class keyClass, arg any) (string, bool) {
	switch v := arg.(type) { // what most callers pass, without reflection
	case int:
		return strconv.Itoa(v), class.integer()
	case int64:
		return strconv.FormatInt(v, 10), class.integer()
	case string:
		return keyString(class, v)
	}
	if _, ok := arg.(gorm.Valuer); ok {
		return "", false // what is compared is an expression of its own
	}
	if valuer, ok := arg.(driver.Valuer); ok {
		rv := reflect.ValueOf(arg)
		if rv.Kind() == reflect.Pointer && rv.IsNil() {
			return "", false
		}
		value, err := valuer.Value()
		if err != nil {
			return "", false
		}
		if _, again := value.(driver.Valuer); again {
			return "", false
		}
		return canonicalKey(class, value)
	}
	rv := reflect.ValueOf(arg)
	for rv.Kind() == reflect.Pointer && !rv.IsNil() {
		rv = rv.Elem()
	}
	switch rv.Kind() {
	case reflect.Int, reflect.Int8, reflect.Int16, reflect.Int32, reflect.Int64:
		return strconv.FormatInt(rv.Int(), 10), class.integer()
	case reflect.Uint, reflect.Uint8, reflect.Uint16, reflect.Uint32, reflect.Uint64:
		return strconv.FormatUint(rv.Uint(), 10), class.integer() && rv.Uint() <= 1<<63-1
	case reflect.Bool:
		return strconv.FormatBool(rv.Bool()), class == keyBool
	case reflect.String:
		return keyString(class, rv.String())
	case reflect.Slice:
		if rv.Type().Elem().Kind() == reflect.Uint8 && class == keyBytes {
			return string(rv.Bytes()), !rv.IsNil()
		}
	}
	return "", false
}

// integer reports whether the class is one of integers.
func (c keyClass) integer() bool { return c == keyInt || c == keyNumber }

func keyString(class keyClass, s string) (string, bool) {
	switch class {
	case keyNumber:
		const exact = 15 // digits that floating point keeps
		n, err := strconv.ParseInt(s, 10, 64)
		return s, err == nil && len(s) <= exact && strconv.FormatInt(n, 10) == s
	case keyPadded:
		s = strings.TrimRight(s, " ")
		return s, strings.IndexByte(s, 0) < 0 && utf8.ValidString(s)
	case keyInt:
		n, err := strconv.ParseInt(s, 10, 64)
		return s, err == nil && strconv.FormatInt(n, 10) == s
	case keyText:
		return s, strings.IndexByte(s, 0) < 0
	case keyUUID:
		return uuidText(s)
	default:
		return "", false
	}
}

// uuidText accepts the plain form with hyphens, in either case.
func uuidText(s string) (string, bool) {
	if len(s) != 36 {
		return "", false
	}
	for i := range len(s) {
		hyphen := i == 8 || i == 13 || i == 18 || i == 23
		if hyphen != (s[i] == '-') || !hyphen && !isHex(s[i]) {
			return "", false
		}
	}
	return strings.ToLower(s), true
}

func isHex(c byte) bool {
	return '0' <= c && c <= '9' || 'a' <= c|0x20 && c|0x20 <= 'f'
}

// keyOfValue is canonicalKey for a value the database returned.
func keyOfValue(class keyClass, v rowset.Value) (string, bool) {
	switch v.Kind() {
	case rowset.KindInt64:
		if class.integer() {
			return strconv.FormatInt(v.Int64(), 10), true
		}
		if class == keyBool {
			return strconv.FormatBool(v.Int64() != 0), v.Int64() == 0 || v.Int64() == 1
		}
	case rowset.KindUint64:
		return strconv.FormatUint(v.Uint64(), 10), class.integer() && v.Uint64() <= 1<<63-1
	case rowset.KindBool:
		return strconv.FormatBool(v.Bool()), class == keyBool
	case rowset.KindString:
		return keyString(class, v.StringAlias())
	case rowset.KindBytes:
		if class == keyUUID && len(v.Bytes()) == 36 {
			return uuidText(string(v.Bytes()))
		}
		if class == keyPadded {
			return keyString(class, string(v.Bytes()))
		}
		return string(v.Bytes()), class == keyBytes
	}
	return "", false
}

// view says which rows a read by key can see: an entry of one is no answer for the other.
type view byte

const (
	viewLive view = 'l' // without the rows that the model takes for deleted; of a model that takes none for it, all
	viewAll  view = 'a' // with them
)

// rowKey is the store key of a row: kind, view, database, scope, table with its schema, key parts. Structs over one table share
// their entries, where they agree on which rows are deleted.
func (p *Plugin) rowKey(dst []byte, scope string, m *model, v view, key ...string) []byte {
	if m.soft == nil {
		v = viewAll
	}
	dst = append(dst, 'r', byte(v))
	if v == viewLive {
		dst = keyenc.AppendString(dst, m.soft.DBName)
	}
	dst = keyenc.AppendString(dst, p.database)
	dst = keyenc.AppendString(dst, scope)
	dst = keyenc.AppendString(dst, m.schema.Table)
	for _, part := range key {
		dst = keyenc.AppendString(dst, part)
	}
	return dst
}

// queryKey is the store key of a query result: kind, database, scope, SQL, arguments. false means that an argument
// cannot be compared for sure.
func (p *Plugin) queryKey(dst []byte, scope, query string, args []any) ([]byte, bool) {
	dst = append(dst, 'q')
	dst = keyenc.AppendString(dst, p.database)
	dst = keyenc.AppendString(dst, scope)
	dst = keyenc.AppendString(dst, query)
	for _, arg := range args {
		var ok bool
		if dst, ok = keyenc.AppendAny(dst, arg); !ok {
			return dst, false
		}
	}
	return dst, true
}

// argumentOf is the value of a canonical text, as an argument for its column.
func argumentOf(class keyClass, text string) (any, bool) {
	switch class {
	case keyInt, keyNumber:
		n, err := strconv.ParseInt(text, 10, 64)
		return n, err == nil
	case keyBool:
		b, err := strconv.ParseBool(text)
		return b, err == nil
	case keyText, keyPadded, keyUUID:
		return text, true
	case keyBytes:
		return []byte(text), true
	default:
		return nil, false
	}
}
