package cacheplugin

import (
	"reflect"
	"slices"
	"strings"

	"gorm.io/gorm/clause"

	"github.com/cachewright/cachewright/coherence"
	"github.com/cachewright/cachewright/internal/rowset"
	"github.com/cachewright/cachewright/internal/sqltext"
)

// byKey serves a read of one row by its primary key, before GORM builds any SQL. It reports false, and has done nothing,
// when the statement is anything else.
func (r *reader) byKey() bool {
	p, m, stmt := r.plugin, r.model, r.db.Statement
	if m.odd || len(m.keys) == 0 || p.hiding(m) || !r.plain() {
		return false
	}
	rel := r.relation()
	if rel == nil {
		return false
	}
	var (
		classBuf [4]keyClass
		keyBuf   [4]string
	)
	classes := classBuf[:0]
	for _, f := range m.keys {
		class := rel.keys[strings.ToLower(f.DBName)]
		if class == keyNone {
			return false
		}
		classes = append(classes, class)
	}
	key, ok := r.oneKey(keyBuf[:0], classes)
	if !ok {
		return false
	}
	scope := p.engine.Scope(r.ctx)
	if r.deps != nil {
		r.deps.Scoped(scope)
		r.deps.Reading(m.table)
	}
	v := viewLive
	if m.soft != nil && stmt.Unscoped {
		v = viewAll
	}
	var buf [128]byte
	storeKey := p.rowKey(buf[:0], scope, m, v, key...)
	var given []clause.Expression
	if r.keyed {
		given = r.givenKey()
	}
	if (!p.writeback.used() || !r.pending(key)) && !r.serve(storeKey) {
		r.loadRow(string(storeKey), classes, key)
	}
	r.leaveClauses(given)
	return true
}

// loadRow reads the row after a miss. It works on copies, so that what a hit needs of its key stays on the stack.
func (r *reader) loadRow(storeKey string, classes []keyClass, key []string) {
	m := r.model
	classes, key = slices.Clone(classes), slices.Clone(key)
	tags := []coherence.Tag{m.table.RowText(key...)}
	r.load(storeKey, tags, m.life, true, func(answer rowset.View) bool { return holdsKey(answer, m, classes, key) })
}

// plain reports that the statement asks for whole rows of the model's own table into a struct or slice of the model, with
// no clause but conditions and what does not matter to one row.
func (r *reader) plain() bool {
	if !r.whole() {
		return false
	}
	for name, c := range r.db.Statement.Clauses {
		if !bare(c) {
			return false
		}
		switch name {
		case "WHERE", "soft_delete_enabled":
		case "LIMIT":
			if l, ok := c.Expression.(clause.Limit); !ok || l.Offset > 0 || l.Limit != nil && *l.Limit < 1 {
				return false
			}
		case "ORDER BY":
			if !byPrimaryKey(c.Expression) {
				return false
			}
		default:
			return false
		}
	}
	return true
}

// whole reports that the statement asks for all columns of the model's own table, and wants them in structs of the model.
func (r *reader) whole() bool {
	m, stmt := r.model, r.db.Statement
	if stmt.Table != m.schema.Table || stmt.TableExpr != nil || stmt.Distinct || len(stmt.Joins) > 0 ||
		len(stmt.Selects) > 0 || len(stmt.Omits) > 0 || len(stmt.ColumnMapping) > 0 || r.db.QueryFields {
		return false
	}
	rt := stmt.ReflectValue.Type()
	if rt.Kind() == reflect.Slice {
		rt = rt.Elem()
		if rt.Kind() == reflect.Pointer {
			rt = rt.Elem()
		}
	}
	return rt == m.schema.ModelType
}

// byPrimaryKey recognises the order that First and Last add, which does not matter to one row.
func byPrimaryKey(e clause.Expression) bool {
	o, ok := e.(clause.OrderBy)
	if !ok || o.Expression != nil {
		return false
	}
	for _, c := range o.Columns {
		if c.Column.Raw || c.Column.Name != clause.PrimaryKey || c.Column.Table != clause.CurrentTable {
			return false
		}
	}
	return true
}

// relation is what the catalogue says of the model's table, nil if its rows cannot be cached by key.
func (r *reader) relation() *relation {
	p, m := r.plugin, r.model
	rel := m.relation.Load()
	if rel == nil || rel.generation != p.catalogue.generation() {
		read, err := p.relation(r.ctx, r.db.Statement.ConnPool, tableName(m.schema.Table))
		if err != nil || !read.exists {
			return nil
		}
		if rel = read; !read.passing {
			m.relation.Store(read)
		}
	}
	if !rel.ordinary || !rel.identifiedBy(m) || rel.rowSecurity && !p.settings.scoped {
		return nil
	}
	return rel
}

