package cacheplugin

import (
	"database/sql/driver"
	"reflect"
	"strings"

	"gorm.io/gorm"
	"gorm.io/gorm/clause"

	"github.com/cachewright/cachewright/internal/sqltext"
)

// maxPinned is how many rows a statement may name before it counts as a write of the whole table.
const maxPinned = 1000

// pins are the keys that conditions tie a statement to: its rows are among them. Each key has one canonical text per
// primary key column.
type pins struct {
	keys  [][]string
	exact bool // the conditions are the keys and nothing else
}

// pinned reads the keys out of the top-level AND of the WHERE clause. Further conditions only narrow; an OR at the top,
// or a key the database might compare otherwise, pins nothing.
func pinned(stmt *gorm.Statement, m *model, classes []keyClass) (p pins, ok bool) {
	if len(m.keys) == 0 || len(classes) != len(m.keys) {
		return pins{}, false
	}
	r := pinReader{stmt: stmt, model: m, classes: classes, exact: true, found: make([][]string, len(m.keys))}
	if c, ok := stmt.Clauses["WHERE"]; ok {
		if c.BeforeExpression != nil || c.AfterNameExpression != nil || c.AfterExpression != nil || c.Builder != nil {
			r.exact = false
		}
		where, isWhere := c.Expression.(clause.Where)
		if !isWhere || !r.all(where.Exprs) {
			return pins{}, false
		}
	}
	return r.product()
}

// pinReader collects, per key column, the texts it may have.
type pinReader struct {
	stmt    *gorm.Statement
	model   *model
	classes []keyClass
	found   [][]string // nil: the column is not pinned yet
	tuples  [][]string // whole composite keys from one IN
	exact   bool
}

// all reads conditions joined by AND; false means that an OR makes them no conjunction.
func (r *pinReader) all(exprs []clause.Expression) bool {
	for _, expr := range exprs {
		switch e := expr.(type) {
		case clause.OrConditions:
			return false
		case clause.AndConditions:
			if !r.all(e.Exprs) {
				return false
			}
		case clause.Eq:
			r.equal(e.Column, e.Value)
		case clause.IN:
			r.in(e)
		case clause.Expr:
			r.text(e)
		default:
			r.exact = false
		}
	}
	return true
}

// equal reads column = value.
func (r *pinReader) equal(column, value any) {
	if i := r.column(column); i >= 0 {
		if rv := reflect.ValueOf(value); rv.IsValid() && rv.Kind() == reflect.Slice && rv.Type().Elem().Kind() != reflect.Uint8 {
			r.values(i, rv)
			return
		}
		r.pin(i, value)
		return
	}
	if r.softDelete(column, value) {
		return
	}
	r.exact = false
}

// softDelete reports GORM's own condition on the soft delete column, which the view of an entry stands for.
func (r *pinReader) softDelete(column, value any) bool {
	c, ok := column.(clause.Column)
	if !ok || r.model.soft == nil || c.Name != r.model.soft.DBName {
		return false
	}
	_, added := r.stmt.Clauses["soft_delete_enabled"]
	s, null := value.(driver.Valuer)
	if !added || !null {
		return false
	}
	v, err := s.Value()
	return err == nil && v == nil
}

// in reads column IN values, and (columns…) IN tuples for composite keys.
func (r *pinReader) in(e clause.IN) {
	if columns, ok := e.Column.([]clause.Column); ok {
		r.tuple(columns, e.Values)
		return
	}
	i := r.column(e.Column)
	if i < 0 {
		r.exact = false
		return
	}
	texts := make([]string, 0, len(e.Values))
	for _, v := range e.Values {
		text, ok := canonicalKey(r.classes[i], v)
		if !ok {
			r.exact = false
			return
		}
		texts = append(texts, text)
	}
	r.pinTexts(i, texts)
}

func (r *pinReader) values(i int, rv reflect.Value) {
	texts := make([]string, 0, rv.Len())
	for j := range rv.Len() {
		text, ok := canonicalKey(r.classes[i], rv.Index(j).Interface())
		if !ok {
			r.exact = false
			return
		}
		texts = append(texts, text)
	}
	r.pinTexts(i, texts)
}

func (r *pinReader) tuple(columns []clause.Column, values []any) {
	if len(columns) != len(r.classes) || r.tuples != nil {
		r.exact = false
		return
	}
	order := make([]int, len(columns))
	for i, c := range columns {
		if order[i] = r.column(c); order[i] < 0 {
			r.exact = false
			return
		}
	}
	tuples := make([][]string, 0, len(values))
	for _, v := range values {
		parts, ok := v.([]any)
		if !ok || len(parts) != len(order) {
			r.exact = false
			return
		}
		key := make([]string, len(order))
		for i, part := range parts {
			if key[order[i]], ok = canonicalKey(r.classes[order[i]], part); !ok {
				r.exact = false
				return
			}
		}
		tuples = append(tuples, key)
	}
	r.tuples = tuples
}

// text reads the forms people write: id = ? and id IN ?, with or without table and quotes, and several of them joined by
// AND. One part that is anything else may hold an OR, which makes the others no conditions.
func (r *pinReader) text(e clause.Expr) {
	var few [4]textCondition
	conditions, ok := r.conditions(few[:0], e)
	if !ok {
		r.exact = false
		return
	}
	for i, c := range conditions {
		if c.many {
			r.values(c.column, reflect.ValueOf(e.Vars[i]))
		} else {
			r.pin(c.column, e.Vars[i])
		}
	}
}

