package cacheplugin

import (
	"database/sql/driver"
	"math"
	"reflect"
	"strings"

	"gorm.io/gorm"
	"gorm.io/gorm/clause"

	"github.com/cachewright/cachewright/internal/sqltext"
	core "github.com/cachewright/cachewright/internal/writeback"
)

// value is a value of the statement as the database would keep it.
func (t *dirtyTable) value(at int, v any) (any, bool) {
	switch v.(type) {
	case clause.Expression, gorm.Valuer:
		return nil, false
	}
	c := &t.columns[at]
	if c.generated {
		return nil, false
	}
	v, ok := c.normal(v)
	return v, ok && (v != nil || !c.notNull)
}

// assign translates SET: plain values, and additions of a constant to the column itself.
func (t *dirtyTable) assign(stmt *gorm.Statement, c *rowChange, set clause.Set) bool {
	for _, a := range set {
		at, ok := t.index[a.Column.Name]
		if !ok || a.Column.Raw || t.isKey(at) || t.columns[at].unique || t.columns[at].generated || c.assigns(at) {
			return false
		}
		switch v := a.Value.(type) {
		case clause.Expr:
			n, ok := t.addition(stmt, c, at, v)
			if !ok {
				return false
			}
			c.Add = append(c.Add, core.Delta{Column: at, N: n})
		case clause.Column:
			if v.Table != "excluded" || v.Raw || c.Values == nil || v.Name != a.Column.Name {
				return false
			}
			c.Set = append(c.Set, core.Assign{Column: at, Value: c.Values[at]})
		default:
			value, ok := t.value(at, v)
			if !ok {
				return false
			}
			c.Set = append(c.Set, core.Assign{Column: at, Value: value})
		}
	}
	return true
}

func (c *rowChange) assigns(at int) bool {
	for _, s := range c.Set {
		if s.Column == at {
			return true
		}
	}
	for _, d := range c.Add {
		if d.Column == at {
			return true
		}
	}
	return false
}

// addition recognises "n + ?", "n - ?" and "n + excluded.n" on an integer column, with or without table and quotes.
func (t *dirtyTable) addition(stmt *gorm.Statement, c *rowChange, at int, e clause.Expr) (int64, bool) {
	column := &t.columns[at]
	if column.kind != columnInteger {
		return 0, false
	}
	left, right, sign := strings.TrimSpace(e.SQL), "", int64(1)
	if i := strings.IndexAny(left, "+-"); i > 0 {
		if left[i] == '-' {
			sign = -1
		}
		left, right = strings.TrimSpace(left[:i]), strings.TrimSpace(left[i+1:])
	}
	if bareColumn(left, stmt.Table) != column.name {
		return 0, false
	}
	if c.Values != nil && !strings.Contains(left, ".") && t.writeback.plugin.dialect == sqltext.Postgres {
		return 0, false // PostgreSQL calls a bare column ambiguous there
	}
	if c.Values != nil && len(e.Vars) == 0 && strings.EqualFold(right, "excluded."+column.name) {
		n, ok := c.Values[at].(int64)
		return sign * n, ok && n != math.MinInt64
	}
	if right != "?" || len(e.Vars) != 1 {
		return 0, false
	}
	rv := reflect.ValueOf(e.Vars[0])
	switch {
	case !rv.IsValid() || rv.Type().Implements(reflect.TypeFor[driver.Valuer]()):
		return 0, false
	case rv.CanInt():
		return sign * rv.Int(), rv.Int() != math.MinInt64
	case rv.CanUint():
		return sign * int64(rv.Uint()), rv.Uint() <= math.MaxInt64
	default:
		return 0, false
	}
}

// bareColumn is a column's name without its quotes and its own table; "" if it is anything else.
func bareColumn(text, table string) string {
	if name, rest, ok := strings.Cut(text, "."); ok {
		if strings.Trim(name, "\"`") != table {
			return ""
		}
		text = rest
	}
	text = strings.Trim(text, "\"`")
	if strings.ContainsAny(text, " ().\"`") {
		return ""
	}
	return text
}