// tableName splits the name GORM has for a table.
func tableName(table string) sqltext.Name { return sqltext.ParseName(table) }

// oneKey finds the one key the statement asks for: in its conditions, in the destination, or the same in both.
func (r *reader) oneKey(dst []string, classes []keyClass) ([]string, bool) {
	m, stmt := r.model, r.db.Statement
	key, found := dst, false
	if _, ok := stmt.Clauses["WHERE"]; ok {
		if text, ok := r.simpleKey(classes); ok {
			key, found = append(key, text), true
		} else {
			p, ok := pinned(stmt, m, classes)
			if !ok || !p.exact || len(p.keys) != 1 {
				return nil, false
			}
			key, found = append(key, p.keys[0]...), true
		}
	}
	if stmt.ReflectValue.Kind() != reflect.Struct {
		return key, found
	}
	// GORM adds the non-zero key fields of the destination to the conditions.
	zeros := 0
	for i, f := range m.keys {
		v, zero := f.ValueOf(stmt.Context, stmt.ReflectValue)
		if zero {
			zeros++
			continue
		}
		r.keyed = true
		text, ok := canonicalKey(classes[i], v)
		if !ok || found && key[i] != text {
			return nil, false
		}
		if !found {
			key = append(key, text)
		}
	}
	return key, found || zeros == 0
}

// givenKey is the condition GORM makes of the key fields that the destination holds, nil if it holds none. It is read
// before the answer is written there.
func (r *reader) givenKey() []clause.Expression {
	stmt := r.db.Statement
	if stmt.ReflectValue.Kind() != reflect.Struct {
		return nil
	}
	var conds []clause.Expression
	for _, f := range r.model.keys {
		if v, zero := f.ValueOf(stmt.Context, stmt.ReflectValue); !zero {
			conds = append(conds, clause.Eq{Column: clause.Column{Table: stmt.Table, Name: f.DBName}, Value: v})
		}
	}
	return conds
}

// emptySelect and emptyFrom are what building a plain SELECT leaves in the statement.
var (
	emptySelect = clause.Clause{Name: "SELECT", Expression: clause.Select{}} //nolint:gochecknoglobals // constants in all but the language
	emptyFrom   = clause.Clause{Name: "FROM", Expression: clause.From{}}     //nolint:gochecknoglobals // as above
)

// leaveClauses leaves in a statement whose SQL was never built the clauses that building it would have left: an
// application that goes on with the same *gorm.DB goes on with them.
func (r *reader) leaveClauses(given []clause.Expression) {
	stmt := r.db.Statement
	if stmt.SQL.Len() > 0 {
		return
	}
	for _, c := range r.model.schema.QueryClauses {
		stmt.AddClause(c)
	}
	if len(given) > 0 {
		stmt.AddClause(clause.Where{Exprs: given})
	}
	stmt.Clauses["SELECT"], stmt.Clauses["FROM"] = emptySelect, emptyFrom
}

// simpleKey reads the commonest form without allocating: First(&x, 1), one value of a single key column.
func (r *reader) simpleKey(classes []keyClass) (string, bool) {
	where, ok := r.db.Statement.Clauses["WHERE"].Expression.(clause.Where)
	if !ok || len(where.Exprs) != 1 || len(classes) != 1 {
		return "", false
	}
	expr := where.Exprs[0]
	if and, ok := expr.(clause.AndConditions); ok && len(and.Exprs) == 1 {
		expr = and.Exprs[0]
	}
	in, ok := expr.(clause.IN)
	if !ok || len(in.Values) != 1 {
		return "", false
	}
	c, ok := in.Column.(clause.Column)
	if !ok || c.Name != clause.PrimaryKey || c.Raw || c.Table != clause.CurrentTable && c.Table != r.db.Statement.Table {
		return "", false
	}
	return canonicalKey(classes[0], in.Values[0])
}

// holdsKey reports whether the answer is the one row with the key that was asked for: the entry then carries the tag of
// the key the database returned.
func holdsKey(answer rowset.View, m *model, classes []keyClass, key []string) bool {
	if answer.NumRows() != 1 {
		return false
	}
	matched := 0
	it := answer.Rows()
	if !it.Next() {
		return false
	}
	for i := range answer.NumColumns() {
		value := it.Value()
		for j, f := range m.keys {
			if answer.ColumnName(i) != f.DBName {
				continue
			}
			text, ok := keyOfValue(classes[j], value)
			if !ok || text != key[j] {
				return false
			}
			matched++
		}
	}
	return matched == len(key)
}