// textCondition is column = ? or, if many, column IN ?.
type textCondition struct {
	column int
	many   bool
}

func (r *pinReader) conditions(dst []textCondition, e clause.Expr) ([]textCondition, bool) {
	for rest, more := e.SQL, true; more; {
		var part string
		part, rest, more = cutAnd(rest)
		if len(dst) == len(e.Vars) {
			return nil, false
		}
		c, ok := r.condition(part, e.Vars[len(dst)])
		if !ok {
			return nil, false
		}
		dst = append(dst, c)
	}
	return dst, len(dst) == len(e.Vars)
}

// cutAnd cuts a text at its first AND.
func cutAnd(sql string) (part, rest string, found bool) {
	for i := 0; i+5 <= len(sql); i++ {
		if strings.EqualFold(sql[i:i+5], " and ") {
			return sql[:i], sql[i+5:], true
		}
	}
	return sql, "", false
}

func (r *pinReader) condition(part string, value any) (c textCondition, ok bool) {
	name, ok := strings.CutSuffix(strings.TrimSpace(part), "?")
	if !ok {
		return c, false
	}
	name = strings.TrimSpace(name)
	column, equal := strings.CutSuffix(name, "=")
	if !equal {
		if len(name) <= 3 || !strings.EqualFold(name[len(name)-3:], " in") {
			return c, false
		}
		column, c.many = name[:len(name)-3], true
	}
	rv := reflect.ValueOf(value)
	if list := rv.IsValid() && rv.Kind() == reflect.Slice && rv.Type().Elem().Kind() != reflect.Uint8; list != c.many {
		return c, false
	}
	c.column = r.named(strings.TrimSpace(column))
	return c, c.column >= 0
}

func (r *pinReader) pin(i int, value any) {
	text, ok := canonicalKey(r.classes[i], value)
	if !ok {
		r.exact = false
		return
	}
	r.pinTexts(i, []string{text})
}

// pinTexts keeps the shorter of two lists for one column: the row is among both.
func (r *pinReader) pinTexts(i int, texts []string) {
	if r.found[i] != nil {
		r.exact = r.exact && len(texts) == 1 && len(r.found[i]) == 1 && texts[0] == r.found[i][0]
		if len(texts) >= len(r.found[i]) {
			return
		}
	}
	r.found[i] = texts
}

// column is the place of a key column, -1 for others.
func (r *pinReader) column(c any) int {
	switch c := c.(type) {
	case string:
		return r.named(c)
	case clause.Column:
		if c.Raw || c.Alias != "" || c.Table != "" && c.Table != clause.CurrentTable && c.Table != r.stmt.Table {
			return -1
		}
		if c.Name == clause.PrimaryKey {
			if f := r.model.schema.PrioritizedPrimaryField; f != nil && len(r.model.keys) == 1 {
				return 0
			}
			return -1
		}
		return r.named(c.Name)
	default:
		return -1
	}
}

// named finds a key column by the way people write names: bare, quoted, after its table.
func (r *pinReader) named(name string) int {
	for i, f := range r.model.keys {
		if name == f.DBName {
			return i
		}
	}
	quotes := r.quotes()
	if table, column, ok := cutLast(name, '.'); ok {
		if !nameIn(table, quotes+".") || sqltext.Folded(table) != sqltext.Folded(r.stmt.Table) {
			return -1
		}
		name = column
	}
	if !nameIn(name, quotes) {
		return -1
	}
	bare := strings.Trim(name, quotes)
	for i, f := range r.model.keys {
		if bare == f.DBName {
			return i
		}
	}
	return -1
}

// cutLast cuts a text at the last of a character.
func cutLast(s string, c byte) (before, after string, found bool) {
	if i := strings.LastIndexByte(s, c); i >= 0 {
		return s[:i], s[i+1:], true
	}
	return "", s, false
}

// nameIn reports whether a text is a name and nothing more: letters, digits, underscores and these characters. Anything else, a
// line break as well, may part it into an expression.
func nameIn(s, others string) bool {
	for i := range len(s) {
		if !isHex(s[i]) && s[i] != '_' && s[i] < 0x80 && (s[i]|0x20 < 'a' || s[i]|0x20 > 'z') && strings.IndexByte(others, s[i]) < 0 {
			return false
		}
	}
	return s != ""
}

// quotes are the characters that names are quoted with: where another one is put, the text means something else, or nothing.
func (r *pinReader) quotes() string {
	switch sqltext.DialectOf(r.stmt.Name()) {
	case sqltext.MySQL:
		return "`"
	case sqltext.Postgres:
		return `"`
	default:
		return "\"`[]"
	}
}

// product is every combination of the columns' texts.
func (r *pinReader) product() (pins, bool) {
	if r.tuples != nil {
		for _, texts := range r.found {
			r.exact = r.exact && texts == nil
		}
		return pins{keys: r.tuples, exact: r.exact}, len(r.tuples) <= maxPinned
	}
	keys := [][]string{nil}
	for _, texts := range r.found {
		if texts == nil || len(keys)*len(texts) > maxPinned {
			return pins{}, false
		}
		next := make([][]string, 0, len(keys)*len(texts))
		for _, key := range keys {
			for _, text := range texts {
				next = append(next, append(key[:len(key):len(key)], text))
			}
		}
		keys = next
	}
	return pins{keys: keys, exact: r.exact}, true
}
