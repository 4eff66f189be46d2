package cacheplugin

import (
	"context"
	"database/sql/driver"
	"errors"
	"maps"
	"math"
	"reflect"
	"strings"

	"gorm.io/gorm"
	"gorm.io/gorm/callbacks"
	"gorm.io/gorm/clause"
	"gorm.io/gorm/schema"

	"github.com/cachewright/cachewright/coherence"
	core "github.com/cachewright/cachewright/internal/writeback"
)

// rowChange is a change of one row with what it takes to read the row.
type rowChange struct {
	core.Change
	parts []string // canonical key
	args  []any    // the key as arguments of a query
}

// savedClauses is what translating a statement may change and a fall-back must find as it was.
type savedClauses struct {
	clauses map[string]clause.Clause
	vars    []any
	track   any
	tracked bool
}

func saveClauses(stmt *gorm.Statement) savedClauses {
	track, tracked := stmt.Settings.Load("gorm:update_track_time")
	return savedClauses{clauses: maps.Clone(stmt.Clauses), vars: stmt.Vars, track: track, tracked: tracked}
}

func (s savedClauses) restore(stmt *gorm.Statement) {
	stmt.Clauses, stmt.Vars = s.clauses, s.vars
	if s.tracked {
		stmt.Settings.Store("gorm:update_track_time", s.track)
	}
}

// changes translates a statement into changes of rows. false: it cannot be merged, and is to be done at once. What GORM
// does to the caller's structs on the way to its SQL happens here by GORM's own functions.
func (t *dirtyTable) changes(db *gorm.DB, op operation) ([]rowChange, bool) {
	stmt := db.Statement
	if stmt.Table != t.model.schema.Table || stmt.TableExpr != nil || len(stmt.Joins) > 0 {
		return nil, false
	}
	for name, c := range stmt.Clauses {
		if c.Builder != nil || c.BeforeExpression != nil || c.AfterNameExpression != nil || c.AfterExpression != nil {
			return nil, false
		}
		switch name {
		case "WHERE", "SET", "ON CONFLICT":
		default:
			return nil, false // RETURNING, LIMIT, hints: the database's business
		}
	}
	switch op {
	case opCreate:
		return t.creates(db)
	case opUpdate:
		return t.updates(db)
	case opDelete:
		return t.deletes(db)
	default:
		return nil, false
	}
}

// creates translates an INSERT of one row whose key the caller chose.
func (t *dirtyTable) creates(db *gorm.DB) ([]rowChange, bool) {
	stmt := db.Statement
	if rv := stmt.ReflectValue; rv.Kind() != reflect.Struct && rv.Kind() != reflect.Map && (rv.Kind() != reflect.Slice || rv.Len() != 1) {
		return nil, false // several rows succeed or fail together, which only the database can promise
	}
	values := callbacks.ConvertToCreateValues(stmt)
	if db.Error != nil || len(values.Values) != 1 || len(values.Columns) != len(values.Values[0]) {
		return nil, false
	}
	row := make([]any, len(t.columns))
	given := make([]bool, len(t.columns))
	for i, column := range values.Columns {
		at, ok := t.index[column.Name]
		if !ok {
			return nil, false
		}
		if row[at], ok = t.value(at, values.Values[0][i]); !ok || given[at] {
			return nil, false
		}
		given[at] = true
	}
	for i := range t.columns {
		c := &t.columns[i]
		if !given[i] && (c.defaulted || c.generated) || c.unique && row[i] != nil {
			return nil, false
		}
	}
	c := rowChange{Change: core.Change{Op: core.Create, Values: row}}
	for i, at := range t.keyAt {
		text, ok := canonicalKey(t.classes[i], row[at])
		if !ok || !given[at] {
			return nil, false
		}
		c.parts, c.args = append(c.parts, text), append(c.args, row[at])
	}
	c.Key = t.key(c.parts)
	if conflict, ok := stmt.Clauses["ON CONFLICT"].Expression.(clause.OnConflict); ok {
		if !t.upsert(stmt, &c, conflict) {
			return nil, false
		}
	}
	return []rowChange{c}, true
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

// updates translates an UPDATE of rows named by nothing but their keys.
func (t *dirtyTable) updates(db *gorm.DB) ([]rowChange, bool) {
	stmt := db.Statement
	if len(stmt.Schema.UpdateClauses) > 0 {
		return nil, false
	}
	if _, ok := stmt.Clauses["SET"]; ok {
		return nil, false
	}
	set := callbacks.ConvertToAssignments(stmt)
	if db.Error != nil || len(set) == 0 {
		return nil, false
	}
	keys, ok := t.exactKeys(stmt)
	if !ok {
		return nil, false
	}
	all := make([]rowChange, 0, len(keys))
	for _, parts := range keys {
		c := rowChange{Change: core.Change{Key: t.key(parts), Op: core.Update}, parts: parts}
		if c.args, ok = t.arguments(parts); !ok || !t.assign(stmt, &c, set) {
			return nil, false
		}
		all = append(all, c)
	}
	return all, true
}

// deletes translates a DELETE of rows named by nothing but their keys, with the conditions GORM adds from its models.
func (t *dirtyTable) deletes(db *gorm.DB) ([]rowChange, bool) {
	stmt := db.Statement
	if len(stmt.Schema.DeleteClauses) > 0 {
		return nil, false
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
	keys, ok := t.exactKeys(stmt)
	if !ok {
		return nil, false
	}
	all := make([]rowChange, 0, len(keys))
	for _, parts := range keys {
		c := rowChange{Change: core.Change{Key: t.key(parts), Op: core.Delete}, parts: parts}
		if c.args, ok = t.arguments(parts); !ok {
			return nil, false
		}
		all = append(all, c)
	}
	return all, true
}

// exactKeys are the keys the statement's conditions consist of.
func (t *dirtyTable) exactKeys(stmt *gorm.Statement) ([][]string, bool) {
	p, ok := pinned(stmt, t.model, t.classes)
	if !ok || !p.exact || len(p.keys) == 0 {
		return nil, false
	}
	seen := make(map[string]bool, len(p.keys))
	for _, parts := range p.keys {
		if key := t.key(parts); seen[key] {
			return nil, false
		} else {
			seen[key] = true
		}
	}
	return p.keys, true
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

// acknowledge applies the changes, each announced and published like a write, and returns how many rows they met.
func (t *dirtyTable) acknowledge(ctx context.Context, changes []rowChange) (int64, error) {
	var affected int64
	for i := range changes {
		n, err := t.apply(ctx, &changes[i])
		if err != nil {
			if affected > 0 || i > 0 {
				// A part is acknowledged already: doing the whole statement again would count it twice.
				return affected, errors.Join(err, ctx.Err())
			}
			return 0, err
		}
		affected += n
	}
	return affected, nil
}

// apply brings one change into the dirty table, loading the row when nothing is known of it.
func (t *dirtyTable) apply(ctx context.Context, c *rowChange) (int64, error) {
	engine := t.writeback.plugin.engine
	tags := []coherence.Tag{t.tag(c.parts)}
	var base *core.Base
	for {
		if err := t.Ready(ctx, c.Key); err != nil {
			return 0, err
		}
		w, err := engine.Begin(ctx, tags...)
		if err != nil {
			return 0, err
		}
		out, err := t.applyAnnounced(ctx, w, c, base)
		if !errors.Is(err, core.ErrNeedBase) {
			return out.Affected, err
		}
		if base, err = t.load(ctx, c.parts, c.args); err != nil {
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
