package cacheplugin

import (
	"bytes"
	"context"
	"database/sql"
	"database/sql/driver"
	"errors"
	"fmt"
	"math"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"

	"gorm.io/gorm"

	"github.com/cachewright/cachewright/internal/rowset"
	"github.com/cachewright/cachewright/internal/sqltext"
	core "github.com/cachewright/cachewright/internal/writeback"
)

func freshSession() *gorm.Session { return &gorm.Session{NewDB: true} }

// placeholder is the n-th parameter of a statement, counted from 1.
func (p *Plugin) placeholder(n int) string {
	if p.dialect == sqltext.Postgres {
		return "$" + strconv.Itoa(n)
	}
	return "?"
}

// columnKind says how a value becomes what the database would hand back after storing it.
type columnKind uint8

const (
	columnOther   columnKind = iota // not known: a change of it goes to the database at once
	columnInteger                   // int64
	columnBool
	columnFloat
	columnDecimal // PostgreSQL numeric without a scale: text of all its digits
	columnText
	columnUUID
	columnUUIDAsIs // SQLite: text that no affinity changes
	columnBytes
	columnBytesSome  // SQLite: an empty value comes back as something else
	columnTimeZone   // PostgreSQL timestamptz: microseconds, local time
	columnTimeNoZone // PostgreSQL timestamp: microseconds, no zone
	columnTimeText   // SQLite: text that the driver reads back as a time
	columnBoolInt    // SQLite: a bool kept as 0 or 1
)

// dirtyColumn is one column of a write-back table.
type dirtyColumn struct {
	name      string
	typ       string // as PostgreSQL names it, without precision or length
	kind      columnKind
	min, max  int64
	length    int  // characters at most; 0: no bound
	notNull   bool // NULL is refused
	defaulted bool // a value left out is not NULL
	generated bool
	missing   bool // the table has none of this name
	unique    bool // in a unique set besides the key
}

func (c *dirtyColumn) core() core.Column {
	return core.Column{Name: c.name, Integer: c.kind == columnInteger, Min: c.min, Max: c.max, NotNull: c.notNull}
}

// readColumns asks the database about the columns of a quoted table.
func readColumns(ctx context.Context, p *Plugin, table string) ([]dirtyColumn, error) {
	query := `SELECT a.attname, format_type(a.atttypid, a.atttypmod), format_type(a.atttypid, -1), a.attnotnull,
		a.atthasdef OR a.attidentity <> '', a.attgenerated <> ''
		FROM pg_attribute a WHERE a.attrelid = to_regclass($1) AND a.attnum > 0 AND NOT a.attisdropped ORDER BY a.attnum`
	kindOf := postgresDirty
	if p.dialect == sqltext.SQLite {
		query = `SELECT name, type, '', "notnull", dflt_value IS NOT NULL, hidden > 1 FROM pragma_table_xinfo(?) WHERE hidden <> 1 ORDER BY cid`
		table = sqltext.ParseName(table).Table
		kindOf = sqliteDirty
	}
	rows, err := p.root.QueryContext(ctx, query, table)
	if err != nil {
		return nil, fmt.Errorf("cacheplugin: reading the columns of %s: %w", table, err)
	}
	defer func() { _ = rows.Close() }() // read to the end below
	var columns []dirtyColumn
	for rows.Next() {
		var (
			c    dirtyColumn
			name string
		)
		if err := rows.Scan(&c.name, &name, &c.typ, &c.notNull, &c.defaulted, &c.generated); err != nil {
			return nil, fmt.Errorf("cacheplugin: reading the columns of %s: %w", table, err)
		}
		kindOf(&c, strings.ToLower(name))
		columns = append(columns, c)
	}
	return columns, rows.Err()
}

// readShape learns how the driver describes the columns, from an answer without rows.
func readShape(ctx context.Context, p *Plugin, table string) ([]rowset.Column, error) {
	answer, err := captureFresh(ctx, p.root, "SELECT * FROM "+table+" WHERE 1 = 0", nil)
	if err != nil {
		return nil, fmt.Errorf("cacheplugin: reading the columns of %s: %w", table, err)
	}
	return answer.View().Columns()
}

// captureFresh is capture for a SELECT * that the connection may have prepared before the table got another column: pgx
// forgets the statement with the error.
func captureFresh(ctx context.Context, db *sql.DB, query string, args []any) (*rowset.Captured, error) {
	for try := 0; ; try++ {
		answer, err := capture(ctx, db, query, args, 0)
		var state interface{ SQLState() string }
		if try < maxIdle && errors.As(err, &state) && state.SQLState() == "0A000" {
			continue
		}
		return answer, err
	}
}

// maxIdle is how many connections may be tried that know the table as it was.
const maxIdle = 8

func postgresDirty(c *dirtyColumn, name string) {
	if name == "numeric" {
		c.kind = columnDecimal
		return
	}
	base, bound, _ := strings.Cut(name, "(")
	if digits, ok := strings.CutSuffix(bound, ")"); ok {
		c.length, _ = strconv.Atoi(digits)
	}
	switch base {
	case "smallint":
		c.kind, c.min, c.max = columnInteger, math.MinInt16, math.MaxInt16
	case "integer":
		c.kind, c.min, c.max = columnInteger, math.MinInt32, math.MaxInt32
	case "bigint":
		c.kind, c.min, c.max = columnInteger, math.MinInt64, math.MaxInt64
	case "boolean":
		c.kind = columnBool
	case "double precision":
		c.kind = columnFloat
	case "text", "character varying":
		c.kind = columnText
	case "uuid":
		c.kind = columnUUID
	case "bytea":
		c.kind = columnBytes
	case "timestamp with time zone":
		c.kind = columnTimeZone
	case "timestamp without time zone":
		c.kind = columnTimeNoZone
	}
}

