package cacheplugin

import (
	"context"
	"database/sql/driver"
	"errors"
	"math"
	"reflect"
	"strings"

	"gorm.io/gorm"
	"gorm.io/gorm/callbacks"
	"gorm.io/gorm/clause"
	"gorm.io/gorm/schema"

	"github.com/cachewright/cachewright/coherence"
	"github.com/cachewright/cachewright/internal/sqltext"
	core "github.com/cachewright/cachewright/internal/writeback"
)

// rowChange is a change of one row with what it takes to read the row.
type rowChange struct {
	core.Change
	parts []string // canonical key
}

// savedClauses is what translating a statement may change and a fall-back must find as it was.
type savedClauses struct {
	where, conflict       clause.Clause
	hasWhere, hasConflict bool
	track                 any
	tracked               bool
}

func saveClauses(stmt *gorm.Statement, op operation) savedClauses {
	var s savedClauses
	s.where, s.hasWhere = stmt.Clauses["WHERE"]
	if op == opCreate {
		s.conflict, s.hasConflict = stmt.Clauses["ON CONFLICT"]
		s.track, s.tracked = stmt.Settings.Load("gorm:update_track_time")
	}
	return s
}

func (s savedClauses) restore(stmt *gorm.Statement) {
	if _, translated := stmt.Clauses["SET"]; translated {
		return
	}
	put := func(name string, c clause.Clause, had bool) {
		if had {
			stmt.Clauses[name] = c
		} else {
			delete(stmt.Clauses, name)
		}
	}
	put("WHERE", s.where, s.hasWhere)
	put("ON CONFLICT", s.conflict, s.hasConflict)
	if s.tracked {
		stmt.Settings.Store("gorm:update_track_time", s.track)
	}
}

// change translates a statement into a change of one row. false: it cannot be merged, and is to be done at once. A
// statement of several rows succeeds or fails, and is seen, as a whole, which only the database can promise. What GORM
// does to the caller's structs on the way to its SQL happens here by GORM's own functions.
func (t *dirtyTable) change(db *gorm.DB, op operation) (rowChange, bool) {
	stmt := db.Statement
	if stmt.Table != t.model.schema.Table || stmt.TableExpr != nil || len(stmt.Joins) > 0 {
		return rowChange{}, false
	}
	for name, c := range stmt.Clauses {
		if c.Builder != nil || c.BeforeExpression != nil || c.AfterNameExpression != nil || c.AfterExpression != nil {
			return rowChange{}, false
		}
		if name != "WHERE" && (name != "ON CONFLICT" || op != opCreate) {
			return rowChange{}, false // RETURNING, LIMIT, hints, a SET of the caller's: the database's business
		}
	}
	switch op {
	case opCreate:
		return t.create(db)
	case opUpdate:
		return t.update(db)
	case opDelete:
		return t.delete(db)
	default:
		return rowChange{}, false
	}
}

// create translates an INSERT of one row whose key the caller chose.
func (t *dirtyTable) create(db *gorm.DB) (rowChange, bool) {
	stmt := db.Statement
	if len(stmt.Schema.CreateClauses) > 0 {
		return rowChange{}, false
	}
	if rv := stmt.ReflectValue; rv.Kind() != reflect.Struct && rv.Kind() != reflect.Map && (rv.Kind() != reflect.Slice || rv.Len() != 1) {
		return rowChange{}, false
	}
	values := callbacks.ConvertToCreateValues(stmt)
	if db.Error != nil || len(values.Values) != 1 || len(values.Columns) != len(values.Values[0]) {
		return rowChange{}, false
	}
	row := make([]any, len(t.columns))
	given := make([]bool, len(t.columns))
	for i, column := range values.Columns {
		at, ok := t.index[column.Name]
		if !ok {
			return rowChange{}, false
		}
		if row[at], ok = t.value(at, values.Values[0][i]); !ok || given[at] {
			return rowChange{}, false
		}
		given[at] = true
	}
	for i := range t.columns {
		c := &t.columns[i]
		if !given[i] && (c.defaulted || c.generated) || c.unique && row[i] != nil {
			return rowChange{}, false
		}
	}
	c := rowChange{Change: core.Change{Op: core.Create, Values: row}}
	for i, at := range t.keyAt {
		text, ok := canonicalKey(t.classes[i], row[at])
		if !ok || !given[at] {
			return rowChange{}, false
		}
		c.parts = append(c.parts, text)
	}
	c.Key = t.key(c.parts)
	if conflict, ok := stmt.Clauses["ON CONFLICT"].Expression.(clause.OnConflict); ok {
		if !t.upsert(stmt, &c, conflict) {
			return rowChange{}, false
		}
	}
	return c, true
}

