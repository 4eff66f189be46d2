package cacheplugin

import (
	"encoding/hex"
	"math"
	"strconv"
	"strings"
	"time"
)

// maxParameters bounds those of one statement; SQLite takes 32,766.
const maxParameters = 10_000

// batchName is what the list is called in a statement. No table of the application is.
const batchName = "cachewright_batch"

// source is a list of rows that a statement reads besides its table.
type source interface {
	// add adds a column of values and tells its name. typ is the type they have in PostgreSQL.
	add(typ string, values []any) (name string)
	// from is the list as an item of FROM, and the arguments it needs. It is called last.
	from() (text string, args []any)
}

// tuples is a list of rows as VALUES.
type tuples struct {
	target  *target
	columns [][]any
}

func (l *tuples) add(_ string, values []any) string {
	l.columns = append(l.columns, values)
	return batchName + ".column" + strconv.Itoa(len(l.columns)) // as the columns of VALUES are called
}

func (l *tuples) from() (string, []any) {
	var text strings.Builder
	rows := len(l.columns[0])
	args := make([]any, 0, rows*len(l.columns))
	text.WriteString("(VALUES ")
	for row := range rows {
		if row > 0 {
			text.WriteString(", ")
		}
		for i, values := range l.columns {
			if i > 0 {
				text.WriteString(", ")
			} else {
				text.WriteByte('(')
			}
			args = append(args, values[row])
			text.WriteString(l.target.plugin.placeholder(len(args)))
		}
		text.WriteByte(')')
	}
	text.WriteString(") AS " + batchName)
	return text.String(), args
}

// arrays is a list of rows as unnest of one array for each column. An array is sent as text, which every driver can, and
// there is one statement for every number of rows.
type arrays struct {
	target *target
	types  []string
	args   []any
}

func (l *arrays) add(typ string, values []any) string {
	l.types = append(l.types, typ)
	l.args = append(l.args, arrayText(values))
	return batchName + ".c" + strconv.Itoa(len(l.args))
}

func (l *arrays) from() (string, []any) {
	var lists, names strings.Builder
	for i, typ := range l.types {
		if i > 0 {
			lists.WriteString(", ")
			names.WriteString(", ")
		}
		lists.WriteString(l.target.plugin.placeholder(i+1) + "::text::" + typ + "[]")
		names.WriteString("c" + strconv.Itoa(i+1))
	}
	return "unnest(" + lists.String() + ") AS " + batchName + "(" + names.String() + ")", l.args
}

// listable reports whether the value can stand in an array's text and comes out of it as it went in.
func (c *dirtyColumn) listable(v any) bool {
	switch v := v.(type) {
	case int64, bool, float64:
		return c.kind != columnOther
	case string:
		return c.kind != columnOther && c.kind != columnBytes
	case []byte:
		return c.kind == columnBytes
	case time.Time:
		return (c.kind == columnTimeZone || c.kind == columnTimeNoZone) && v.Year() >= 1 && v.Year() <= 9999
	default:
		return false
	}
}

// arrayText is an array of listable values and NULLs as PostgreSQL writes it.
func arrayText(values []any) string {
	b := make([]byte, 0, 16*len(values))
	b = append(b, '{')
	for i, v := range values {
		if i > 0 {
			b = append(b, ',')
		}
		switch v := v.(type) {
		case nil:
			b = append(b, "NULL"...)
		case int64:
			b = strconv.AppendInt(b, v, 10)
		case bool:
			b = strconv.AppendBool(b, v)
		case float64:
			b = appendFloat(b, v)
		case string:
			b = appendQuoted(b, v)
		case []byte:
			b = append(b, `"\\x`...)
			b = hex.AppendEncode(b, v)
			b = append(b, '"')
		case time.Time:
			// A timestamp without a zone is kept as one in UTC, and its zone is not read.
			b = append(b, '"')
			b = v.UTC().AppendFormat(b, "2006-01-02 15:04:05.999999+00")
			b = append(b, '"')
		}
	}
	return string(append(b, '}'))
}

func appendFloat(b []byte, f float64) []byte {
	switch {
	case math.IsInf(f, 1):
		return append(b, "Infinity"...)
	case math.IsInf(f, -1):
		return append(b, "-Infinity"...)
	default:
		return strconv.AppendFloat(b, f, 'g', -1, 64)
	}
}

// appendQuoted puts a text in quotes. Neither the standard's strings nor LIKE come into it: an array's text has rules of
// its own, in which only quotes and backslashes mean something.
func appendQuoted(b []byte, s string) []byte {
	b = append(b, '"')
	for i := range len(s) {
		if s[i] == '"' || s[i] == '\\' {
			b = append(b, '\\')
		}
		b = append(b, s[i])
	}
	return append(b, '"')
}
