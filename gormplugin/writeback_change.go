package cacheplugin

import (
	"context"
	"errors"
	"reflect"

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
		w.Carry() // others cannot see it yet: the flush tells them
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
	if out.Affected == 0 {
		w.Release()
	}
	return out, err
}