// sqliteDirty follows the rules of affinity by declared type, and what the driver makes of the declared type.
func sqliteDirty(c *dirtyColumn, name string) {
	switch {
	case strings.Contains(name, "int"):
		c.kind, c.min, c.max = columnInteger, math.MinInt64, math.MaxInt64
	case strings.Contains(name, "char"), strings.Contains(name, "clob"), strings.Contains(name, "text"):
		c.kind = columnText
	case strings.Contains(name, "blob"):
		c.kind = columnBytesSome
	case strings.Contains(name, "real"), strings.Contains(name, "floa"), strings.Contains(name, "doub"):
		c.kind = columnFloat
	case name == "uuid":
		c.kind = columnUUIDAsIs
	case name == "datetime" || name == "timestamp":
		c.kind = columnTimeText
	case name == "numeric" || name == "boolean" || name == "bool":
		c.kind = columnBoolInt
	}
}

// normal is the value as the database would hand it back. false: that cannot be told, or the database would refuse it.
func (c *dirtyColumn) normal(v any) (any, bool) {
	if valuer, ok := v.(driver.Valuer); ok {
		var err error
		if v, err = valuer.Value(); err != nil {
			return nil, false
		}
	}
	if v == nil {
		return nil, true
	}
	v, err := driver.DefaultParameterConverter.ConvertValue(v)
	if err != nil {
		return nil, false
	}
	if b, ok := v.([]byte); v == nil || ok && b == nil {
		return nil, true // both drivers take a nil slice for NULL
	}
	switch c.kind {
	case columnInteger:
		n, ok := v.(int64)
		return n, ok
	case columnBool:
		b, ok := v.(bool)
		return b, ok
	case columnBoolInt:
		return boolInt(v)
	case columnFloat:
		f, ok := v.(float64)
		return f, ok && !math.IsNaN(f) && !math.IsInf(f, 0)
	case columnDecimal:
		return decimal(v)
	case columnText:
		s, ok := v.(string)
		return s, ok && utf8.ValidString(s) && !strings.Contains(s, "\x00") && (c.length == 0 || utf8.RuneCountInString(s) <= c.length)
	case columnUUID:
		s, ok := v.(string)
		if !ok {
			return nil, false
		}
		return uuidText(s)
	case columnUUIDAsIs:
		s, ok := v.(string)
		if !ok {
			return nil, false
		}
		_, ok = uuidText(s)
		return s, ok
	case columnBytes, columnBytesSome:
		b, ok := v.([]byte)
		return bytes.Clone(b), ok && (len(b) > 0 || c.kind == columnBytes)
	default:
		t, ok := v.(time.Time)
		if !ok {
			return nil, false
		}
		return c.normalTime(t)
	}
}

// decimal is the text that a numeric without a scale is handed back as.
func decimal(v any) (any, bool) {
	switch v := v.(type) {
	case int64:
		return strconv.FormatInt(v, 10), true
	case float64:
		if math.IsNaN(v) || math.IsInf(v, 0) {
			return nil, false
		}
		return strconv.FormatFloat(v, 'f', -1, 64), v != 0 || !math.Signbit(v)
	case string:
		return v, canonicalDecimal(v)
	default:
		return nil, false
	}
}

// canonicalDecimal reports whether a numeric without a scale is handed back as the same text.
func canonicalDecimal(s string) bool {
	digits, negative := strings.CutPrefix(s, "-")
	whole, fraction, dotted := strings.Cut(digits, ".")
	if whole == "" || len(whole) > 1 && whole[0] == '0' || dotted && fraction == "" || len(s) > 1000 {
		return false
	}
	if strings.Trim(whole, "0123456789") != "" || strings.Trim(fraction, "0123456789") != "" {
		return false
	}
	return !negative || strings.Trim(digits, "0.") != "" // there is no negative zero
}

func boolInt(v any) (any, bool) {
	switch v := v.(type) {
	case bool:
		if v {
			return int64(1), true
		}
		return int64(0), true
	case int64:
		return v, v == 0 || v == 1
	default:
		return nil, false
	}
}

// normalTime rounds as PostgreSQL does, or goes through the text that SQLite keeps.
func (c *dirtyColumn) normalTime(t time.Time) (any, bool) {
	if y := t.Year(); y < 1 || y > 9999 {
		return nil, false
	}
	switch c.kind {
	case columnTimeZone:
		return t.Truncate(time.Microsecond).Local(), true
	case columnTimeNoZone:
		return time.Date(t.Year(), t.Month(), t.Day(), t.Hour(), t.Minute(), t.Second(), t.Nanosecond()/1000*1000, time.UTC), true
	case columnTimeText:
		const kept = "2006-01-02 15:04:05.999999999-07:00"
		back, err := time.ParseInLocation(kept, t.Format(kept), time.UTC) // as the driver reads it
		return back, err == nil
	default:
		return nil, false
	}
}