// upsert translates ON CONFLICT on the primary key.
func (t *dirtyTable) upsert(stmt *gorm.Statement, c *rowChange, conflict clause.OnConflict) bool {
	if conflict.OnConstraint != "" || len(conflict.Where.Exprs) > 0 || len(conflict.TargetWhere.Exprs) > 0 {
		return false
	}
	if len(conflict.Columns) > 0 || len(conflict.DoUpdates) > 0 {
		if len(conflict.Columns) != len(t.keyAt) {
			return false
		}
		for _, column := range conflict.Columns {
			at, ok := t.index[column.Name]
			if !ok || column.Raw || !t.isKey(at) {
				return false
			}
		}
	}
	c.Op = core.Upsert
	if conflict.DoNothing {
		return len(conflict.DoUpdates) == 0
	}
	return len(conflict.DoUpdates) > 0 && t.assign(stmt, c, conflict.DoUpdates)
}

func (t *dirtyTable) isKey(at int) bool {
	for _, k := range t.keyAt {
		if k == at {
			return true
		}
	}
	return false
}

// update translates an UPDATE of a row named by nothing but its key. What cannot be merged is left for GORM to build from:
// a second translation would find the new key, if it is assigned, in the caller's model.
func (t *dirtyTable) update(db *gorm.DB) (rowChange, bool) {
	stmt := db.Statement
	if len(stmt.Schema.UpdateClauses) > 0 {
		return rowChange{}, false
	}
	set := callbacks.ConvertToAssignments(stmt)
	if db.Error != nil || len(set) == 0 {
		return rowChange{}, false
	}
	if c, ok := t.keyed(stmt, core.Update); ok && t.assign(stmt, &c, set) {
		return c, true
	}
	stmt.AddClause(set)
	return rowChange{}, false
}

// delete translates a DELETE of a row named by nothing but its key, with the conditions GORM adds from its models.
func (t *dirtyTable) delete(db *gorm.DB) (rowChange, bool) {
	stmt := db.Statement
	if len(stmt.Schema.DeleteClauses) > 0 || t.cascades {
		return rowChange{}, false
	}
	addKeys := func(v reflect.Value) {
		_, values := schema.GetIdentityFieldValuesMap(stmt.Context, v, stmt.Schema.PrimaryFields)
		column, in := schema.ToQueryValues(stmt.Table, stmt.Schema.PrimaryFieldDBNames, values)
		if len(in) > 0 {
			stmt.AddClause(clause.Where{Exprs: []clause.Expression{clause.IN{Column: column, Values: in}}})
		}
	}
	addKeys(stmt.ReflectValue)
	if stmt.ReflectValue.CanAddr() && stmt.Dest != stmt.Model && stmt.Model != nil {
		addKeys(reflect.ValueOf(stmt.Model))
	}
	return t.keyed(stmt, core.Delete)
}

// keyed begins a change of the one row whose key the statement's conditions consist of.
func (t *dirtyTable) keyed(stmt *gorm.Statement, op core.Op) (rowChange, bool) {
	p, ok := pinned(stmt, t.model, t.classes)
	if !ok || !p.exact || len(p.keys) != 1 {
		return rowChange{}, false
	}
	c := rowChange{Change: core.Change{Key: t.key(p.keys[0]), Op: op}, parts: p.keys[0]}
	return c, true
}

// arguments are the parts of a key as the column's own values.
func (t *dirtyTable) arguments(parts []string) ([]any, bool) {
	args := make([]any, len(parts))
	for i, text := range parts {
		var ok bool
		if args[i], ok = argumentOf(t.classes[i], text); !ok {
			return nil, false
		}
	}
	return args, true
}

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
		return sign * int64(rv.Uint()), rv.Uint() <= math.MaxInt64 //nolint:gosec // bounded in the same breath
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

// apply brings one change into the dirty table, loading the row when nothing is known of it.
func (t *dirtyTable) apply(ctx context.Context, c *rowChange) (int64, error) {
	engine := t.writeback.plugin.engine
	tag := t.tag(c.parts)
	var base *core.Base
	for {
		if err := t.Ready(ctx, c.Key); err != nil {
			return 0, err
		}
		w, err := engine.Begin(ctx, tag)
		if err != nil {
			return 0, err
		}
		out, err := t.applyAnnounced(ctx, w, c, base)
		if !errors.Is(err, core.ErrNeedBase) {
			return out.Affected, err
		}
		if base, err = t.load(ctx, c); err != nil {
			return 0, err
		}
	}
}

// applyAnnounced ends the announced write whatever happens.
func (t *dirtyTable) applyAnnounced(ctx context.Context, w *coherence.Write, c *rowChange, base *core.Base) (core.Outcome, error) {
	defer w.Settle() // after a panic nobody knows
	out, err := t.Apply(ctx, c.Change, base)
	if err != nil || out.Affected == 0 {
		w.Release()
	}
	return out, err
}
